"""A share for some among real processes over TLS: every way to learn of it, tried by a stranger, a member and others.

The stranger has a certificate of the same CA, in another name. It runs a peer, and speaks the protocol on sockets.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from p2p_twisted.web.control_client import ControlClient, ControlError
from tests.support.swarm_ca import SwarmCA
from tests.support.tls_strangers import context
from tests.support.twistd import Home, home, status, wait_for

SECRET = os.urandom(200_000)
"""Of four pieces."""
HASH = hashlib.sha256(SECRET).hexdigest()
ABSENT = "0" * 64
NAME = "the secret plan"
TIMEOUT = 10
FOLLOW = b"GET INDEX P2P_DI_1.1\nHost h\nOS o\nSince: 0\nFollow: yes\n\n"
WORD = re.compile(rb"Index: (\S+)\n")


class Swarm:
    """An RS and three peers: the owner shares `vault` with the member, and `public` with all."""

    def __init__(self, user: Home) -> None:
        self.user, self.base = user, user.home
        self.ca = SwarmCA(self.base / "pki")
        self.vault, self.public = self.base / "vault", self.base / "public"
        self.vault.mkdir(), self.public.mkdir()
        (self.vault / f"{NAME}.txt").write_bytes(SECRET)
        (self.public / "open.txt").write_text("for everybody")
        self.folders = {name: self.ca.issue(name) for name in ("rs", "owner", "member", "stranger")}
        user.start(self.base / "state-rs", *user.rs(), *self._of("rs"))
        share = ["--share", str(self.public), "--share", f"{self.vault}:member"]
        self.processes = {"owner": self._peer("owner", *share)}
        self.processes |= {name: self._peer(name) for name in ("member", "stranger")}

    def _of(self, name: str) -> list[str]:
        return ["--state-dir", str(self.base / f"state-{name}"), "--tls", str(self.folders[name])]

    def _peer(self, name: str, *arguments: str) -> Any:
        return self.user.start(self.base / f"state-{name}", *self.user.peer(*arguments), *self._of(name))

    def restart(self, name: str) -> None:
        """End a peer, and start it again."""
        self.processes[name].terminate()
        self.processes[name].wait(TIMEOUT)
        self.processes[name] = self._peer(name)

    def api(self, name: str) -> ControlClient:
        """Return a client of the API of a peer."""
        return ControlClient(self.base / f"state-{name}", timeout=30)

    def known(self, name: str) -> dict[str, Any]:
        """Return what a peer lists, by name."""
        api = self.api(name)
        try:
            return {item["name"]: item for item in api.get("index")["items"]}
        finally:
            api.close()

    def fetch(self, name: str, document: str) -> dict[str, Any]:
        """Let a peer fetch a document; return the download when it has ended."""
        api = self.api(name)
        id_ = api.post("downloads", {"names": [document]})["id"]
        found: dict[str, Any] = wait_for(lambda: (one := api.get(f"downloads/{id_}"))["ended"] and one)
        api.close()
        return found

    def log(self, name: str) -> str:
        """Return all that a peer has logged."""
        return "".join(path.read_text() for path in self.base.parent.glob(f"**/state-{name}-*.log"))

    @contextmanager
    def connected(self, name: str, to: str) -> Iterator[socket.socket]:
        """A TLS connection to a peer, with the certificate of `name`."""
        port = status(self.base / f"state-{to}")["port"]
        with (
            socket.create_connection(("127.0.0.1", port), TIMEOUT) as plain,
            context(self.folders[name], server=False).wrap_socket(plain) as secure,
        ):
            yield secure

    def ask(self, name: str, to: str, request: str, version: str = "1.1") -> bytes:
        """Return the answer to one request: METHOD DOCUMENT, then headers and data."""
        with self.connected(name, to) as sock:
            first, _, rest = request.partition("\n")
            sock.sendall(f"{first} P2P_DI_{version}\nHost 127.0.0.1\nOS Linux\n{rest}".encode())
            return read_answer(sock)


def read_answer(sock: socket.socket) -> bytes:
    """Read one answer; in 1.0, which has no length, until nothing more comes."""
    data = b""
    while not is_complete(data):
        if b" P2P-CI/1.0\n" in data:
            sock.settimeout(0.5)
        try:
            chunk = sock.recv(2**16)
        except TimeoutError:
            if b" P2P-CI/1.0\n" in data:
                break
            raise
        if not chunk:
            break
        data += chunk
    return data


def read_until(sock: socket.socket, text: bytes) -> bytes:
    """Read answers until `text` is in one."""
    data = b""
    while text not in data:
        chunk = sock.recv(2**16)
        assert chunk, data
        data += chunk
    return data


def is_complete(data: bytes) -> bool:
    """Whether `data` is a whole answer of 1.1."""
    head, end, body = data.partition(b"\n\n")
    length = re.search(rb"^Length: (\d+)$", head, re.MULTILINE)
    return bool(end and length) and len(body) >= int(length[1] if length else 0)


@pytest.fixture(scope="module")
def swarm() -> Iterator[Swarm]:
    with home() as user:
        made = Swarm(user)
        wait_for(lambda: f"{NAME}.txt" in made.known("member") and "open.txt" in made.known("stranger"))
        yield made


def found(swarm: Swarm, name: str, words: str) -> list[str]:
    """The names of the documents that a peer finds at all others."""
    api = swarm.api(name)
    try:
        return [item["document"]["name"] for item in api.get("search", q=f"{words} ", swarm="yes")["items"]]
    finally:
        api.close()


def test_a_search_finds_it_for_its_reader_alone(swarm: Swarm) -> None:
    wait_for(lambda: found(swarm, "owner", "everybody") and found(swarm, "member", "secret plan"))
    for words in ("secret plan", "name:secret", "plan", "sec*"):
        assert found(swarm, "member", words) == found(swarm, "owner", words) == [f"{NAME}.txt"]
        assert found(swarm, "stranger", words) == []
    assert found(swarm, "stranger", "everybody") == ["open.txt"]
    ask = "SEARCH INDEX\n\nsecret plan\n"
    assert f"{NAME}\ttxt".encode() in swarm.ask("member", "owner", ask)
    absent = swarm.ask("stranger", "owner", ask.replace("plan", "absent"))
    assert swarm.ask("stranger", "owner", ask) == absent


WAYS = {
    "the index in 1.0": ("GET INDEX\n\n", "1.0"),
    "the index in 1.1": ("GET INDEX\n\n", "1.1"),
    "changes of the index": ("GET INDEX\nSince: 0\n\n", "1.1"),
    "following": ("GET INDEX\nSince: 0\nFollow: yes\n\n", "1.1"),
}
"""The ways to ask for a list."""

REQUESTS = {
    "a file by name in 1.0": ("GET FILE\n\n%(name)s\ntxt\n", "1.0"),
    "a file by name": ("GET FILE\n\n%(name)s\ntxt\n", "1.1"),
    "a file by hash": ("GET FILE\nSHA-256: %(hash)s\n\nx\n\n", "1.1"),
    "a range by hash": ("GET FILE\nSHA-256: %(hash)s\nRange: 0-9\n\nx\n\n", "1.1"),
    "a range beyond its end": ("GET FILE\nSHA-256: %(hash)s\nRange: 0-999999999\n\nx\n\n", "1.1"),
    "its piece list": ("GET PIECES\nSHA-256: %(hash)s\n\n", "1.1"),
    "its next piece": ("GET NEXT\nLength: 67\n\n%(hash)s 0\n", "1.1"),
}
"""The ways to ask for a file, as formats of its name and hash."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("to", ["owner", "member"])
def test_no_list_tells_a_stranger(swarm: Swarm, to: str, way: str) -> None:
    answer = swarm.ask("stranger", to, *WAYS[way])
    assert answer.startswith(b"200 OK")
    assert b"secret" not in answer and HASH.encode() not in answer and b"private" not in answer
    assert to == "member" or b"open\ttxt" in answer


