"""The answers of the control API about wants, as dataclasses; see ``schema``."""

from __future__ import annotations

from ...wire.quick_dataclass import quick_dataclass


@quick_dataclass(frozen=True)
class WantProblem:
    """A document that a want has not, or not in its present version, and why."""

    name: str
    why: str


@quick_dataclass(frozen=True)
class Want:
    """A want. `peer` is HOST:PORT of the only one that counts, None if all do; `is_set`: it stands in the settings.

    `here` is the number of its documents in its folder, `fetching` of those that are fetched or wait for that.
    """

    id: str
    pattern: str
    peer: str | None
    directory: str
    delete: bool
    is_set: bool
    here: int
    fetching: int
    problems_total: int
    problems: list[WantProblem]


@quick_dataclass(frozen=True)
class WantList:
    """The wants of a peer, the newest last."""

    items: list[Want]
