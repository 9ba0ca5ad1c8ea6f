"""``p2p trace``: step through the messages of a run in a browser, or list them."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from ...cli import exits
from ...cli.options import UserPath
from ...cli.output import clean, print_json, print_path, print_table, warn
from ..trace.anatomy import method_of
from ..trace.messages import Traced, TraceError, read_trace
from ..trace.story import tell

_FILE = click.argument("file", type=UserPath(dir_okay=False))


@click.group()
def trace() -> None:
    """Look at the messages of a run: FILE is a trace of p2p experiment --trace, or of one process with --trace."""


@trace.command()
@_FILE
@click.option("--out", type=UserPath(dir_okay=False), metavar="HTML", help="The page. Default: FILE with .html.")
@click.option("--print", "only_print", is_flag=True, help="Print the path of the page, and do not open it.")
def view(file: Path, out: Path | None, only_print: bool) -> None:
    """Make a page on which one steps through the messages, and open it in the browser.

    The page is one file that needs no other, and no network.
    """
    from ..page.messages_page import messages_file

    path = out or file.with_suffix(".html")
    text = messages_file(_read(file), file.stem)
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise exits.Failure(exits.FAILED, f"{path} cannot be written: {error.strerror}") from error
    print_path(str(path))
    if not only_print and not webbrowser.open(path.absolute().as_uri()):
        warn("there is no browser here; open this file in one")


@trace.command()
@_FILE
@click.option("--host", help="Only messages from and to this host: rs, peer2, or an address.")
@click.option("--method", help="Only requests with this method, and all responses: 'GET FILE'.")
@click.option("--words", help="Only messages whose sentence or summary has these words.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def lines(file: Path, host: str | None, method: str | None, words: str | None, as_json: bool) -> None:
    """List the messages: when, from, to, what it means, and what it says."""
    messages = _read(file)
    first = messages[0].began
    rows = [
        (f"{message.began - first:.3f}", message.sender, message.receiver, sentence, message.summary)
        for message, sentence in zip(messages, tell(messages), strict=True)
        if _fits(message, sentence, host, method, words)
    ]
    names = ("seconds", "from", "to", "meaning", "message")
    if as_json or click.get_current_context().find_root().params.get("as_json"):
        print_json({"messages": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        print_table(names, [tuple(clean(text) for text in row) for row in rows])


def _read(file: Path) -> list[Traced]:
    try:
        return read_trace(file)
    except TraceError as error:
        raise exits.Failure(exits.FAILED, clean(str(error))) from error
    except OSError as error:
        raise exits.Failure(exits.FAILED, f"{file} cannot be read: {error.strerror}") from error


def _fits(message: Traced, sentence: str, host: str | None, method: str | None, words: str | None) -> bool:
    if host is not None and host not in (message.sender, message.receiver, message.source, message.target):
        return False
    if method is not None and message.kind == "request" and method_of(message.head) != method:
        return False
    return words is None or words.lower() in f"{sentence} {message.summary}".lower()
