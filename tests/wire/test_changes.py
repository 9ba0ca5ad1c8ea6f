"""The lines of index changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.wire.changes import Change, Heard, encode_change, parse_change
from p2p_twisted.wire.errors import BadRequest
from tests.support.wire_strategies import changes


@given(changes)
def test_changes_as_lines_and_back(change: Change | Heard) -> None:
    line = encode_change(change)
    assert "\n" not in line and parse_change(line) == change


@given(st.text(max_size=60) | st.lists(st.text(max_size=10), max_size=10).map("\t".join))
def test_any_other_line_is_a_bad_request(line: str) -> None:
    try:
        parse_change(line)
    except BadRequest:
        pass
