"""The documents in an index, which of them are the peer's own, and documents that the user names."""

from __future__ import annotations

import time

import pytest

from p2p_twisted.check.answers import Answer
from p2p_twisted.check.peer.dialogue import PeerTarget, documents, named, own_documents
from p2p_twisted.check.profile_files import load
from p2p_twisted.check.server import Server
from p2p_twisted.check.transcript import Transcript


def server(profile: str) -> Server:
    spoken = load(profile)
    return Server(PeerTarget("127.0.0.1", 65400, spoken), spoken, time.monotonic() + 60, Transcript())


def index(*lines: str) -> Answer:
    body = "".join(f"{line}\n" for line in lines).encode()
    return Answer(body, "200 OK P2P-CI/1.0", 200, (), True, body, False, True)


@pytest.mark.parametrize(
    ("name", "stem", "kind", "number"),
    [
        ("rfc1149.txt", "rfc1149", "txt", "1149"),
        ("rfc8446.txt.pdf", "rfc8446.txt", "pdf", "8446"),
        ("a.b/README", "a.b/README", "", "a.b/README"),
        (".profile", ".profile", "", ".profile"),
        ("RFC 1149", "RFC 1149", "", "1149"),
    ],
)
def test_names(name: str, stem: str, kind: str, number: str) -> None:
    fields = named(name).fields
    assert (fields["name"], fields["stem"], fields["type"], fields["number"]) == (name, stem, kind, number)


def test_own_documents_come_first_and_have_the_peers_port() -> None:
    at = server("1.0")
    lines = ("a\ttxt\tA\t10.0.0.1\t65400\t7200", "b\t\t\t10.0.0.2\t65400\t9", "c\ttxt\tC\t10.0.0.1\t4394\t7200", "none")
    found = documents(at, index(*lines))
    assert [str(one) for one in found] == ["a.txt", "b", "c.txt"]
    assert [str(one) for one in own_documents(at, found)] == ["a.txt"]
    assert own_documents(at, found[2:]) == []


def test_sizes_and_hashes_are_those_of_1_1() -> None:
    [one] = documents(server("1.1"), index(f"a\ttxt\tA\t10.0.0.1\t65400\t7200\t5\t{'ab' * 32}\t-"))
    assert (one.size, one.sha256) == (5, "ab" * 32)
    [one] = documents(server("1.0"), index("a\ttxt\tA\t10.0.0.1\t65400\t7200"))
    assert (one.size, one.sha256) == (None, None)


def test_an_index_of_the_handout_has_numbers_and_no_ports() -> None:
    at = server("p2p-di")
    found = documents(at, index("RFC 1149 Avian Carriers host 7200", "2549\tIP over them", "no number"))
    assert [one.fields["number"] for one in found] == ["1149", "2549"]
    assert own_documents(at, found) == found
