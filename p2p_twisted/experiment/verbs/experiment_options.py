"""The options of ``p2p experiment`` and the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ...cli.options import UserPath
from ...config.rates import parse_rate
from ..plan.faults import parse_kill, parse_peer, parse_slow
from ..plan.link_options import DOWN, UP, parse_link_rate
from ..plan.site_layout import parse_sites
from ..plan.uplink_spread import parse_spread
from ..run.cluster import MAX_DOCUMENTS
from ..run.places import PLACES

MAX_PEERS = 200
MAX_SIZE = 4096
"""MiB of the document in tasks that have only one."""

Command = Callable[..., Any]


class Parsed(click.ParamType[Any]):
    """A type whose values are parsed by a function that raises ValueError."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value of a text."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _rate(text: str) -> float:
    rate = parse_rate(text)
    if rate is None:
        raise ValueError("an experiment needs links with a rate")
    return rate


def _seconds(text: str) -> float:
    number = text.removesuffix("s")
    if not (number.isascii() and number.replace(".", "", 1).isdigit() and 0 < float(number) < 1e6):
        raise ValueError(f"{text!r} is not a time such as 10s")
    return float(number)


def _numbers(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and 2 <= int(part) <= MAX_PEERS for part in parts):
        raise ValueError(f"{text!r} is not a list such as 2,4,8, of numbers from 2 to {MAX_PEERS}")
    return sorted({int(part) for part in parts})


def _options(*options: Command) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def size_option(default: int, text: str) -> Command:
    """Return the option ``--size``, in MiB."""
    kind = click.IntRange(1, MAX_SIZE)
    return click.option("--size", type=kind, metavar="MIB", default=default, show_default=True, help=text)


_RATE = Parsed("rate", _rate)
for_sites = _options(
    click.option(
        "--sites",
        type=Parsed("numbers", parse_sites),
        metavar="N+N",
        default="4+4",
        show_default=True,
        help="Peers at each site; the first has the source.",
    ),
    click.option("--between", type=_RATE, default="10Mbit", show_default=True, help="Link between two sites."),
    click.option("--lan", type=_RATE, default="100Mbit", show_default=True, help="Link of each peer to its LAN."),
)
_LINK = Parsed("[peer=]rate", parse_link_rate)
rates = _options(
    click.option(
        "--up", type=_LINK, multiple=True, help=f"Uplink of each peer, {UP} unless given, or of one: peer3=2Mbit."
    ),
    click.option(
        "--down", type=_LINK, multiple=True, help=f"Downlink of each peer, {DOWN} unless given, or of one: peer3=8Mbit."
    ),
    click.option(
        "--up-spread",
        type=Parsed("low..high", parse_spread),
        help="Uplinks spread log-uniformly from LOW to HIGH, by the random seed: 1Mbit..20Mbit.",
    ),
    click.option(
        "--arrive",
        type=Parsed("seconds", _seconds),
        default=0.0,
        help="Let downloaders arrive one by one, so far apart: 2s.",
    ),
)
for_all = _options(
    click.option(
        "--lab",
        type=click.Choice(list(PLACES)),
        default="loopback",
        show_default=True,
        help="Where the peers run: on loopback with limits of their own, or in shaped network namespaces (root).",
    ),
    click.option("--repeat", type=click.IntRange(1, 100), default=1, show_default=True, help="Runs of each task."),
    click.option("--seed", default=0, show_default=True, help="Random seed; the same one makes the same transfers."),
    click.option("--pcap", is_flag=True, help="Capture the cable of each host, for Wireshark; needs --lab netns."),
    click.option("--trace", is_flag=True, help="Write every message of each run to traces/: see p2p trace."),
    click.option("--cpu-check", is_flag=True, help="Refuse a run that the processors limit, not the links."),
    click.option(
        "--out",
        type=UserPath(file_okay=False),
        metavar="DIR",
        help="Folder for the results, new or empty. Default: p2p-experiment-DATE-TIME.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    click.option("--events", is_flag=True, help="Print each event as a line of JSON."),
)
for_tasks = _options(
    click.option("--peers", type=click.IntRange(2, MAX_PEERS), default=6, show_default=True, help="Number of peers."),
    click.option(
        "--files",
        type=click.IntRange(2, MAX_DOCUMENTS),
        default=60,
        show_default=True,
        help="Number of documents in Task 1 and 2.",
    ),
    click.option(
        "--fetch", type=click.IntRange(1), help="Documents that each peer fetches. Default: as many as in Task 2."
    ),
    click.option(
        "--corpus",
        type=UserPath(exists=True, file_okay=False),
        metavar="DIR",
        help="Folder of documents, of which the last in natural order are used. Default: generated documents.",
    ),
    size_option(32, "Size of the document of the swarm."),
    click.option("--swarm", is_flag=True, help="Let peers swarm in Task 1 and 2 too."),
    click.option(
        "--kill",
        type=Parsed("who@when", parse_kill),
        multiple=True,
        help="Kill a peer: source@30% (of all bytes), peer3@5s.",
    ),
    click.option(
        "--slow", type=Parsed("peer=rate", parse_slow), multiple=True, help="Give a peer a slower link: peer3=1Mbit."
    ),
    click.option(
        "--liar",
        type=Parsed("peer", parse_peer),
        multiple=True,
        help="Make a peer corrupt, so that it fetches nothing, offers everything and sends garbage: peer4.",
    ),
    click.option("--churn", type=Parsed("seconds", _seconds), help="Kill and restart a peer at this interval: 10s."),
)
numbers_of_peers = click.option(
    "--peers", type=Parsed("numbers", _numbers), default="2,4,8,16,32", show_default=True, help="Numbers of peers."
)
