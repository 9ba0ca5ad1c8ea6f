"""Wants as the API shows them (docs/api.rst)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..web.api.want_schema import Want, WantList, WantProblem

if TYPE_CHECKING:
    from .wants.progress import Progress
    from .wants.wants import Wants

MAX_PROBLEMS = 20
"""Documents that are named in whose way something is; of the others only the number is shown."""
BRIEF = "this peer ends with the command that started it; start one that stays, with 'twistd p2p-peer'"
"""Why a peer has no wants."""


def want_list(wants: Wants | None) -> WantList:
    """Return all wants; none of a peer without."""
    return WantList([] if wants is None else [_want(progress, fetching) for progress, fetching in wants.items()])


def _want(progress: Progress, fetching: int) -> Want:
    want = progress.want
    return Want(
        id=want.id,
        pattern=want.pattern,
        peer=None if want.holder is None else f"{want.holder[0]}:{want.holder[1]}",
        directory=str(want.directory),
        delete=want.deletes,
        is_set=want.is_set,
        here=len(progress.here),
        fetching=fetching,
        problems_total=len(progress.problems),
        problems=[WantProblem(name, why) for name, why in progress.first_problems(MAX_PROBLEMS)],
    )
