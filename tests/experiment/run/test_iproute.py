"""``ip`` and ``tc`` as they are run: what fails is one line with the command, the tool's words and a remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p2p_twisted.experiment.run import iproute
from p2p_twisted.experiment.run.iproute import PlaceError, batch, run


def tool(folder: Path, script: str) -> str:
    path = folder / "tool"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_its_output_is_returned(tmp_path: Path) -> None:
    assert run([tool(tmp_path, 'echo "$2 $1"'), "a", "b"]) == "b a\n"


def test_the_commands_of_a_batch_are_read(tmp_path: Path) -> None:
    batch([tool(tmp_path, f'test "$1 $2" = "-batch -" && cat > {tmp_path}/read')], ["link set lo up", "link show"])
    assert (tmp_path / "read").read_text() == "link set lo up\nlink show\n"


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (
            "mount --make-shared /run/netns failed: Operation not permitted",
            "; root lacks CAP_SYS_ADMIN or CAP_NET_ADMIN",
        ),
        ("RTNETLINK answers: Operation not supported", "; the kernel lacks a module: modprobe -a veth bridge sch_tbf"),
        ("Error: Unknown device type.", "; the kernel lacks a module: modprobe -a veth bridge sch_tbf"),
        ("RTNETLINK answers: File exists", ""),
    ],
)
def test_a_failure_names_the_command_the_words_and_the_remedy(tmp_path: Path, words: str, remedy: str) -> None:
    fails = tool(tmp_path, f"echo '{words}' >&2; exit 2")
    with pytest.raises(PlaceError, match="^" + re.escape(f"{fails} link show: {words.rstrip('.')}{remedy}")) as failed:
        run([fails, "link", "show"])
    assert "\n" not in str(failed.value)


def test_the_command_of_a_batch_that_failed_is_named(tmp_path: Path) -> None:
    fails = tool(tmp_path, "echo 'Error: Device is busy.' >&2; echo 'Command failed -:2' >&2; exit 1")
    with pytest.raises(PlaceError, match=f"^{fails} -n ns link set b up: Error: Device is busy$"):
        batch([fails, "-n", "ns"], ["link add b type bridge", "link set b up"])


def test_a_tool_that_says_nothing_or_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match=r"tool: exit status 3$"):
        run([tool(tmp_path, "exit 3")])
    with pytest.raises(PlaceError, match=r"/nosuchtool x: No such file or directory$"):
        run([str(tmp_path / "nosuchtool"), "x"])


def test_a_tool_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iproute, "COMMAND_TIMEOUT", 0.1)
    with pytest.raises(PlaceError, match=r"tool: timed out after 0.1 s; the machine is too busy: try again"):
        run([tool(tmp_path, "exec sleep 20")])
