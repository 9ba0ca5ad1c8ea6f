"""Answers to SEARCH INDEX: the lines of the body, to `parse_hit`."""

from __future__ import annotations

from collections.abc import Iterator

from fuzz.harness import bounded
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.fields import has_control
from p2p_twisted.wire.search import Hit, encode_hit, parse_hit


def _accepted(data: bytes) -> Iterator[Hit]:
    for line in data.split(b"\n"):
        try:
            yield parse_hit(line.decode("utf-8", "replace"))
        except BadRequest as error:
            assert error.reason.isprintable()


@bounded
def one(data: bytes) -> None:
    """Parse `data`; a line that is accepted means the same when it is encoded and parsed again."""
    for hit in _accepted(data):
        assert parse_hit(encode_hit(hit)) == hit
        assert not has_control(hit.title + hit.passage + hit.facts.authors + hit.facts.category)
        assert all(first <= last < len(hit.passage) for first, last in hit.marks)
