"""Traces as a story."""

from __future__ import annotations

from p2p_twisted.experiment.trace.messages import Traced
from p2p_twisted.experiment.trace.story import ANSWERS, REQUESTS, tell
from p2p_twisted.wire.parser import METHODS

ENDS = {"rs": "10.0.0.9:65423", "peer1": "10.0.0.1:65400", "peer2": "10.0.0.2:40000"}
ENVELOPE = "Host: a\nOS: b\n"


def message(sender: str, receiver: str, head: str, kind: str = "request", length: int = 0) -> Traced:
    return Traced(0.0, 0.0, sender, receiver, ENDS[sender], ENDS[receiver], kind, "", head, "", length)


def asked(receiver: str, head: str) -> Traced:
    return message("peer2", receiver, head)


def answered(sender: str, head: str = "200 OK P2P_DI_1.1\n" + ENVELOPE + "\n", length: int = 0) -> Traced:
    return message(sender, "peer2", head, "response", length)


def test_a_peer_joins_and_fetches() -> None:
    end = f" P2P_DI_1.1\n{ENVELOPE}\n"
    assert tell(
        [
            asked("rs", f"Register NULL{end}cookie:\nport:65400\n"),
            answered("rs"),
            asked("rs", f"PQuery NULL{end}cookie:1\ncookie:65400\n"),
            answered("rs"),
            asked("peer1", f"GET INDEX{end}"),
            asked("peer1", f"GET FILE P2P_DI_1.1\n{ENVELOPE}Range: 0-9\n\nrfc1\ntxt\n"),
            answered("peer1"),
            answered("peer1", length=12345),
            asked("rs", f"Register NULL{end}cookie:1\nport:65400\n"),
            answered("rs", "403 FORBIDDEN P2P_DI_1.1\n\n"),
            message("peer2", "peer1", "GET / HTTP/1.1", "garbage"),
        ]
    ) == [
        "peer2 registers at the RS.",
        "The RS has registered peer2 and gives it a cookie.",
        "peer2 asks the RS who is there.",
        "The RS sends peer2 the list of active peers.",
        "peer2 asks peer1 which documents it has.",
        "peer2 asks peer1 for rfc1.txt, bytes 0-9.",
        "peer1 sends peer2 its index, or what has changed in it.",
        "peer1 sends peer2 12 345 bytes of rfc1.txt.",
        "peer2 registers at the RS again, with its cookie.",
        "The RS refuses the request of peer2.",
        "peer2 sends peer1 something that is not of this protocol.",
    ]


def test_a_followed_index_is_answered_again_and_again() -> None:
    story = tell(
        [
            asked("peer1", f"GET INDEX P2P_DI_1.1\n{ENVELOPE}Since: 1\nFollow: yes\n\n"),
            answered("peer1"),
            answered("peer1"),
        ]
    )
    assert story[1] == story[2] == "peer1 sends peer2 its index, or what has changed in it."


def test_what_nobody_knows_is_told_as_well() -> None:
    assert tell([answered("peer1", ""), asked("peer1", "")]) == [
        "peer1 confirms the request of peer2.",
        "peer2 sends peer1 .",
    ]


def test_every_method_has_a_sentence() -> None:
    assert {method.removesuffix(" NULL") for method in METHODS} <= REQUESTS.keys()
    assert ANSWERS.keys() <= REQUESTS.keys()
