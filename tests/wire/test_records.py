"""Index records, peer addresses and names, as the lines of bodies have them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.wire import fields
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.limits import MAX_TITLE, TTL
from p2p_twisted.wire.messages import Version
from p2p_twisted.wire.records import IndexRecord, encode_record, parse_record
from tests.support.wire_strategies import addresses, names, ports, records

SIX = IndexRecord("rfc8446.txt.pdf", "The TLS Protocol", "10.0.0.1", 4394, 7200)
NINE = IndexRecord("README", "", "10.0.0.1", 4394, 60, 70000, "0a" * 32, "0b" * 32)
LINE = "README\t\tRead me\t10.0.0.1\t4394\t60"


def test_exact_lines() -> None:
    assert encode_record(SIX, Version.V10) == "rfc8446.txt\tpdf\tThe TLS Protocol\t10.0.0.1\t4394\t7200"
    assert encode_record(SIX, Version.V11) == encode_record(SIX, Version.V10)
    assert encode_record(NINE, Version.V10) == "README\t\t\t10.0.0.1\t4394\t60"
    assert encode_record(NINE, Version.V11) == f"README\t\t\t10.0.0.1\t4394\t60\t70000\t{'0a' * 32}\t{'0b' * 32}"


def test_a_file_of_one_piece_has_a_dash() -> None:
    line = f"{LINE}\t0\t{'0a' * 32}\t-"
    assert parse_record(line).pieces == ""
    assert encode_record(parse_record(line), Version.V11) == line


def test_a_private_record_has_a_tenth_field() -> None:
    private = replace(NINE, private=True)
    line = encode_record(private, Version.V11)
    assert line == f"{encode_record(NINE, Version.V11)}\tprivate"
    assert parse_record(line) == private


@pytest.mark.parametrize(("record", "version"), [(NINE, Version.V10), (SIX, Version.V11)])
def test_a_private_record_cannot_be_told_in_1_0_or_without_hash(record: IndexRecord, version: Version) -> None:
    with pytest.raises(ValueError, match="private"):
        encode_record(replace(record, private=True), version)


@given(st.data(), st.sampled_from(Version))
def test_parse_undoes_encode(data: st.DataObject, version: Version) -> None:
    record = data.draw(records(version))
    line = encode_record(record, version)
    assert "\n" not in line
    assert parse_record(line) == record


@given(records(Version.V11))
def test_1_0_keeps_the_first_six_fields(record: IndexRecord) -> None:
    six = IndexRecord(record.name, record.title, record.host, record.port, record.ttl)
    assert parse_record(encode_record(replace(record, private=False), Version.V10)) == six


@pytest.mark.parametrize(
    "line",
    [
        "",
        LINE.replace("\t60", ""),
        f"{LINE}\t0",
        f"{LINE}\t0\t{'0a' * 32}\t-\t",
        LINE.replace("README", ""),
        LINE.replace("README", "READ\x7fME"),
        LINE.replace("README", "x" * 1025),
        LINE.replace("Read me", "Read\u2028me"),
        LINE.replace("Read me", "x" * (MAX_TITLE + 1)),
        LINE.replace("10.0.0.1", ""),
        LINE.replace("10.0.0.1", "10.0.0.1 "),
        LINE.replace("4394", "0"),
        LINE.replace("4394", "+4394"),
        LINE.replace("\t60", f"\t{TTL + 1}"),
        LINE.replace("\t60", "\t-1"),
        f"{LINE}\r",
        f"{LINE}\t-1\t{'0a' * 32}\t-",
        f"{LINE}\t0\t-\t-",
        f"{LINE}\t0\t{'0A' * 32}\t-",
        f"{LINE}\t0\t{'0a' * 32}\t",
        f"{LINE}\t0\t{'0a' * 32}\t-\tPrivate",
        f"{LINE}\t0\t{'0a' * 32}\t-\tprivate\t",
        f"{LINE}\tprivate",
    ],
)
def test_bad_records(line: str) -> None:
    with pytest.raises(BadRequest):
        parse_record(line)


@given(st.lists(st.sampled_from(LINE.split("\t")) | st.text(max_size=8), max_size=10))
def test_any_fields(parts: list[str]) -> None:
    try:
        record = parse_record("\t".join(parts))
    except BadRequest:
        return
    assert parse_record(encode_record(record, Version.V11)) == record


@given(addresses, ports)
def test_peer_addresses(host: str, port: int) -> None:
    assert fields.address(f"{host} {port}") == (host, port)


@pytest.mark.parametrize(
    "host",
    [
        *("127..0.1", ".1", "1" * 64, "1" * 64 + ".org", "1.2.3", "0", "0.0.0.0", "224.0.0.1", "::", "[::1]"),
        *("fe80::1%eth0", "a..b", "-", "a_b", "a-", "a.b.", ".".join(["a" * 63] * 4), "\xe4", "a\tb"),
    ],
)
def test_hosts_at_which_nobody_can_be(host: str) -> None:
    """The resolver would not even take some of them for names."""
    with pytest.raises(BadRequest):
        fields.address(f"{host} 4394")
    with pytest.raises(BadRequest):
        parse_record(f"a\ttxt\t\t{host}\t4394\t7200")


@pytest.mark.parametrize(
    ("full", "stem", "kind"),
    [
        ("rfc8446.txt.pdf", "rfc8446.txt", "pdf"),
        ("a/b.c/d.tar.gz", "a/b.c/d.tar", "gz"),
        ("README", "README", ""),
        (".x", ".x", ""),
        ("..x", "..x", ""),
        ("a.", "a.", ""),
        ("a.b/c", "a.b/c", ""),
        ("a/.b", "a/.b", ""),
        ("..", "..", ""),
        (".x.y", ".x", "y"),
    ],
)
def test_name_and_type_apart(full: str, stem: str, kind: str) -> None:
    assert fields.split_type(full) == (stem, kind)
    assert fields.join_type(stem, kind) == full


@given(names)
def test_join_undoes_split(name: str) -> None:
    stem, kind = fields.split_type(name)
    assert stem
    assert "/" not in kind and "." not in kind
    assert fields.join_type(stem, kind) == name
