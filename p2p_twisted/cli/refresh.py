"""``p2p refresh``: have the running peer ask the RS and the other peers now."""

from __future__ import annotations

import click

from . import exits
from .options import Where, for_peer
from .output import count, print_json, say
from .session import peer, rs_trouble
from .session import refresh as ask


@click.command()
@for_peer
def refresh(where: Where) -> None:
    """Query the RS and the other peers now, instead of within a minute."""
    with peer(where) as session:
        status = ask(session.client, None)
    if where.as_json:
        print_json(status)
    else:
        say(f"knows {count(status['index_records'], 'record')} of {count(status['peers'], 'other peer')}")
    trouble = rs_trouble(status["rs"])
    if trouble is not None:
        raise exits.Failure(exits.RS_UNREACHABLE, trouble)
