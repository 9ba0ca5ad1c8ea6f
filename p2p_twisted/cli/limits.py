"""``p2p limits``: the rate limits of the running peer, shown and changed."""

from __future__ import annotations

from collections.abc import Mapping

import click

from .options import Where, for_peer
from .output import on_terminal, print_facts, print_json, size
from .session import peer


@click.command()
@click.option(
    "--up",
    metavar="RATE",
    help="Maximum rate of sending files, such as 500K or 2MiB (bytes per second), 20Mbit, or none.",
)
@click.option(
    "--down",
    metavar="RATE",
    help="Maximum rate of receiving files, such as 500K or 2MiB (bytes per second), 20Mbit, or none.",
)
@for_peer
def limits(where: Where, up: str | None, down: str | None) -> None:
    """Show the rate limits of the running peer, after changing those that are given.

    A change applies at once, to running transfers too, and lasts until the peer stops.
    """
    changes = {f"{name}_rate": _rate(name, text) for name, text in (("up", up), ("down", down)) if text is not None}
    with peer(where) as session:
        found = session.client.put("limits", changes) if changes else session.client.get("limits")
    if where.as_json:
        print_json(found)
    else:
        print_facts(_facts(found))


def _facts(limits: Mapping[str, float | None]) -> list[tuple[str, str]]:
    """Return the limits for people, rounded; for programs in bytes/s, which ``--up`` and ``--down`` understand."""
    return [
        (
            name.removesuffix("_rate"),
            "none" if rate is None else f"{size(round(rate))}/s" if on_terminal() else f"{rate:.0f}",
        )
        for name, rate in limits.items()
    ]


def _rate(name: str, text: str) -> float | None:
    """Bytes/s, None without limit. Raises UsageError."""
    from ..config.rates import RateError, parse_rate

    try:
        return parse_rate(text)
    except RateError as error:
        raise click.UsageError(f"--{name}: {text!r} {error}") from None
