"""``p2p check``: check somebody's server against the specification of the protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from .check_order import Order, for_check, for_server
from .check_run import check_server


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

    sample = "register" if "register" in order.profile.messages else "list"
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
