"""``p2p experiment``: Task 1, Task 2 and the swarm with real peers on links of given rates, and a report of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from ...cli.options import UserPath
from ...cli.output import print_json, print_table
from ...config.rates import parse_rate
from ..plan.design import Design
from ..plan.faults import Faults, parse_kill, parse_peer, parse_slow
from ..plan.links import Links
from ..plan.tasks import COMPARED, SWARMED
from ..run.downloaders import MOST_DOCUMENTS
from ..run.machine import PROC
from ..run.places import PLACES, unavailable
from .carry_out import carry_out

MIB = 2**20
TASKS = {
    "task1": "Task 1, centralised: one peer holds all documents, the others fetch from it.",
    "task2-worst": "Task 2, worst case: peer 1 fetches from all others, then all others fetch from peer 1.",
    "task2-best": "Task 2, best case: each holds an equal share, all begin at once, the load is spread.",
    "swarm": "One large document, one source, everyone wants it and passes it on.",
}
MOST_PEERS = 200

Command = Callable[..., Any]


class Parsed(click.ParamType[Any]):
    """What ``parse``, which raises ValueError, makes of a text."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Its value."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _rate(text: str) -> float:
    rate = parse_rate(text)
    if rate is None:
        raise ValueError("an experiment needs links of some rate")
    return rate


def _seconds(text: str) -> float:
    number = text.removesuffix("s")
    if not (number.isascii() and number.replace(".", "", 1).isdigit() and 0 < float(number) < 1e6):
        raise ValueError(f"{text!r} is not like 10s")
    return float(number)


def _numbers(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and 2 <= int(part) <= MOST_PEERS for part in parts):
        raise ValueError(f"{text!r} is not like 2,4,8: numbers from 2 to {MOST_PEERS}")
    return sorted({int(part) for part in parts})


def _options(*options: Command) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


for_all = _options(
    click.option("--up", type=Parsed("rate", _rate), default="20Mbit", show_default=True, help="Uplink of each peer."),
    click.option(
        "--down", type=Parsed("rate", _rate), default="100Mbit", show_default=True, help="Downlink of each peer."
    ),
    click.option(
        "--lab",
        type=click.Choice(list(PLACES)),
        default="loopback",
        show_default=True,
        help="Links by the peers' own limits, or by shaped network namespaces (root).",
    ),
    click.option("--repeat", type=click.IntRange(1, 100), default=1, show_default=True, help="Runs of each task."),
    click.option("--seed", default=0, show_default=True, help="Random seed: the same one orders the same transfers."),
    click.option("--cpu-check", is_flag=True, help="Refuse a run in which the processors set the pace."),
    click.option(
        "--out",
        type=UserPath(file_okay=False),
        metavar="DIR",
        help="Folder for the results, new or empty. Without it: p2p-experiment-DATE-TIME.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    click.option("--events", is_flag=True, help="Print a line of JSON whenever something happens."),
)
for_tasks = _options(
    click.option("--peers", type=click.IntRange(2, MOST_PEERS), default=6, show_default=True, help="Number of peers."),
    click.option(
        "--files",
        type=click.IntRange(2, MOST_DOCUMENTS),
        default=60,
        show_default=True,
        help="Number of documents in Task 1 and 2.",
    ),
    click.option(
        "--fetch", type=click.IntRange(1), help="Documents that each fetches; without it, what Task 2 leaves to fetch."
    ),
    click.option(
        "--corpus",
        type=UserPath(exists=True, file_okay=False),
        metavar="DIR",
        help="Folder of documents, of which the last in natural order are taken. Without it, some are made.",
    ),
    click.option(
        "--size",
        type=click.IntRange(1, 4096),
        metavar="MIB",
        default=32,
        show_default=True,
        help="The swarm's document.",
    ),
    click.option("--swarm", is_flag=True, help="Let peers swarm in Task 1 and 2 as well."),
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
        help="Have a peer fetch nothing, offer everything and send garbage: peer4.",
    ),
    click.option(
        "--churn", type=Parsed("seconds", _seconds), help="Kill a peer and start it again every so often: 10s."
    ),
)


@click.group()
def experiment() -> None:
    """Run an RS and peers on links of given rates, and write a report of how they did.

    Exits 0 when every copy is right, not counting those of killed peers, 12 when some are missing or wrong, 1 when a
    run was refused, 5 when a process fails, 7 when interrupted; what was found until then is written in all cases.
    """


def _add(name: str, tasks: Sequence[str], text: str) -> None:
    @experiment.command(name, help=text)
    @for_tasks
    @for_all
    @click.pass_context
    def command(context: click.Context, /, peers: int, **options: Any) -> None:
        faults = Faults(options["kill"], dict(options["slow"]), sorted(set(options["liar"])), options["churn"])
        rest = {name: options[name] for name in ("files", "fetch", "corpus", "swarm")}
        chosen = [task for task in tasks if not (rest["swarm"] and task in SWARMED)]  # not the same swarm twice
        _run(context, [(task, peers) for task in chosen], options, faults=faults, **rest)


for _name, _text in TASKS.items():
    _add(_name, [_name], _text)
_add("all", COMPARED, "Task 1, Task 2 and swarms, all of the same documents among the same peers.")


@experiment.command()
@click.option(
    "--peers", type=Parsed("numbers", _numbers), default="2,4,8,16,32", show_default=True, help="Numbers of peers."
)
@click.option("--size", type=click.IntRange(1, 4096), metavar="MIB", default=4, show_default=True, help="The document.")
@for_all
@click.pass_context
def scale(context: click.Context, /, peers: list[int], **options: Any) -> None:
    """Fetch one document from one source, centralised and by a swarm, with more and more peers."""
    _run(context, [(task, count) for count in peers for task in ("central", "swarm")], options)


@experiment.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def labs(context: click.Context, as_json: bool) -> None:
    """List what --lab can be here, and why not what it cannot."""
    reasons = unavailable()
    if as_json or context.find_root().params.get("as_json"):
        print_json({"labs": reasons})
    else:
        print_table(("lab", "here"), [(place, why or "yes") for place, why in reasons.items()])


def _run(context: click.Context, cases: Sequence[tuple[str, int]], options: dict[str, Any], **more: Any) -> None:
    if options["cpu_check"] and not (PROC / "stat").exists():
        raise click.UsageError("--cpu-check needs /proc, which this system does not have")
    design = Design(
        cases,
        Links(options["up"], options["down"]),
        options["size"] * MIB,
        repeat=options["repeat"],
        random_seed=options["seed"],
        place=options["lab"],
        cpu_check=options["cpu_check"],
        **more,
    )
    as_json = options["as_json"] or bool(context.find_root().params.get("as_json"))
    if as_json and options["events"]:
        raise click.UsageError("--json prints what was found in the end, --events what happens: choose one")
    context.exit(carry_out(design, options["out"], as_json, options["events"]))
