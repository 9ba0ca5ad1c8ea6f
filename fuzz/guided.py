"""One target under atheris, which looks for inputs that reach new code. Its process ends with it."""

from __future__ import annotations

import sys

import atheris

from fuzz.harness import load

if __name__ == "__main__":
    _, name, *options = sys.argv
    with atheris.instrument_imports(include=["p2p_twisted"]):
        target = load(name)
    atheris.Setup([sys.argv[0], *options], target)
    atheris.Fuzz()
