"""Generate a document: readable English from a small stock of phrases, as plain text or as PDF.

The same arguments give the same bytes on every machine, so that demos and experiments can be repeated without a corpus.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import product
from random import Random

LINE = 72
PAGE_LINES = 56
CREATION_DATE = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)

_KINDS = ("Notes on", "Requirements for", "A Plan for", "Experience with", "Rules for", "Questions about", "A Test of")
_TOPICS = (
    "retry queue", "peer list", "piece map", "lease table", "transfer log", "share folder", "name register",
    "address book", "keep-alive timer", "back-off rule", "reading list", "line printer", "message store", "spare link",
)  # fmt: skip
_PLACES = (
    "small offices", "field stations", "reading rooms", "school networks", "ships at sea", "mountain huts",
    "night trains", "public libraries", "repair shops", "weather stations", "harbour towns", "shared houses",
)  # fmt: skip
_ACTORS = (
    "the operator", "a new member", "the server", "each peer", "the night shift", "a visiting reader", "the librarian",
    "the oldest program", "a careful client", "whoever comes first", "the second machine", "a neighbour",
)  # fmt: skip
_ACTS = (
    "asks for the next document", "checks every entry", "writes down what has changed", "waits before trying again",
    "closes the connection", "takes over half of the work", "reads the list from the beginning",
    "passes the request on", "keeps a copy for the others", "answers with one short line", "counts what is missing",
    "puts the pages back in order", "says so in the log", "throws the damaged page away",
)  # fmt: skip
_TIMES = (
    "after a restart", "when the line is quiet", "once a day", "before the store is full", "at the end of every hour",
    "while others are still reading", "as soon as the clock allows it", "during the first minute",
    "when nobody has answered for a while", "between two transfers",
)  # fmt: skip
_REASONS = (
    "because the network may be gone by then", "so that nothing is sent twice", "because memory is cheaper than time",
    "so that a reader never sees half a page", "because two clocks never agree", "which costs one more round trip",
    "which no one has complained about so far", "so that the next one finds it in order",
)  # fmt: skip
_VERDICTS = ("quick enough", "slower than expected", "what the plan promised", "no worse than before", "still too much")
_SHAPES = (
    "{Actor} {act} {time}, {reason}.",
    "In {places}, {actor} {act} {time}.",
    "If {actor} {act}, then {actor2} {act2}.",
    "The {topic} cannot be trusted {time}: {actor} {act}, {reason}.",
    "A {topic} of {count} entries took {seconds} seconds to read, which was {verdict}.",
    "Not every {topic} needs this, but {actor} {act} {time}.",
    "It helps that {actor} {act}, {reason}.",
    "We saw this {count} times in {places}, mostly {time}.",
)
_HEADINGS = ("Introduction", "The Problem", "What Was Tried", "Rules", "Measurements", "Failures", "Open Questions")


def titles(count: int, random_seed: int) -> list[str]:
    """Return ``count`` different titles, in an order that depends on ``random_seed``."""
    stock = [f"{kind} {topic.title()}s in {place.title()}" for kind, topic, place in product(_KINDS, _TOPICS, _PLACES)]
    Random(f"titles/{random_seed}").shuffle(stock)
    parts = [f"{stock[i % len(stock)]}, Part {1 + i // len(stock)}" for i in range(len(stock), count)]
    return stock[:count] + parts


def text_document(title: str, size: int, key: str) -> bytes:
    """Return a plain text of exactly ``size`` bytes (ASCII, LF) with a centred ``title`` at the top.

    ``key`` determines the prose. A text that is too short for its title (about 100 bytes) is cut off in it.
    """
    text = bytearray()
    for line in _note(title, key):
        text += line.encode("ascii") + b"\n"
        if len(text) >= size:
            break
    return bytes(text[: size - 1]) + b"\n"


def pdf_document(title: str, size: int, key: str) -> bytes:
    """Return the same text as a PDF with ``title`` in its metadata, within 2 % of ``size`` bytes from 8 KiB on.

    It is not compressed, so that its size can be estimated. The file and one page take at least 1.5 KiB.
    """
    from fpdf import FPDF  # takes half a second to import, and is not always installed

    pdf = FPDF(format="letter")
    pdf.set_compression(False)
    pdf.set_creation_date(CREATION_DATE)
    pdf.set_title(title)
    pdf.set_font("Courier", size=10)
    pdf.set_auto_page_break(False)
    used = 500
    for number, line in enumerate(_note(title, key)):
        row = number % PAGE_LINES
        if row == 0:
            pdf.add_page()
            used += 370
        if line:
            pdf.text(22, 18 + 4.4 * row, line)
            used += len(line) + 28
        if used >= size:
            break
    return bytes(pdf.output())


def _note(title: str, key: str) -> Iterator[str]:
    """Yield the lines of a document, without end."""
    rng = Random(key)
    topic = next((topic for topic in _TOPICS if topic.title() in title), "document")
    yield from ("", title.center(LINE).rstrip(), "", "", "Abstract", "")
    section = 0
    while True:
        for _ in range(rng.randint(1, 4)):
            yield from (f"   {row}" for row in _filled(_paragraph(rng, topic), LINE - 3))
            yield ""
        yield from (f"{section + 1}.  {_HEADINGS[section % len(_HEADINGS)]}", "")
        section += 1


def _paragraph(rng: Random, topic: str) -> str:
    return " ".join(_sentence(rng, topic) for _ in range(rng.randint(3, 6)))


def _sentence(rng: Random, topic: str) -> str:
    actor = rng.choice(_ACTORS)
    return rng.choice(_SHAPES).format(
        actor=actor,
        Actor=actor[0].upper() + actor[1:],
        act=rng.choice(_ACTS),
        actor2=rng.choice(_ACTORS),
        act2=rng.choice(_ACTS),
        time=rng.choice(_TIMES),
        reason=rng.choice(_REASONS),
        places=rng.choice(_PLACES),
        topic=topic,
        count=rng.randint(3, 400),
        seconds=rng.randint(2, 90),
        verdict=rng.choice(_VERDICTS),
    )


def _filled(text: str, width: int) -> Iterator[str]:
    row = ""
    for word in text.split():
        if row and len(row) + 1 + len(word) > width:
            yield row
            row = word
        else:
            row = f"{row} {word}" if row else word
    if row:
        yield row
