"""Documents put together from records, and found."""

from __future__ import annotations

from p2p_twisted.index.search import documents, matching
from p2p_twisted.wire.records import IndexRecord

AES, BEE = "a" * 64, "b" * 64


def rec(name, port, sha=AES, title=""):
    size = None if sha is None else 7
    return IndexRecord(name, title, "h", port, 9, size, sha, None if sha is None else "")


def test_same_name_and_content_is_one_document() -> None:
    (doc,) = documents([rec("x", 1), rec("x", 2, title="T")])
    assert (doc.name, doc.title, doc.sha256, [r.port for r in doc.holders]) == ("x", "T", AES, [1, 2])


def test_two_contents_of_a_name_are_two_documents_the_common_one_first() -> None:
    found = documents([rec("x", 1, BEE), rec("x", 2), rec("x", 3)])
    assert [d.sha256 for d in found] == [AES, BEE]


def test_a_record_of_1_0_joins_the_commonest_content() -> None:
    (doc,) = documents([rec("x", 1, None), rec("x", 2)])
    assert doc.sha256 == AES and len(doc.holders) == 2
    (alone,) = documents([rec("x", 1, None)])
    assert alone.sha256 is None and alone.size is None


def test_matching_words_and_patterns() -> None:
    found = documents(
        [rec("rfc8446.txt.pdf", 1, title="The TLS Protocol"), rec("rfc791.txt", 1, title="IP"), rec("z", 1)]
    )
    assert [d.name for d in matching(found, "tls RFC")] == ["rfc8446.txt.pdf"]
    assert matching(found, "rfc*") == found[:2]
    assert matching(found, "") == matching(found, "  ") == found
    assert matching(found, "rfc?91.txt nothing") == []
