"""docs/reliability.rst: each promise with its test, its measured figure, and the command that measures it.

    python -m benchmarks.reliability [--run]

Takes the latest figures of ``make attacks`` and ``make soak-hostile`` from ``benchmarks/results`` into
``docs/reliability.json``, and writes the page from it. With ``--run``, the tests of the promises that no such command
measures are run first, one promise after the other.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.attacks.outcome import RESULTS

REPOSITORY = Path(__file__).parents[1]
FIGURES = REPOSITORY / "docs" / "reliability.json"
PAGE = REPOSITORY / "docs" / "reliability.rst"
TESTS = "pytest"
"""In place of a command: the figure is how many of the tests passed."""
HEAD = """\
.. Made by "make reliability" from docs/reliability.json: change that file.

===========
Reliability
===========

What the system promises, the test that shows each promise, and the figure that was measured. ``make attacks`` repeats
all attacks, and ``make attacks ROW=NAME`` one of them (as root: the RS, the honest peers and the strangers have hosts
of their own, in network namespaces); ``make reliability`` puts the figures into this page. The tests run in
``make test``, on a small scale where the attack itself takes minutes.

A *stall* is the longest time for which the reactor of a process did nothing else, measured in the process itself every
5 ms, without the time in which it was ready to run and had no processor: the machine has two cores, on which the
attackers run as well. *MB more* is the peak of the process's memory above what it was before the attack.
"""

Promise = dict[str, Any]


def main() -> None:
    summary, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details.partition("\n\n")[2])
    parser.add_argument("--run", action="store_true", help="run the tests first")
    promises = load()
    if parser.parse_args().run:
        run_tests(promises)
    take_figures(promises)
    FIGURES.write_text(json.dumps(promises, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(promises))


def load() -> list[Promise]:
    """Return the promises, in the order of the page."""
    promises: list[Promise] = json.loads(FIGURES.read_text())
    return promises


def take_figures(promises: list[Promise]) -> None:
    """Put the latest result of each command into its promise."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    results = {result["command"]: result for result in map(json.loads, lines)}
    for promise in promises:
        if (result := results.get(promise["command"])) is not None:
            promise.update(figure=result["figure"], bar=result["bar"] or promise["bar"], holds=result["is_ok"])
            promise["measured"] = f"{result['when']}, {result['commit']}"


def run_tests(promises: list[Promise]) -> None:
    """Run the tests of each promise whose figure they are."""
    for promise in promises:
        if promise["command"] == TESTS:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *promise["tests"]],
                cwd=REPOSITORY,
                capture_output=True,
                text=True,
            )
            said = re.findall(r"\d+ (?:passed|failed|skipped|errors?)", done.stdout)
            promise.update(figure=", ".join(said) or "did not run", holds=done.returncode == 0)
            promise["measured"] = time.strftime("%Y-%m-%d", time.gmtime())
            print(f"{promise['promise']}: {promise['figure']}", flush=True)


def page(promises: list[Promise]) -> str:
    """Return the text of the page."""
    groups = dict.fromkeys(promise["group"] for promise in promises)
    tables = (_table(group, [promise for promise in promises if promise["group"] == group]) for group in groups)
    return "\n".join([HEAD, *tables])


def _table(group: str, promises: list[Promise]) -> str:
    lines = ["", group, "=" * len(group), "", ".. list-table::", "   :header-rows: 1", "   :widths: 26 22 26 26", ""]
    lines += ["   * - promise, or attack", "     - bar", "     - measured", "     - test, and command"]
    for promise in promises:
        lines += [
            f"   * - {promise['promise']}",
            f"     - {promise['bar']}",
            f"     - {_figure(promise)}",
            *_tests(promise),
        ]
    return "\n".join(lines) + "\n"


def _figure(promise: Promise) -> str:
    if not promise["figure"]:
        return "not measured yet"
    failed = "" if promise["holds"] else "**below the bar**: "
    return f"{failed}{promise['figure']} ({promise['measured']})"


def _tests(promise: Promise) -> Iterator[str]:
    tests = [f"``{test}``" for test in promise["tests"]]
    if promise["command"] != TESTS:
        tests.append(f"``{promise['command']}``")
    for number, test in enumerate(tests):
        yield f"{'     - | ' if number == 0 else '       | '}{test}"


if __name__ == "__main__":
    main()
