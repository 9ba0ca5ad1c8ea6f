"""``p2p doctor``: of a real peer, before and after a disk has changed a file; and without a peer."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from p2p_twisted.cli import exits
from tests.support.p2p_command import p2p, serving, state_folder
from tests.support.twistd import Home, home, status, wait_for


@pytest.fixture(scope="module")
def user() -> Iterator[Home]:
    with home() as user:
        (user.here / "docs").mkdir()
        (user.here / "docs/a.txt").write_bytes(b"a" * 1000)
        user.start(user.state("rs"), *user.rs())
        user.start(user.state("peer"), *user.peer("--share", "docs"))
        wait_for(lambda: (found := status(user.state("peer")))["rs"]["registered"] and found["files"])
        yield user


def findings(user: Home, *options: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Return the exit code, and the last finding about each thing: its level and its text."""
    done = p2p("--state-dir", user.state("peer"), "doctor", "--json", *options)
    items = json.loads(done.stdout)["items"]
    return done.exit_code, {item["about"]: (item["level"], item["text"]) for item in items}


def test_a_file_that_has_changed_behind_its_back(user: Home) -> None:
    code, found = findings(user, "--scrub")
    assert (code, found["content"]) == (0, ("ok", "1 file read again, 1.0 kB: all as shared"))
    assert found["RS"][0] == found["shares"][0] == "ok"
    wait_for(lambda: findings(user)[1]["changes"][0] == "ok")  # told so at the end of its first scan
    assert found["reachable"][0] == "warning", "there is nobody to try"
    path = user.here / "docs/a.txt"
    before = path.stat()
    with path.open("r+b", buffering=0) as file:  # the peer is told when it is closed
        file.write(b"b" * 1000)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert findings(user)[0] == 0
    done = p2p("--state-dir", user.state("peer"), "doctor", "--scrub")
    assert done.exit_code == exits.FAILED
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[2] for line in lines if line[0] == "problem"] == [
        f"{path.resolve()} holds f6f118e1, and not 41edece4 as shared",
        "1 file read again, 1.0 kB: 1 not as shared",
    ]
    assert all(len(line) == 4 for line in lines)


def test_a_cache_that_cannot_be_read() -> None:
    with serving("peer") as folder:
        done = p2p("--state-dir", folder, "doctor", "--scrub")
    assert done.exit_code == exits.FAILED
    assert (
        "problem\tcontent\tthe hashes of the shared files cannot be read: unable to open database file" in done.stdout
    )
    assert "problem\tshares\t/srv/documents cannot be read" in done.stdout


def test_no_peer() -> None:
    with state_folder() as folder:
        done = p2p("--state-dir", folder, "doctor")
        assert (done.exit_code, "no peer is running on" in done.stderr) == (exits.USAGE, True)
    with serving("rs") as folder:
        done = p2p("--state-dir", folder, "doctor")
        assert (done.exit_code, "is an RS" in done.stderr) == (exits.USAGE, True)
