"""Man pages made of the text of ``--help``: ``python -m p2p_twisted.cli.man_pages FOLDER`` writes one for each verb."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from .main import main

PARAGRAPH_AS_IT_IS = "\b"
"""The line with which click marks a paragraph that is not to be filled."""


def pages() -> dict[str, str]:
    """Return the name of each file and its text: the page of ``p2p``, and one of each verb with the verbs below it."""
    context = click.Context(main, info_name="p2p")
    made = {"p2p.1": "".join(_page(context))}
    for verb, command in _below(context):
        made[f"p2p-{verb}.1"] = "".join(_page(click.Context(command, parent=context, info_name=verb)))
    return made


def _below(context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Yield the verbs of a group with their names, nothing for another command."""
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            if (command := context.command.get_command(context, name)) is not None:
                yield name, command


def _page(context: click.Context) -> Iterator[str]:
    path = context.command_path
    title, about = path.replace(" ", "-"), context.command.get_short_help_str(100)
    yield f'.\\" made by make man\n.TH {_plain(title.upper())} 1 "" p2p_twisted\n'
    yield f".SH NAME\n{_plain(title)} \\- {_plain(about)}\n"
    yield ".SH SYNOPSIS\n" + _synopsis(context)
    yield ".SH DESCRIPTION\n" + _text(context.command.help or "") + _options(context, ".SH OPTIONS\n")
    yield from _verbs(context)
    yield _text(context.command.epilog or "", ".SH NOTES\n")
    yield ".SH SEE ALSO\n.BR p2p (1)\n" if context.parent is not None else ""


def _verbs(context: click.Context) -> Iterator[str]:
    """Yield what is said of the verbs of a group: those of ``p2p`` itself have pages of their own."""
    below = list(_below(context))
    if below:
        yield ".SH VERBS\n"
    for name, command in below:
        if context.parent is None:
            about = _plain(command.get_short_help_str(100))
            yield f".TP\n.BR {_plain(context.command_path)}\\-{_plain(name)} (1)\n{about}\n"
        else:
            inner = click.Context(command, parent=context, info_name=name)
            yield f".SS {_plain(inner.command_path)}\n" + _synopsis(inner)
            yield _text(command.help or "", ".PP\n") + _options(inner, "")
            yield from _verbs(inner)


def _synopsis(context: click.Context) -> str:
    pieces = context.command.collect_usage_pieces(context)
    return f".B {_plain(context.command_path)}\n{_plain(' '.join(pieces))}\n"


def _options(context: click.Context, heading: str) -> str:
    records = [parameter.get_help_record(context) for parameter in context.command.get_params(context)]
    entries = [f".TP\n.B {_plain(names)}\n{_plain(about)}\n" for names, about in filter(None, records) if about]
    return heading + "".join(entries) if entries else ""


def _text(text: str, heading: str = "") -> str:
    """Return the paragraphs of a help text, with `heading` before them if there are any."""
    paragraphs = [paragraph for paragraph in inspect.cleandoc(text).split("\n\n") if paragraph.strip()]
    made = ".PP\n".join(_paragraph(paragraph) for paragraph in paragraphs)
    return heading + made if made else ""


def _paragraph(text: str) -> str:
    lines = text.split("\n")
    if lines[0] == PARAGRAPH_AS_IT_IS:
        return ".nf\n" + "".join(f"{_plain(line)}\n" for line in lines[1:]) + ".fi\n"
    return _plain(" ".join(line.strip() for line in lines)) + "\n"


def _plain(text: str) -> str:
    """Return `text` so that roff shows it as it is."""
    escaped = text.replace("\\", "\\(rs").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


def write(folder: Path) -> None:
    """Write all pages into `folder`, and remove the others there."""
    made = pages()
    for old in folder.glob("*.1"):
        if old.name not in made:
            old.unlink()
    folder.mkdir(exist_ok=True)
    for name, text in made.items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