@pytest.mark.parametrize("way", REQUESTS)
@pytest.mark.parametrize("to", ["owner", "member"])
def test_a_stranger_is_answered_as_if_it_were_not_there(swarm: Swarm, to: str, way: str) -> None:
    form, version = REQUESTS[way]
    private = swarm.ask("stranger", to, form % {"name": NAME, "hash": HASH}, version)
    absent = swarm.ask("stranger", to, form % {"name": "an absent plan", "hash": ABSENT}, version)
    assert private.startswith(b"100 FILE_NOT_FOUND")
    assert b"Retry-After" not in private
    private = private.replace(NAME.encode(), b"an absent plan").replace(HASH.encode(), ABSENT.encode())
    assert unsized(private) == unsized(absent)


def unsized(answer: bytes) -> bytes:
    """The answer without the length of a text that repeats what was asked for."""
    return re.sub(rb"Length: \d+", b"", answer)


def test_a_stranger_learns_nothing_from_the_time_an_answer_takes(swarm: Swarm) -> None:
    times: dict[str, list[float]] = {HASH: [], ABSENT: []}
    with swarm.connected("stranger", "owner") as sock:
        for _ in range(100):
            for hash_, found in times.items():
                began = time.perf_counter()
                sock.sendall(f"GET PIECES P2P_DI_1.1\nHost h\nOS o\nSHA-256: {hash_}\n\n".encode())
                read_answer(sock)
                found.append(time.perf_counter() - began)
    private, absent = (statistics.median(found) for found in times.values())
    assert 0.2 < private / absent < 5


