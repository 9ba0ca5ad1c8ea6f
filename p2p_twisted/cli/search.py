"""The verb ``search``: documents with words in their texts, here and at other peers, with the passage."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from ..wire.limits import MAX_HITS
from ..wire.search_terms import FIELDS
from .documents import choices
from .options import Where, for_peer, texts
from .output import clean, count, on_terminal, print_json, print_table, say, size, warn
from .session import peer


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, MAX_HITS), default=10, show_default=True, help="Most documents shown.")
@for_peer
def search(where: Where, words: tuple[str, ...], limit: int) -> None:
    """Find the documents that have all WORDS in their text, title or name.

    Words in quotes must follow each other. A word may end in * for any end. author:NAME, title:WORD, name:WORD,
    date:2018-08, rfc:NUMBER (also those that obsolete or update it), obsoletes:NUMBER and updates:NUMBER say where to
    look. Other peers are asked for up to two seconds.
    """
    query = _query(texts(words, "WORDS"))
    with peer(where, news=True) as session:
        found = session.client.get("search", q=query, limit=limit, swarm="yes")
    if where.as_json:
        print_json(found)
        return
    _show(found["items"])
    silent = found["asked"] - found["answered"]
    if silent:
        warn(f"{silent} of {count(found['asked'], 'peer')} did not answer in time")


def _query(words: Sequence[str]) -> str:
    """Return the search for `words`; one with spaces has come in quotes. A space at the end: no word goes on."""
    return " ".join(map(_quoted, words)) + " "


def _quoted(word: str) -> str:
    if '"' in word or len(word.split()) < 2:
        return word
    field, colon, rest = word.partition(":")
    return f'{field}:"{rest}"' if colon and field.lower() in FIELDS else f'"{word}"'


def _show(items: Sequence[Mapping[str, Any]]) -> None:
    names = choices([item["document"] for item in items])
    if items and on_terminal():
        for name, item in zip(names, items, strict=True):
            for line in _lines(name, item):
                say(line)
        return
    rows = [
        (name, one["size"] or "-", len(one["holders"]), "yes" if one["local"] else "no", one["title"], item["passage"])
        for name, item in zip(names, items, strict=True)
        for one in (item["document"],)
    ]
    headings = ("name", "size", "peers", "here", "title", "passage")
    print_table(headings, rows, none="no document that is known has all of these words")


def _lines(name: str, item: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a terminal shows of a document."""
    document = item["document"]
    here = ", here" if document["local"] else ""
    yield f"{_bold(clean(name))}  {size(document['size'])}, {count(len(document['holders']), 'peer')}{here}"
    if document["title"]:
        yield f"  {clean(document['title'])}"
    if item["rfc"] is not None:
        yield f"  {clean(_rfc(item['rfc']))}"
    if item["passage"]:
        yield f"  {_marked(item['passage'], item['marks'])}"
    yield ""


def _rfc(rfc: Mapping[str, Any]) -> str:
    """Return what is known of an RFC, on one line."""
    facts = [f"RFC {rfc['number']}", rfc["category"], rfc["date"], ", ".join(rfc["authors"])]
    for relation in ("obsoletes", "updates", "obsoleted_by", "updated_by"):
        if rfc[relation]:
            facts.append(f"{relation.replace('_', ' ')} {', '.join(map(str, rfc[relation]))}")
    return "; ".join(filter(None, facts))


def _marked(passage: str, marks: Sequence[Sequence[int]]) -> str:
    """Return `passage` with its marks in bold."""
    parts, end = [], 0
    for first, last in marks:
        parts += [clean(passage[end:first]), _bold(clean(passage[first : last + 1]))]
        end = last + 1
    return "".join(parts) + clean(passage[end:])


def _bold(text: str) -> str:
    return text if "NO_COLOR" in os.environ else click.style(text, bold=True)
