"""Output: for people in tables that fit the terminal, for programs as lines with tabs between fields, or as JSON.

Names and titles come from strangers: characters that control a terminal, turn text around or are invisible are escaped,
and so is any character that the encoding of the output lacks. Writing works if a stream is closed, full or not read.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from io import UnsupportedOperation
from typing import Any, TextIO

from ..wire.visible import visible

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def clean(text: object) -> str:
    """Return `text` on one line, without anything that a terminal obeys."""
    return visible(str(text))


def count(number: int, noun: str) -> str:
    """Return a number and its noun: ``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(number: int | None) -> str:
    """Return a number of bytes for people: ``812 bytes``, ``1.2 MB``; ``?`` for None."""
    if number is None:
        return "?"
    value, unit = float(number), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 99.5 else f"{value:.1f} {_UNITS[unit]}"


def duration(seconds: float | None) -> str:
    """Return a time span for people: ``45 s``, ``12 min``, ``5 h 3 min``, ``4 d 2 h``; ``never`` for None."""
    if seconds is None:
        return "never"
    whole = int(seconds)
    for unit, length, smaller, name in (("d", 86400, 3600, "h"), ("h", 3600, 60, "min")):
        if whole >= length:
            return f"{whole // length} {unit} {whole % length // smaller} {name}"
    return f"{whole // 60} min" if whole >= 60 else f"{whole} s"


def on_terminal(err: bool = False) -> bool:
    """Return whether stdout, or with `err` stderr, is a terminal."""
    return (sys.stderr if err else sys.stdout).isatty()


def size_field(number: int | None, err: bool = False) -> str:
    """Return a number of bytes for a table (`err`: on stderr): rounded on a terminal, else exact (``-`` for None)."""
    return size(number) if on_terminal(err) else "-" if number is None else str(number)


def duration_field(seconds: float | None) -> str:
    """Return a time span for a table: rounded on a terminal, else whole seconds (``-`` for None)."""
    return duration(seconds) if on_terminal() else "-" if seconds is None else str(int(seconds))


def print_json(data: Any) -> None:
    """Print `data` as JSON in ASCII, in which nothing is obeyed by a terminal."""
    say(json.dumps(data, indent=2))


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    right: Sequence[str] = (),
    err: bool = False,
    none: str = "nothing",
) -> None:
    """Print `rows`: on a terminal as a table, else a line each, the fields parted by tabs, without the headings.

    The columns in `right` are aligned to the right. Names are folded, never cut. With `err` it goes to stderr. If
    there are no rows, stderr says `none`.
    """
    texts = [[clean(field) for field in row] for row in rows]
    if not texts:
        warn(none)
        return
    if not on_terminal(err):
        _write("".join("\t".join(row) + "\n" for row in texts), err)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in texts:
        table.add_row(*(_shown(field, err) for field in row))
    Console(highlight=False, markup=False, emoji=False, stderr=err).print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print pairs of a word and what it stands for, a line each: aligned on a terminal, else parted by a tab."""
    pairs = [(name, clean(value)) for name, value in facts]
    width = max(len(name) for name, _ in pairs) + 2 if on_terminal() else 0
    for name, value in pairs:
        say(f"{name:{width}}{value}" if width else f"{name}\t{value}")


def warn(text: str) -> None:
    """Print one line on stderr."""
    _write(f"p2p: {clean(text)}\n", err=True)


def warn_interrupted(text: str) -> None:
    """Print one line on stderr, over the ``^C`` that a terminal shows."""
    if on_terminal(err=True):
        _write("\r", err=True)
    warn(text)


def say(text: str) -> None:
    """Print a line on stdout; `text` is clean already."""
    _write(text + "\n")


def print_path(path: str) -> None:
    """Print the path on a line of its own on stdout, in the bytes of the file system, for programs."""
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError:  # a peer with another locale made it
        name = path.encode("utf-8", "surrogateescape")
    _write_bytes(name + b"\n")


def _shown(text: str, err: bool = False) -> str:
    """Return `text` with the characters escaped that the encoding of stdout (with `err`: stderr) lacks."""
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _write(text: str, err: bool = False) -> None:
    """Write `text` to stdout, or with `err` to stderr. Raises OSError when stdout has no room; see `_deliver`."""
    _deliver(sys.stderr if err else sys.stdout, text)


def _write_bytes(data: bytes) -> None:
    """Write `data` to stdout as it is. Raises OSError when there is no room."""
    _deliver(sys.stdout, data)


def _deliver(stream: TextIO, data: str | bytes) -> None:
    """Write and flush. A closed pipe is no failure of the verb; nor is an error of stderr, as it cannot be reported."""
    try:
        if isinstance(data, bytes):
            stream.flush()
            stream.buffer.write(data)
        else:
            stream.write(data)
        stream.flush()
    except OSError as error:
        hush(stream)
        if stream is not sys.stderr and not isinstance(error, BrokenPipeError):
            raise


def hush(stream: TextIO) -> None:
    """Drop the buffer of `stream` and all later output: writing it at exit would print a traceback."""
    with suppress(UnsupportedOperation):  # one in memory holds nothing back
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)