def test_the_member_is_told_and_served(swarm: Swarm) -> None:
    with swarm.connected("member", "owner") as sock:
        sock.sendall(FOLLOW)
        assert b"secret plan\ttxt\t" in read_until(sock, b"\tprivate\n")
    for way in ("the index in 1.1", "changes of the index"):
        assert re.search(rb"secret plan\ttxt\t.*\tprivate\n", swarm.ask("member", "owner", *WAYS[way])), way
    for form, version in REQUESTS.values():
        answer = swarm.ask("member", "owner", form % {"name": NAME, "hash": HASH}, version)
        if version == "1.0":
            assert answer.startswith(b"100")
        elif "999999999" not in form:
            assert answer.startswith(b"200"), form


def test_the_owner_s_own_machine_shows_who_may_see_it(swarm: Swarm) -> None:
    found = status(swarm.base / "state-owner")
    assert found["private"] == [{"path": str(swarm.vault), "readers": ["member"]}]
    readers = {name: item["readers"] for name, item in swarm.known("owner").items()}
    assert readers == {f"{NAME}.txt": ["member"], "open.txt": None}
    assert swarm.known("member")[f"{NAME}.txt"]["readers"] == []


def test_what_the_member_fetches_is_not_passed_on(swarm: Swarm) -> None:
    """Not to the stranger, and not to another peer with the member's own certificate either."""
    found = swarm.fetch("member", f"{NAME}.txt")
    assert found["state"] == "done", found
    file = swarm.base / "state-member" / "downloads" / f"{NAME}.txt"
    assert file.read_bytes() == SECRET
    for again in (False, True):
        for asker in ("stranger", "owner", "member"):
            for form, version in REQUESTS.values():
                answer = swarm.ask(asker, "member", form % {"name": NAME, "hash": HASH}, version)
                assert answer.startswith(b"100"), (asker, form)
            for request, version in WAYS.values():
                assert b"secret" not in swarm.ask(asker, "member", request, version)
        if not again:
            file.rename(file.with_name(f"{NAME}, moved.txt"))
            swarm.restart("member")
            wait_for(lambda: f"{NAME}, moved.txt" in swarm.known("member"))


def test_changes_move_nothing_for_a_follower_who_is_a_stranger(swarm: Swarm) -> None:
    with swarm.connected("stranger", "owner") as sock, swarm.connected("member", "owner") as friend:
        for one in (sock, friend):
            one.sendall(FOLLOW)
        words = re.findall(WORD, read_answer(sock))
        assert b".private." in read_until(friend, b"\tprivate\n") and b"private" not in words[0]
        (swarm.vault / "another secret.txt").write_text("new")
        assert b"another secret\ttxt" in read_until(friend, b"\tprivate\n")
        (swarm.vault / "another secret.txt").unlink()
        read_until(friend, b"-\tanother secret\ttxt\n")
        plain = swarm.ask("stranger", "owner", "GET INDEX\n\n")
        assert re.findall(WORD, plain) == words
        sock.settimeout(1)
        with pytest.raises(TimeoutError):
            sock.recv(1)


def test_the_stranger_s_peer_never_knew(swarm: Swarm) -> None:
    """Neither from the owner nor as hearsay from the member, whose index it follows as well."""
    assert set(swarm.known("stranger")) == {"open.txt"}
    found = swarm.fetch("stranger", f"{NAME}.txt")
    assert found["state"] == "failed"
    assert not (swarm.base / "state-stranger" / "downloads" / f"{NAME}.txt").exists()
    assert "secret" not in re.sub("not fetched: .*", "", swarm.log("stranger"))


def test_a_folder_shared_with_some_while_the_peer_runs(swarm: Swarm) -> None:
    folder = swarm.base / "later"
    folder.mkdir()
    (folder / "later secret.txt").write_text("later")
    api = swarm.api("owner")
    found = api.post("shares", {"dir": str(folder), "to": ["member"]})
    assert {"path": str(folder), "readers": ["member"]} in found["private"]
    for to in (None, ["stranger"]):
        with pytest.raises(ControlError, match="is shared with member already"):
            api.post("shares", {"dir": str(folder)} | ({"to": to} if to else {}))
    with pytest.raises(ControlError, match="no group readers"):
        api.post("shares", {"dir": str(swarm.base / "pki"), "to": ["@readers"]})
    api.close()
    wait_for(lambda: "later secret.txt" in swarm.known("member"))
    for request, version in WAYS.values():
        assert b"later secret" not in swarm.ask("stranger", "owner", request, version)


def test_a_member_who_is_revoked_loses_access(swarm: Swarm) -> None:
    with swarm.connected("member", "owner") as followed:
        followed.sendall(FOLLOW)
        read_until(followed, b"\tprivate\n")
        swarm.ca.revoke("member", swarm.folders["owner"])
        swarm.processes["owner"].send_signal(signal.SIGHUP)
        followed.settimeout(TIMEOUT)
        try:
            assert followed.recv(1) == b""
        except ConnectionError:
            pass
    wait_for(lambda: is_refused(swarm))
    assert swarm.processes["owner"].poll() is None


def is_refused(swarm: Swarm) -> bool:
    """Whether the member gets no byte of an answer any more."""
    try:
        return swarm.ask("member", "owner", "GET INDEX\n\n") == b""
    except OSError:
        return True
