"""The order for an experiment, as the API takes it: its members are checked one by one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...config.rates import RateError, parse_rate
from ...wire.errors import BadRequest

SCALE = "scale"
TASKS = ("task1", "task2-worst", "task2-best", "swarm", "all", SCALE)
PLACES = ("loopback", "netns")
LIMITS = {"peers": (2, 32), "files": (2, 500), "size": (1, 256), "seed": (0, 2**31 - 1), "repeat": (1, 20)}
"""The range of each number: as much as one machine can run, and a page can show."""
SCALE_SIZE = 4
"""MiB of the document of ``scale`` if no size is given."""
MAX_RATE_TEXT = 32
MAX_FAULTS = 16
"""Faults of one kind."""
FAULTS = {
    "kill": (re.compile(r"(?P<peer>source|peer[0-9]{1,3})@[0-9]{1,6}(\.[0-9]{1,3})?(%|s)", re.ASCII), "peer3@5s"),
    "slow": (re.compile(r"(?P<peer>source|peer[0-9]{1,3})=(?P<rate>[0-9A-Za-z.]{1,16})", re.ASCII), "peer3=1Mbit"),
    "liar": (re.compile(r"(?P<peer>source|peer[0-9]{1,3})", re.ASCII), "peer4"),
}
"""Kind of fault -> its syntax, and an example."""
CHURN = re.compile(r"(?=.*[1-9])[0-9]{1,5}(\.[0-9]{1,3})?s", re.ASCII)


@dataclass(frozen=True)
class ExperimentOrder:
    """The order for an experiment, with the values of the command line.

    `size` is that of the document in tasks that have only one, in MiB; rates and faults are text. For `scale`, `peers`
    is the largest number of peers.
    """

    task: str
    peers: int = 6
    files: int = 60
    size: int = 32
    up: str = "20Mbit"
    down: str = "100Mbit"
    seed: int = 0
    swarm: bool = False
    trace: bool = False
    repeat: int = 1
    lab: str = "loopback"
    kill: Sequence[str] = field(default_factory=list)
    slow: Sequence[str] = field(default_factory=list)
    liar: Sequence[str] = field(default_factory=list)
    churn: str = ""


MEMBERS = tuple(ExperimentOrder.__dataclass_fields__)


def parse_order(body: Mapping[str, Any]) -> ExperimentOrder:
    """Return the order with the members of `body`, and the default of each other member. Raises BadRequest."""
    if body.get("task") not in TASKS:
        raise BadRequest(f"task must be one of {', '.join(TASKS)}")
    for name in LIMITS.keys() & body.keys():
        _check_number(name, body[name])
    for name in {"up", "down"} & body.keys():
        _check_rate(name, body[name])
    for name in ("swarm", "trace"):
        if not isinstance(body.get(name, False), bool):
            raise BadRequest(f"{name} must be true or false")
    if body.get("lab", PLACES[0]) not in PLACES:
        raise BadRequest(f"lab must be one of {', '.join(PLACES)}")
    for name in FAULTS.keys() & body.keys():
        _check_faults(name, body[name], body.get("peers", ExperimentOrder.peers))
    if not _is_churn(body.get("churn", "")):
        raise BadRequest("churn must be a time such as 10s, as text")
    defaults = {"size": SCALE_SIZE} if body["task"] == SCALE else {}
    return _checked(ExperimentOrder(**{**defaults, **body}))


def _checked(order: ExperimentOrder) -> ExperimentOrder:
    """Return the order. Raises BadRequest if its members exclude one another."""
    if order.task == SCALE and (order.kill or order.slow or order.liar or order.churn or order.swarm):
        raise BadRequest("scale has no faults, and always runs a swarm too")
    if order.task not in ("task1", "swarm", SCALE) and order.files < order.peers - len(set(order.liar)):
        raise BadRequest(f"{order.files} files cannot be dealt to {order.peers} peers: at least one each")
    return order


def _check_number(name: str, value: object) -> None:
    low, high = LIMITS[name]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadRequest(f"{name} must be a whole number from {low} to {high}")


def _check_rate(name: str, value: object) -> None:
    if not isinstance(value, str) or len(value) > MAX_RATE_TEXT:
        raise BadRequest(f"{name} must be a rate such as 20Mbit, as text")
    try:
        rate = parse_rate(value)
    except RateError as error:
        raise BadRequest(f"{name} {error}") from None
    if rate is None:
        raise BadRequest(f"{name} must be a rate: an experiment needs links with a rate")


def _check_faults(name: str, values: object, peers: int) -> None:
    form, example = FAULTS[name]
    if not isinstance(values, list) or len(values) > MAX_FAULTS:
        raise BadRequest(f"{name} must be a list of at most {MAX_FAULTS} texts such as {example}")
    for value in values:
        found = form.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise BadRequest(f"{name} must have texts such as {example}, not {str(value)[:40]!r}")
        peer = found["peer"]
        if peer != "source" and not 1 <= int(peer.removeprefix("peer")) <= peers:
            raise BadRequest(f"{name}: there is no {peer} among {peers} peers")
        if "rate" in found.groupdict():
            _check_rate(name, found["rate"])


def _is_churn(value: object) -> bool:
    return isinstance(value, str) and (not value or CHURN.fullmatch(value) is not None)
