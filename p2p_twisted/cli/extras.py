"""Optional dependencies: the failure of a command when one is not installed."""

from __future__ import annotations

from ..config.extras import missing, missing_line
from . import exits


def need_extra(*modules: str) -> None:
    """Return if all of `modules`, keys of DISTRIBUTIONS, are installed. Raises Failure otherwise."""
    if line := missing(modules):
        raise exits.Failure(exits.FAILED, line)


def missing_extra(*modules: str) -> exits.Failure:
    """Return the failure of a command that lacks `modules`, with the command line that installs them."""
    return exits.Failure(exits.FAILED, missing_line(list(modules)))
