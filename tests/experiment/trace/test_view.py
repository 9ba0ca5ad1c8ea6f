"""What the page of a trace shows."""

from __future__ import annotations

from p2p_twisted.experiment.trace.messages import Traced
from p2p_twisted.experiment.trace.view import MAX_SHOWN, view

ASKED = Traced(
    2.0, 2.0, "peer1", "rs", "a:1", "b:2", "request", "PQuery", "PQuery NULL P2P_DI_1.1\nHost: a\n\ncookie:1\n", "", 0
)
ANSWERED = Traced(
    2.25, 2.5, "rs", "peer1", "b:2", "a:1", "response", "200 OK", "200 OK P2P-CI/1.1\nLength: 9\n\n", "peers", 9
)


def test_a_row_for_each_message_and_its_details() -> None:
    shown = view([ASKED, ANSWERED])
    assert shown["hosts"] == [("rs", "RS"), ("peer1", "peer1")]
    assert [(row.at, row.x1, row.x2, row.method, row.sentence) for row in shown["rows"]] == [
        ("0.000", 75.0, 25.0, "PQuery", "peer1 asks the RS who is there."),
        ("0.250", 25.0, 75.0, "", "The RS sends peer1 the list of active peers."),
    ]
    asked, answered = shown["details"]
    assert asked["facts"] == [("from", "peer1, a:1"), ("to", "RS, b:2")]
    assert answered["facts"][2] == ("took", "250 ms from its first to its last byte")
    assert "".join(text for text, _, _ in answered["parts"]) == ANSWERED.head
    assert (answered["body"], answered["length"]) == ("peers", 9)
    assert (shown["methods"], shown["has_more"]) == (["PQuery"], False)


def test_a_long_trace_is_cut_and_says_so() -> None:
    shown = view([ASKED] * (MAX_SHOWN + 1))
    assert (len(shown["rows"]), len(shown["details"]), shown["has_more"]) == (MAX_SHOWN, MAX_SHOWN, True)
