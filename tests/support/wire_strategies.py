"""Hypothesis strategies for every value and message of the protocol, and for the ways its bytes may be cut.

Importing it switches hypothesis's deadline off: how long an example takes says nothing on a busy machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from p2p_twisted.wire.changes import Change, Have, Heard, Removed
from p2p_twisted.wire.errors import PHRASES
from p2p_twisted.wire.fields import LAST_MODIFIED, clean_host
from p2p_twisted.wire.limits import MAX_COOKIE, MAX_NAME, MAX_PASSAGE, MAX_PIECES, MAX_RFC, MAX_SIZE, MAX_TITLE, TTL
from p2p_twisted.wire.messages import (
    Cancel,
    GetFile,
    GetIndex,
    GetNext,
    GetPieces,
    GetSources,
    Hello,
    KeepAlive,
    Leave,
    Message,
    PQuery,
    Probe,
    Register,
    Request,
    Response,
    Search,
    Version,
)
from p2p_twisted.wire.ranges import Ranges
from p2p_twisted.wire.records import IndexRecord
from p2p_twisted.wire.search import MAX_WEIGHT, Hit, RfcFacts
from p2p_twisted.wire.search_terms import FIELDS, Term

settings.register_profile("p2p_twisted", parent=settings.default, deadline=None)
settings.load_profile("p2p_twisted")

Draw = Callable[[st.SearchStrategy[Any]], Any]

versions = st.sampled_from([Version.V10, Version.V11])
ports = st.integers(1, 65535)
cookies = st.integers(0, MAX_COOKIE)
sizes = st.integers(0, MAX_SIZE)
limits = st.integers(1, MAX_SIZE)
spans = st.tuples(sizes, sizes).map(lambda pair: (min(pair), max(pair)))
sha256s = st.binary(min_size=32, max_size=32).map(bytes.hex)
hosts = st.one_of(
    st.ip_addresses().map(str),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255),
)
addresses = st.one_of(
    st.ip_addresses()
    .map(str)
    .filter(lambda text: clean_host(text) is not None),  # nobody is at ::, nor at ::ffff:0.0.0.0
    st.from_regex(r"([a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\.){0,3}[a-z]{1,63}", fullmatch=True),
)
"""Where a peer may be reached."""

printable = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029")
"""Every character that may stand in a text."""

os_texts = st.one_of(
    st.sampled_from(["Mac OS X", "Linux", "Windows 10"]),
    st.text(printable, min_size=1, max_size=255).filter(lambda text: text[0] != " "),
)
titles = st.text(printable, max_size=MAX_TITLE)
names = st.one_of(
    st.from_regex(r"(?:[a-z.]{1,4}/){0,2}[a-z.]{1,8}", fullmatch=True),
    st.text(printable, min_size=1, max_size=MAX_NAME).filter(lambda name: len(name.encode()) <= MAX_NAME),
)


index_versions = st.from_regex(r"[0-9a-zA-Z.]{1,64}", fullmatch=True)


def _ranges(pieces: set[int]) -> Ranges:
    """Return the ranges of pieces with numbers too large for a set of bits."""
    found: list[tuple[int, int]] = []
    for piece in sorted(pieces):
        if found and found[-1][1] == piece - 1:
            found[-1] = found[-1][0], piece
        else:
            found.append((piece, piece))
    return tuple(found)


piece_sets = st.sets(st.integers(0, 300) | st.integers(0, MAX_PIECES), min_size=1, max_size=40).map(_ranges)


def optional(strategy: st.SearchStrategy[Any], version: Version) -> st.SearchStrategy[Any]:
    """None or a value in 1.1; None in 1.0, which has no such header."""
    return st.none() | strategy if version is Version.V11 else st.none()


@st.composite
def _search_terms(draw: Draw) -> tuple[Term, ...]:
    """Any terms of a search that fit into it."""
    words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)
    texts = st.lists(words, min_size=1, max_size=3).map(" ".join)
    return tuple(
        draw(
            st.lists(st.builds(Term, texts, st.none() | st.sampled_from(FIELDS), st.booleans()), min_size=1, max_size=3)
        )
    )


search_terms = _search_terms()


def messages(version: Version) -> st.SearchStrategy[Message]:
    """Any message that a request of `version` can carry."""
    only_1_1 = [
        st.builds(GetIndex, index_versions, st.booleans(), st.booleans()),
        st.builds(GetIndex, hearsay=st.booleans()),
        st.builds(GetPieces, sha256s),
        st.builds(GetNext, st.lists(st.tuples(sha256s, piece_sets), min_size=1, max_size=5).map(tuple)),
        st.builds(Cancel, sha256s, spans),
        st.builds(GetSources, sha256s, ports),
        st.builds(Search, search_terms, st.none() | limits),
        st.builds(Hello, ports),
        st.builds(Probe, ports),
    ]
    return st.one_of(
        *(only_1_1 if version is Version.V11 else ()),
        st.builds(Register, st.none() | cookies, ports),
        st.builds(Leave, cookies, ports),
        st.builds(KeepAlive, cookies, ports),
        st.builds(
            PQuery,
            cookies,
            ports,
            optional(limits, version),
            optional(st.tuples(addresses, ports), version),
            optional(limits, version),
        ),
        st.builds(GetIndex),
        st.builds(GetFile, names, optional(spans, version), optional(sha256s, version)),
    )


def requests(version: Version | None = None) -> st.SearchStrategy[Request]:
    """Any request, of `version` or of either."""
    if version is None:
        return versions.flatmap(requests)
    return st.builds(Request, messages(version), st.just(version), hosts, os_texts)


@st.composite
def responses(draw: Draw, version: Version | None = None) -> tuple[Response, bytes]:
    """(head, body) of any response, of `version` or of either; in 1.1 Length and Range fit the body."""
    spoken = draw(versions) if version is None else version
    envelope = draw(st.sampled_from(sorted(PHRASES))), spoken, draw(hosts), draw(os_texts)
    body = draw(st.binary(max_size=300))
    if spoken is Version.V10:
        return Response(*envelope), body
    first = draw(st.none() | st.integers(0, MAX_SIZE - len(body)))
    byte_range = (first, first + len(body) - 1) if body and first is not None else None
    rest: tuple[Any, ...] = draw(st.none() | sizes), draw(st.none() | sha256s), byte_range, draw(st.booleans())
    rest += draw(st.none() | index_versions), draw(st.none() | index_versions), draw(st.none() | sizes)
    rest += (draw(st.none() | st.integers(0, LAST_MODIFIED)),)
    rest += (draw(st.none() | st.from_regex(r"[0-9A-Za-z._-]{1,64}", fullmatch=True)),)
    return Response(*envelope, len(body), *rest), body


def records(version: Version) -> st.SearchStrategy[IndexRecord]:
    """Any index record that `version` can carry: in 1.1 also those that were learnt in 1.0."""
    six: tuple[st.SearchStrategy[Any], ...] = names, titles, addresses, ports, st.integers(0, TTL)
    ten = *six, sizes, sha256s, st.just("") | sha256s, st.booleans()
    return st.builds(IndexRecord, *six) | st.builds(IndexRecord, *(ten if version is Version.V11 else six))


with_hashes = records(Version.V11).filter(lambda record: record.sha256 is not None)
changes: st.SearchStrategy[Change | Heard] = st.one_of(
    with_hashes,
    st.builds(Removed, names),
    st.builds(Have, sha256s, sizes, piece_sets),
    st.builds(Heard, with_hashes.map(lambda record: replace(record, private=False))),
)


short = st.text(printable, max_size=20).filter(lambda text: text != "-")
rfcs = st.lists(st.integers(1, MAX_RFC), max_size=4).map(tuple)
facts = st.builds(
    RfcFacts,
    st.none() | st.integers(1, MAX_RFC),
    short,
    st.sampled_from(["", "2018-08", "1998-04-01"]),
    short,
    rfcs,
    rfcs,
)


@st.composite
def _hits(draw: Draw) -> Hit:
    passage = draw(st.text(printable, max_size=MAX_PASSAGE))
    marks = (
        draw(st.just(()) | piece_sets.filter(lambda ranges: ranges[-1][1] < len(passage))) if len(passage) > 99 else ()
    )
    return Hit(
        draw(names),
        draw(titles),
        draw(sizes),
        draw(sha256s),
        draw(st.integers(0, MAX_WEIGHT)),
        draw(facts),
        passage,
        marks,
    )


hits = _hits()


@st.composite
def chunks(draw: Draw, data: bytes) -> list[bytes]:
    """`data` as a connection may deliver it: cut anywhere, into any number of parts (now and then into bytes)."""
    if draw(st.integers(0, 9)) == 0:
        return [data[i : i + 1] for i in range(len(data))]
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@st.composite
def damaged(draw: Draw, data: bytes) -> bytes:
    """`data` with one to four places overwritten, doubled, cut out, or filled with what parsers stumble over."""
    nasty = st.sampled_from([b"\n", b"\r\n", b"\r", b" ", b"\t", b":", b"\x00", b"+", b"_", b"\xff", "\u0664".encode()])
    for _ in range(draw(st.integers(1, 4))):
        a, b = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        b = min(b, a + draw(st.integers(0, 12)))
        data = data[:a] + draw(nasty | st.binary(max_size=6) | st.just(data[a:b] * 2)) + data[b:]
    return data
