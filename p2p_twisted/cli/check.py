"""``p2p check``: check somebody's server against the specification of the protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from .check_order import Order, for_check, for_server
from .check_run import check_server, choose, finish, list_checks, with_progress
from .options import UserPath


@click.group()
def check() -> None:
    """Check somebody's program against the specification of the protocol.

    Each check sends and reads over TCP, in any language that the program is written in. It says what was found and how
    to mend it. The exit code is 0 if all mandatory checks passed, and 1 if not.
    """


@check.command()
@for_server
@for_check
def rs(order: Order, address: str | None, ttl: float | None, timeout: float, is_list: bool) -> None:
    """Check the registration server at HOST:PORT.

    Peers that do not exist are registered there: check a server of your own, that nobody uses.
    """
    from ..check.rs import CHECKS

    sample = next((name for name in ("register", "list") if name in order.profile.messages), None)
    if sample is None:
        raise click.UsageError(f"the profile {order.profile.name} has no message of an RS: neither register nor list")
    check_server(replace(order, kind="rs"), CHECKS, address, ttl, timeout, is_list, order.profile.port, sample=sample)


@check.command()
@for_server
@click.option("--document", metavar="NAME", default="", help="Ask for this document, not for one of the index.")
@for_check
def peer(order: Order, address: str | None, ttl: float | None, timeout: float, is_list: bool, document: str) -> None:
    """Check the peer at HOST:PORT.

    It must share a document. For the handout with a central index, name one, for example --document "RFC 1149".
    """
    from ..check.peer import CHECKS
    from ..check.peer.dialogue import PeerTarget, named

    about: dict[str, Any] = {"sample": "index", "document": document}
    if "index" not in order.profile.messages:
        if not (document or is_list):
            raise click.UsageError("this profile has no index of a peer: name a document that it has with --document")
        about |= {"sample": "file", "fields": dict(named(document).fields)}
    check_server(replace(order, kind="peer"), CHECKS, address, ttl, timeout, is_list, 0, PeerTarget, **about)


@check.command()
@click.option(
    "--seconds",
    type=click.FloatRange(0.5, 3_600),
    default=10.0,
    show_default=True,
    help="End the command after so long, each time that it is started.",
)
@click.option(
    "--ttl",
    type=click.FloatRange(0.5, 3_600),
    metavar="SECONDS",
    help="TTL of the RS; see whether the client renews.",
)
@click.option(
    "--stdin", "typed", type=UserPath(exists=True, dir_okay=False), metavar="FILE", help="Type this into the command."
)
@click.argument("command", nargs=-1, metavar="-- COMMAND...")
@for_check
def client(
    order: Order, command: tuple[str, ...], seconds: float, ttl: float | None, typed: Path | None, is_list: bool
) -> None:
    """Check the client that COMMAND starts.

    It is started several times, against an RS and peers of ours, and should fetch a document. In COMMAND there may be
    {rs}, or {host} and {rs_port}, for the address of the RS; {port} for a free port, {dir} for an empty folder,
    {document} and {number} for the name of a document and its number as an RFC.
    """
    from ..check.client import CHECKS
    from ..check.client.client import NEEDED, Client, run
    from ..check.client.trial import Order as Trial

    profile = order.profile
    if profile.level or not all(message in profile.messages for message in NEEDED):
        raise click.UsageError(f"a client cannot be checked by the profile {profile.name}; by 1.0 or p2p-di it can")
    chosen = choose(order, CHECKS)
    if is_list:
        list_checks(order, chosen)
        return
    if not command:
        raise click.UsageError("name the command that starts the client: -- COMMAND")
    with Client(Trial(profile, command, seconds, ttl, typed)) as watched:
        results = with_progress(run(chosen, watched), len(chosen))
        finish(replace(order, kind="client"), " ".join(command), results)
