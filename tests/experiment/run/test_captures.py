"""Captures of the cables of hosts: real dumpcap and tcpdump, files of bounded size, nothing left of a failed run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.experiment.run import captures
from p2p_twisted.experiment.run.captures import (
    FILES,
    MAX_BYTES,
    MAX_FILE_SIZE,
    MIN_FILE_SIZE,
    TOOLS,
    Captures,
    capture_problem,
    capture_tool,
    command,
    file_size,
)
from p2p_twisted.experiment.run.netns import HostNetwork
from p2p_twisted.experiment.run.places import NetnsLauncher
from p2p_twisted.experiment.run.processes import ClusterError

from .test_netns import needs_root, network_of, send, serve

MAGIC = {"dumpcap": b"\x0a\x0d\x0d\x0a", "tcpdump": b"\xd4\xc3\xb2\xa1"}
ROLES = ("peer1", "peer2")
a_tool = pytest.mark.parametrize(
    "tool",
    [pytest.param(one, marks=pytest.mark.skipif(not shutil.which(one), reason=f"{one} is missing")) for one in TOOLS],
)


def test_where_nothing_can_be_captured_the_remedy_is_named() -> None:
    assert "add --lab netns" in (capture_problem("loopback") or "")
    assert "install" in (capture_problem("netns", lambda name: None) or "")
    assert capture_problem("netns", lambda name: "/usr/bin/tcpdump" if name == "tcpdump" else None) is None
    assert capture_tool(lambda name: f"/usr/bin/{name}") == "dumpcap"


@pytest.mark.parametrize("hosts", [2, 7, 33, 201])
def test_all_captures_of_a_run_are_bounded(hosts: int) -> None:
    size = file_size(hosts)
    assert MIN_FILE_SIZE <= size <= MAX_FILE_SIZE
    assert size * FILES * hosts <= MAX_BYTES


@pytest.mark.parametrize("tool", TOOLS)
def test_a_command_has_the_bounds(tool: str) -> None:
    argv = command(tool, Path("/out/peer1"), 3_000_000)
    assert argv[0] == tool and argv[-2:] == ["-w", "/out/peer1"]
    assert ("filesize:3000" in argv and f"files:{FILES}" in argv) or argv[argv.index("-C") :][:4] == [
        *("-C", "3", "-W", str(FILES))
    ]


@pytest.fixture(scope="module")
def network() -> Iterator[HostNetwork]:
    with network_of(3) as hosts:
        serve(hosts, 2)
        yield hosts


@needs_root
@a_tool
def test_the_cable_of_each_host_is_captured(network: HostNetwork, tmp_path: Path, tool: str) -> None:
    with Captures(NetnsLauncher(network, 5000), ROLES, tmp_path / "captures" / "run", tool) as taken:
        assert send(network, 1, 2, 1000) == "thanks"
    assert [path.stem for path in taken.files] == list(ROLES)
    assert sorted(taken.files) == sorted((tmp_path / "captures" / "run").iterdir())
    for path in taken.files:
        data = path.read_bytes()
        assert data.startswith(MAGIC[tool]) and b"thanks" in data


@needs_root
@a_tool
def test_of_much_traffic_the_latest_is_kept(
    network: HostNetwork, tmp_path: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captures, "FILES", 2)
    monkeypatch.setattr(captures, "MAX_FILE_SIZE", MIN_FILE_SIZE)
    with Captures(NetnsLauncher(network, 5000), ["peer2"], tmp_path / "run", tool) as taken:
        assert send(network, 1, 2, 5 * MIN_FILE_SIZE) == "thanks"
    assert [path.stem for path in taken.files] == ["peer2-1", "peer2-2"]
    assert sum(path.stat().st_size for path in taken.files) < 2.2 * MIN_FILE_SIZE
    assert b"thanks" in taken.files[-1].read_bytes()


@needs_root
@a_tool
def test_a_run_that_fails_leaves_no_capture(network: HostNetwork, tmp_path: Path, tool: str) -> None:
    folder = tmp_path / "captures" / "run"
    with pytest.raises(ValueError, match="the run"), Captures(NetnsLauncher(network, 5000), ROLES, folder, tool):
        raise ValueError("the run")
    assert list(tmp_path.glob("captures/*")) == []


@needs_root
@a_tool
def test_a_capture_that_ends_early_is_an_error(network: HostNetwork, tmp_path: Path, tool: str) -> None:
    taken = Captures(NetnsLauncher(network, 5000), ROLES, tmp_path / "run", tool)
    with pytest.raises(ClusterError, match=f"{tool} at peer2 ended before the run"), taken:
        taken._processes[1].terminate()
        taken._processes[1].wait(10)
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_a_program_that_cannot_capture_is_an_error(
    network: HostNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captures, "START_TIMEOUT", 0.5)
    monkeypatch.setattr(captures, "command", lambda tool, path, size: ["true"])
    with pytest.raises(ClusterError, match="tcpdump did not begin to capture at peer1"):
        Captures(NetnsLauncher(network, 5000), ROLES, tmp_path / "run", "tcpdump").__enter__()
    assert list(tmp_path.iterdir()) == []
