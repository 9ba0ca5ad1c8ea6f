"""The traces of several processes as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from p2p_twisted.experiment.trace.merge import merge
from p2p_twisted.experiment.trace.messages import TraceError, hosts_of, read_trace, write_trace

RS, SERVING, CLIENT, STRANGER = "127.0.0.1:65423", "127.0.0.1:65400", "127.0.0.1:40001", "127.0.0.1:40002"


def line(sender: str, receiver: str, at: float, kind: str = "request", head: str = "PQuery NULL P2P_DI_1.1\n") -> str:
    fields = {"began": at, "ended": at + 0.5, "kind": kind, "summary": "PQuery", "head": head, "body": "", "length": 0}
    return json.dumps({"from": sender, "to": receiver, **fields}) + "\n"


def traces(folder: Path) -> dict[str, Path]:
    process = '{"process": "p2p-rs", "began": 1.0}\n'
    (folder / "rs.jsonl").write_text(process + line(CLIENT, RS, 101.0) + line(STRANGER, RS, 103.0))
    killed = line(RS, CLIENT, 104.0)[:50]
    (folder / "peer1.jsonl").write_text(line(RS, CLIENT, 102.0, "response", "200 OK P2P_DI_1.1\n\n") + killed)
    return {"rs": folder / "rs.jsonl", "peer1": folder / "peer1.jsonl", "peer2": folder / "missing.jsonl"}


def test_each_address_is_of_the_host_that_receives_at_it(tmp_path: Path) -> None:
    merged = merge(traces(tmp_path))
    assert [(message.began, message.ended, message.sender, message.receiver) for message in merged] == [
        (0.0, 0.5, "peer1", "rs"),
        (1.0, 1.5, "rs", "peer1"),
        (2.0, 2.5, STRANGER, "rs"),
    ]
    assert hosts_of(merged) == ["rs", "peer1", STRANGER]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    merged = merge(traces(tmp_path))
    write_trace(tmp_path / "trace.jsonl", merged)
    assert read_trace(tmp_path / "trace.jsonl") == merged


def test_the_file_of_one_process_is_a_trace_too(tmp_path: Path) -> None:
    first, second = read_trace(traces(tmp_path)["rs"])
    assert (first.sender, first.receiver) == (CLIENT, RS)
    assert (second.began, second.sender) == (103.0, STRANGER)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no messages; a trace is made by --trace"),
        ("\x89PNG\n", "is not a trace: '\ufffdPNG"),
        ("[1, 2]\n", "is not a trace: '[1, 2]"),
        (line(CLIENT, RS, 1.0).replace("1.5", '"soon"'), "line 1 has no valid 'ended'"),
        (line(CLIENT, RS, 1.0).replace('"length": 0', '"length": true'), "line 1 has no valid 'length'"),
        ('{"head": "x"}\n', "line 1 has no valid 'sender'"),
        ("x" * 1_000_000, "is not a trace: 'xxx"),
    ],
)
def test_what_is_no_trace_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "file").write_text(text, "latin-1")
    with pytest.raises(TraceError) as error:
        read_trace(tmp_path / "file")
    assert str(error.value).startswith(f"{tmp_path / 'file'}")
    assert complaint in str(error.value)
