"""Names and patterns of ``get``, and the message about a name that no peer has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.cli.documents import MAX_QUERIES, Lookup, Wanted, find, look_up
from p2p_twisted.index.query import Query

PEERS = ["10.0.0.1:65400", "10.0.0.2:65400"]
OWN = "10.0.0.9:65400"


def a_document(name: str, *holders: str, sha256: str = "a" * 64) -> dict[str, Any]:
    addresses = [holder.split(":") for holder in holders]
    return {
        "name": name,
        "sha256": sha256,
        "local": OWN in holders,
        "holders": [{"host": host, "port": int(port), "ttl": 7200} for host, port in addresses],
    }


class Index:
    """A ControlClient of a peer that knows `documents`."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self.documents = sorted(documents, key=lambda document: document["name"])
        self.queries: list[str] = []

    def get(self, path: str, q: str, sort: str, limit: int, offset: int) -> dict[str, Any]:
        self.queries.append(q)
        query = Query(q)
        found = [document for document in self.documents if query.matches(document["name"], "")]
        return {"total": len(found), "items": found[offset : offset + limit]}


INDEX: Any = Index(
    a_document("rfc/1.txt", PEERS[0]),
    a_document("rfc/2.txt", PEERS[1], OWN),
    a_document("rfc/deep/3.txt", PEERS[0], PEERS[1]),
    a_document("own.txt", OWN),
    a_document("two words.txt", PEERS[0]),
    a_document("what?.txt", PEERS[0]),
    a_document("whatever.txt", PEERS[0]),
    a_document("[x].txt", PEERS[0]),
    a_document("twice", PEERS[0]),
    a_document("twice", PEERS[1], sha256="b" * 64),
)


@pytest.mark.parametrize(
    ("arguments", "names", "here", "missing"),
    [
        (["x", "y@12345678", "x"], ["x", "y@12345678"], [], []),
        (["rfc/"], ["rfc/1.txt", "rfc/deep/3.txt"], ["rfc/2.txt"], []),
        (["RFC/*.TXT"], ["rfc/1.txt", "rfc/deep/3.txt"], ["rfc/2.txt"], []),
        (["r?c/"], ["rfc/1.txt", "rfc/deep/3.txt"], ["rfc/2.txt"], []),
        (["two w*"], ["two words.txt"], [], []),
        (["what?.txt"], ["what?.txt"], [], []),
        (["[x]*"], ["[x].txt"], [], []),
        (["tw?ce"], ["twice"], [], []),
        (["own*"], [], ["own.txt"], []),
        (["nosuch*", "rf/", "rfc/1*"], ["rfc/1.txt"], [], ["nosuch*", "rf/"]),
    ],
)
def test_arguments(arguments: list[str], names: list[str], here: list[str], missing: list[str]) -> None:
    assert find(INDEX, arguments, (), fetch_own=False) == Wanted(names, set(here), missing)


def test_a_pattern_skips_misleading_names() -> None:
    names = "-rf", "fine", "x\u202egpj.exe", "../x", "what?.txt"
    index: Any = Index(*(a_document(name, PEERS[0]) for name in names))
    found = find(index, ["*"], (), fetch_own=False)
    assert (found.names, set(found.skipped)) == (["fine"], {"-rf", "x\u202egpj.exe", "../x", "what?.txt"})
    assert find(index, ["-rf"], (), fetch_own=False).names == ["-rf"]


def test_a_pattern_means_one_of_several_names_that_differ_only_in_case() -> None:
    index: Any = Index(a_document("README", *PEERS), a_document("readme", PEERS[0]), a_document("Sub/x", PEERS[0]))
    found = find(index, ["*"], (), fetch_own=False)
    assert (found.names, list(found.skipped)) == (["README", "Sub/x"], ["readme"])


def test_into_another_folder_own_documents_are_fetched_too() -> None:
    found = find(INDEX, ["rfc/", "own*"], (), fetch_own=True)
    assert found == Wanted(["rfc/1.txt", "rfc/2.txt", "rfc/deep/3.txt"], {"own.txt"}, [])


def test_documents_of_one_peer_only() -> None:
    found = find(INDEX, ["rfc/", "two*"], [PEERS[1]], fetch_own=False)
    assert found == Wanted(["rfc/deep/3.txt"], {"rfc/2.txt"}, ["two*"])


CAFE, CAFE_2 = "caf\u00e9.txt", "cafe\u0301.txt"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nosuch", None),
        ("rfc", "no peer has rfc, which is a folder; 'rfc/' means all documents below it"),
        ("rfc/deep", "no peer has rfc/deep, which is a folder; 'rfc/deep/' means all documents below it"),
        (
            CAFE_2,
            f"no peer has {CAFE_2}; there is one with differently encoded accents: {CAFE}",
        ),
        ("OWN.txt", "no peer has OWN.txt; there is one that differs in case: own.txt"),
        ("twice", "no peer given with --from has twice, or not with that content; 'p2p ls' lists all documents"),
    ],
)
@pytest.mark.parametrize("others", [0, MAX_QUERIES])
def test_why_nobody_has_it(name: str, reason: str | None, others: int) -> None:
    index: Any = Index(*INDEX.documents, a_document(CAFE, PEERS[0]))
    lookup = look_up(index, [name, *(f"other{number}" for number in range(others))], ["/srv"])
    assert lookup.reason(name) == reason
    assert len(index.queries) == 1


def test_the_local_path_of_a_document(tmp_path: Path) -> None:
    for folder in "one", "two":
        (tmp_path / folder).mkdir()
    (tmp_path / "two/own.txt").write_text("")
    lookup = Lookup(INDEX.documents, [str(tmp_path / folder) for folder in ("one", "two")])
    assert lookup.path("own.txt") == lookup.path("own.txt", "aaaaaaaa") == f"{tmp_path}/two/own.txt"
    assert lookup.path("own.txt", "bbbbbbbb") is None
    assert lookup.path("rfc/2.txt") is None, "the file has gone"
    assert lookup.path("two words.txt") is None, "another peer's"
