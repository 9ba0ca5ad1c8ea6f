"""Arguments as text for a peer: in UTF-8, in which documents and folders are named, and on one line."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from ..config.hosts import host_and_port
from ..wire.fields import has_control
from .output import clean


def text(value: str, argument: str) -> str:
    """Return `value` read as UTF-8, whatever encoding this locale has.

    Raises UsageError, naming the `argument` and what is wrong, for what is not UTF-8 or holds a control character.
    """
    raw = os.fsencode(value)
    named = f"{argument} '{clean(raw.decode('utf-8', 'backslashreplace'))}'"
    try:
        found = raw.decode()
    except UnicodeDecodeError as error:
        byte = raw[error.start : error.start + 1].decode("ascii", "backslashreplace")
        raise click.UsageError(f"{named} is not UTF-8 (at {byte}), as the names of documents and folders are") from None
    if has_control(found):
        control = next(clean(character) for character in found if has_control(character))
        raise click.UsageError(f"{named} holds a control character ({control}), which no name may")
    return found


def texts(values: Sequence[str], argument: str) -> list[str]:
    """Return each of `values` as `text` does."""
    return [text(value, argument) for value in values]


def address(value: str, option: str) -> str:
    """Return the address of a peer, HOST:PORT. Raises UsageError, naming the `option`."""
    try:
        host, port = host_and_port(value)
    except ValueError as error:
        raise click.UsageError(f"{option} {error}, not {value!r}") from None
    if port is None:
        raise click.UsageError(f"{option} must be HOST:PORT, as 'p2p peers' shows it, not {value!r}")
    return f"{host}:{port}"
