"""Documents put together from records, and found."""

from __future__ import annotations

from dataclasses import replace

from p2p_twisted.index.search import documents
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


def test_a_document_has_a_variant_for_each_size_and_piece_list() -> None:
    holders = [rec("x", 1), *(replace(rec("x", port), size=9) for port in (2, 3)), replace(rec("x", 4), pieces=BEE)]
    (doc,) = documents([*holders, rec("x", 5, None)])
    assert (doc.size, doc.piece_list, len(doc.holders)) == (9, "", 5)
    variants = [(one.size, one.piece_list, [holder.port for holder in one.holders]) for one in doc.variants()]
    assert variants == [(9, "", [2, 3]), (7, "", [1]), (7, BEE, [4])]
    (old,) = documents([rec("x", 1, None)])
    assert old.variants() == [old]


def test_a_document_is_private_if_all_of_its_records_are() -> None:
    (doc,) = documents([replace(rec("x", 1), private=True)])
    assert doc.private
    (doc,) = documents([replace(rec("x", 1), private=True), rec("x", 2)])
    assert not doc.private


def test_a_record_of_1_0_makes_no_private_document_public() -> None:
    secret, old = replace(rec("x", 1), private=True), rec("x", 2, None)
    (doc,) = documents([old, secret])
    assert doc.private and doc.holders == [secret]
    first, second = documents([old, secret, replace(secret, port=3), rec("x", 4, BEE)])
    assert first.private and [holder.port for holder in second.holders] == [4, 2]
