"""``p2p check``: check somebody's server against the specification of the protocol."""

from __future__ import annotations

from dataclasses import replace

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
