"""Traces: what is written of the messages that arrive, how much, and what happens when it cannot be written."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.testing import StringTransport

from p2p_twisted.config.startup import StartError
from p2p_twisted.net import trace
from p2p_twisted.net.trace import Trace, start_trace, trace_requests, trace_responses
from p2p_twisted.wire.onlooker import RequestOnlooker

REQUEST = b"GET INDEX P2P_DI_1.1\nHost: a\nOS: b\n\n"
HERE, THERE = IPv4Address("TCP", "127.0.0.1", 65400), IPv6Address("TCP", "::1", 50000)


class Protocol:
    """One that notes what it is told."""

    def __init__(self) -> None:
        self.transport = StringTransport(hostAddress=HERE, peerAddress=THERE)
        self.told: list[object] = []

    def dataReceived(self, data: bytes) -> None:
        self.told.append(data)

    def connectionLost(self, reason: object) -> None:
        self.told.append(reason)


class FullDisk(io.BytesIO):
    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


def written(file: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_each_message_is_a_line_and_the_protocol_gets_all_bytes() -> None:
    file, protocol = io.BytesIO(), Protocol()
    Trace(file).watch(protocol, RequestOnlooker())
    protocol.dataReceived(REQUEST[:9])
    protocol.dataReceived(REQUEST[9:] + REQUEST[:5])
    protocol.connectionLost("gone")
    assert protocol.told == [REQUEST[:9], REQUEST[9:] + REQUEST[:5], "gone"]
    whole, cut = written(file)
    assert whole["began"] <= whole["ended"]
    del whole["began"], whole["ended"]
    assert whole == {
        "from": "[::1]:50000",
        "to": "127.0.0.1:65400",
        "kind": "request",
        "summary": "GET INDEX",
        "head": REQUEST.decode(),
        "body": "",
        "length": 0,
    }
    assert cut["head"] == "GET I"


def test_a_trace_is_bounded_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Kept(io.BytesIO):
        def close(self) -> None:
            pass

    file, protocol = Kept(), Protocol()
    Trace(file, limit=1000).watch(protocol, RequestOnlooker())
    for _ in range(50):
        protocol.dataReceived(REQUEST)
    assert protocol.told == [REQUEST] * 50
    assert len(file.getvalue()) < 1200
    assert written(file)[-1]["end"] == "the trace has reached its size"


def test_a_disk_that_is_full_ends_the_trace_and_nothing_else() -> None:
    protocol = Protocol()
    Trace(FullDisk()).watch(protocol, RequestOnlooker())
    protocol.dataReceived(REQUEST + REQUEST)
    protocol.dataReceived(REQUEST)
    assert protocol.told == [REQUEST + REQUEST, REQUEST]


def test_a_process_has_one_trace_that_only_its_owner_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_active", None)
    protocol, file = Protocol(), tmp_path / "trace.jsonl"
    trace_requests(protocol)
    start_trace(None, "p2p-peer")
    trace_responses(protocol)
    assert "dataReceived" not in vars(protocol)
    start_trace(file, "p2p-peer")
    trace_requests(protocol)
    protocol.dataReceived(REQUEST)
    first, second = map(json.loads, file.read_text().splitlines())
    assert (first["process"], second["summary"]) == ("p2p-peer", "GET INDEX")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"^--trace: .*/no/file cannot be written: No such file or directory$"):
        start_trace(tmp_path / "no" / "file", "p2p-rs")
