"""``python -m fuzz [--seconds N | --mutations N] [TARGET ...]``: run targets, one after the other.

With atheris, inputs that reach new code are kept in build/fuzz/TARGET,
and those that fail as build/fuzz/TARGET-REASON-HASH.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from fuzz.harness import CORPUS, TARGETS
from fuzz.mutations import MAX_LENGTH, TOKENS, run_mutations

FOUND = Path("build/fuzz")
"""Where the finds of all runs are kept."""

MAX_WORD = 64
"""Longest word, in bytes, that libFuzzer takes from a dictionary."""

HANG = 10
"""Seconds after which an input that does not end is reported."""


def dictionary() -> Path:
    """Write the words of TOKENS for libFuzzer, which builds inputs of them; return where."""
    path = FOUND / "dictionary"
    words = ("".join(f"\\x{byte:02x}" for byte in token) for token in TOKENS if len(token) <= MAX_WORD)
    path.write_text("".join(f'"{word}"\n' for word in words))
    return path


def guided(name: str, seconds: int) -> int:
    """Run the target `name` for `seconds`; return its exit code, 0 unless an input failed."""
    finds = FOUND / name
    finds.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-max_len={MAX_LENGTH}", f"-timeout={HANG}", f"-dict={dictionary()}"]
    options += [f"-artifact_prefix={FOUND}/{name}-", str(finds), str(CORPUS / name)]
    return subprocess.run([sys.executable, "-m", "fuzz.guided", name, *options], check=False).returncode


def mutations(name: str, count: int) -> None:
    """Run the target `name` on `count` mutations, and print how long that took. Raises AssertionError."""
    begin = time.monotonic()
    run_mutations(name, count)
    print(f"{name}: {count} mutations in {time.monotonic() - begin:.0f} s, none failed")


def _with_atheris(names: list[str], seconds: int) -> None:
    if find_spec("atheris") is None:
        sys.exit("fuzz: this needs atheris (pip install atheris), which has wheels for CPython 3.11 and later on Linux")
    failed = [name for name in names if guided(name, seconds) != 0]
    if failed:
        sys.exit(f"fuzz: {', '.join(failed)} failed; the inputs are in {FOUND}")


def main() -> None:
    """Run the targets that the command line names; exit with 1 if one of them failed."""
    parser = argparse.ArgumentParser("fuzz", description="Run fuzz targets, one after the other.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"all unless named: {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each target, with atheris (default: 60)")
    parser.add_argument("--mutations", type=int, help="so many for each target, the same each time, without atheris")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    names = options.targets or list(TARGETS)
    if options.mutations is None:
        _with_atheris(names, options.seconds)
    else:
        for name in names:
            mutations(name, options.mutations)


if __name__ == "__main__":
    main()
