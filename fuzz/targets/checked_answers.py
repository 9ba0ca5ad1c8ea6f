"""Answers of a server under check: what may come from a program that is full of mistakes, to the tester's reader."""

from __future__ import annotations

from fuzz.harness import bounded
from p2p_twisted.check.answers import Answer, is_exact_status, read_answer
from p2p_twisted.check.conversation import Conversation, Silent
from p2p_twisted.check.profile import Profile, matches
from p2p_twisted.check.profile_files import NAMES, load
from p2p_twisted.check.rs.dialogue import ports_in

PROFILES = [load(name) for name in NAMES]


class Said(Conversation):
    """A conversation in which everything has come, and the server has closed its side."""

    def __init__(self, data: bytes) -> None:
        """Let `data` be what has come."""
        self.buffer = bytearray(data)
        self.closed = True


@bounded
def one(data: bytes) -> None:
    """Read `data` as the answers of a connection, by each profile; nothing is lost or made up."""
    for profile in PROFILES:
        said, read = Said(data), b""
        try:
            while True:
                answer = read_answer(said, profile)
                _look_at(answer, profile)
                read += answer.raw
        except Silent:
            assert read == data and not said.buffer


def _look_at(answer: Answer, profile: Profile) -> None:
    """Do with `answer` what checks do."""
    assert answer.raw.endswith(answer.body) and answer.code in (None, *range(1000))
    assert all(0 <= port <= 99_999 for port in ports_in(answer))
    is_exact_status(answer, profile)
    for template in profile.bodies.values():
        for line in answer.lines:
            matches(template, line)
