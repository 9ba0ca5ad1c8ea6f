"""``p2p experiment``: Task 1, Task 2 and the swarm with real peers on links of given rates, and a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from ...cli.output import print_json, print_table
from ..plan.design import Design
from ..plan.faults import Faults
from ..plan.link_options import links_of
from ..plan.links import Links
from ..plan.site_layout import SiteLayout
from ..plan.tasks import COMPARED, SWARMED
from ..run.captures import capture_problem
from ..run.places import reasons_unavailable
from ..run.processors import PROC
from .carry_out import carry_out
from .experiment_options import MAX_PEERS, for_all, for_sites, for_tasks, numbers_of_peers, rates, size_option

MIB = 2**20
TASKS = {
    "task1": "Task 1, centralised: one peer has all documents, the others fetch from it.",
    "task2-worst": "Task 2, worst case: peer 1 fetches from all others, then all others fetch from peer 1.",
    "task2-best": "Task 2, best case: each peer has an equal share, all start together, the load is spread.",
    "swarm": "One large document of one source, which all others want and pass on.",
}


@click.group()
def experiment() -> None:
    """Run an RS and peers on links of given rates, and write a report.

    Exits 0 if every copy is right (those of killed peers do not count), 12 if some are missing or wrong, 1 if a run
    was refused, 5 if a process fails, 7 if interrupted; the results so far are written in all cases.
    """


def _add(name: str, tasks: Sequence[str], text: str) -> None:
    @experiment.command(name, help=text)
    @for_tasks
    @rates
    @for_all
    @click.pass_context
    def command(context: click.Context, /, peers: int, **options: Any) -> None:
        faults = Faults(options["kill"], dict(options["slow"]), sorted(set(options["liar"])), options["churn"])
        rest = {name: options[name] for name in ("files", "fetch", "corpus", "swarm", "arrive")}
        if faults.churn and options["arrive"]:
            raise click.UsageError("--churn restarts peers that have not arrived: give --arrive or --churn, not both")
        chosen = [task for task in tasks if not (rest["swarm"] and task in SWARMED)]  # not the same swarm twice
        _run(context, [(task, peers) for task in chosen], options, _links(options), faults=faults, **rest)


for _name, _text in TASKS.items():
    _add(_name, [_name], _text)
_add("all", COMPARED, "Task 1, Task 2 and swarms, with the same documents and peers.")


@experiment.command()
@numbers_of_peers
@size_option(4, "Size of the document.")
@rates
@for_all
@click.pass_context
def scale(context: click.Context, /, peers: list[int], **options: Any) -> None:
    """Fetch one document from one source, centralised and in a swarm, with more and more peers."""
    cases = [(task, count) for count in peers for task in ("central", "swarm")]
    _run(context, cases, options, _links(options), arrive=options["arrive"])


@experiment.command()
@for_sites
@size_option(16, "Size of the document.")
@for_all
@click.pass_context
def sites(context: click.Context, /, sites: tuple[int, ...], between: float, lan: float, **options: Any) -> None:
    """Bring one document to several sites, joined in a chain by thin links, and count what each link carries."""
    layout = SiteLayout(sites, between)
    if layout.count > MAX_PEERS:
        raise click.UsageError(f"there can be {MAX_PEERS} peers at most")
    _run(context, [("sites", layout.count)], options, Links(lan, lan, sites=layout))


@experiment.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def labs(context: click.Context, as_json: bool) -> None:
    """List the values of --lab that are available here, and why the others are not."""
    reasons = reasons_unavailable()
    if as_json or context.find_root().params.get("as_json"):
        print_json({"labs": reasons})
    else:
        print_table(("lab", "here"), [(place, reason or "yes") for place, reason in reasons.items()])


def _links(options: dict[str, Any]) -> Links:
    try:
        return links_of(options["up"], options["down"], options["up_spread"], options["seed"])
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _run(
    context: click.Context,
    cases: Sequence[tuple[str, int]],
    options: dict[str, Any],
    links: Links,
    **more: Any,
) -> None:
    if options["cpu_check"] and not (PROC / "stat").exists():
        raise click.UsageError("--cpu-check needs /proc, which this system does not have")
    complaint = capture_problem(options["lab"]) if options["pcap"] else None
    if complaint:
        raise click.UsageError(complaint)
    design = Design(
        cases,
        links,
        options["size"] * MIB,
        repeat=options["repeat"],
        random_seed=options["seed"],
        place=options["lab"],
        cpu_check=options["cpu_check"],
        pcap=options["pcap"],
        trace=options["trace"],
        **more,
    )
    as_json = options["as_json"] or bool(context.find_root().params.get("as_json"))
    if as_json and options["events"]:
        raise click.UsageError("--json prints the results at the end, --events prints events: choose one")
    context.exit(carry_out(design, options["out"], as_json, options["events"]))
