"""Optional dependencies: the line that a command ends with when one is not installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

from . import exits

DISTRIBUTIONS = {"fpdf": "fpdf2", "jinja2": "Jinja2", "matplotlib": "matplotlib"}
"""The modules of the extra ``experiment`` -> the distribution that has each."""


def need_extra(*modules: str) -> None:
    """Return if all of `modules`, keys of DISTRIBUTIONS, are installed. Raises Failure otherwise."""
    if missing := [module for module in modules if find_spec(module) is None]:
        raise missing_extra(*missing)


def missing_extra(*modules: str) -> exits.Failure:
    """Return the failure of a command that lacks `modules`, with the command line that installs them."""
    missing = " and ".join(DISTRIBUTIONS[module] for module in modules)
    are = "is" if len(modules) == 1 else "are"
    return exits.Failure(exits.FAILED, f"{missing} {are} not installed: {_remedy()}")


def _remedy() -> str:
    """Return what to type: the checkout by its path if this runs from one, so that it works from any folder."""
    install = f"{quote(sys.executable)} -m pip install -e"
    root = Path(__file__).resolve().parents[2]
    if (root / "setup.cfg").is_file():
        return f"{install} {quote(f'{root}[experiment]')}"
    return f"{install} '.[experiment]', in a checkout of p2p_twisted"
