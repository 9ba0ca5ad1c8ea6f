"""What a lab may be told to run: the members of an order, checked one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..swarm.rates import RateError, parse_rate
from ..wire.errors import BadRequest

TASKS = ("task1", "task2-worst", "task2-best", "swarm", "all")
BOUNDS = {"peers": (2, 32), "files": (2, 500), "size": (1, 256), "seed": (0, 2**31 - 1)}
"""The least and the most of each number: what one machine can run, and a page can show."""
MAX_RATE_TEXT = 32


@dataclass(frozen=True)
class Order:
    """An experiment, as on the command line: `size` is that of the swarm's document in MiB, rates are text."""

    task: str
    peers: int = 6
    files: int = 60
    size: int = 32
    up: str = "20Mbit"
    down: str = "100Mbit"
    seed: int = 0
    swarm: bool = False


MEMBERS = tuple(Order.__dataclass_fields__)


def order(body: Mapping[str, Any]) -> Order:
    """The order that the members of `body` make; what is not there is as in an `Order`. Raises BadRequest."""
    if body.get("task") not in TASKS:
        raise BadRequest(f"task must be one of {', '.join(TASKS)}")
    for name in BOUNDS.keys() & body.keys():
        _check_number(name, body[name])
    for name in {"up", "down"} & body.keys():
        _check_rate(name, body[name])
    if not isinstance(body.get("swarm", False), bool):
        raise BadRequest("swarm must be true or false")
    made = Order(**body)
    if made.task not in ("task1", "swarm") and made.files < made.peers:
        raise BadRequest(f"{made.files} files cannot be dealt to {made.peers} peers: at least one each")
    return made


def _check_number(name: str, value: object) -> None:
    low, high = BOUNDS[name]
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
        raise BadRequest(f"{name} must be a rate: an experiment needs links of some rate")
