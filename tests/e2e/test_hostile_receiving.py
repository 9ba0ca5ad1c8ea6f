"""Hostile names told to a real peer: nothing is written or read outside the folder of the download."""

from __future__ import annotations

import os
import random
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.run.processes import Member
from p2p_twisted.library.paths import is_safe, why_tricky
from p2p_twisted.web.control_client import ControlError
from p2p_twisted.wire.records import IndexRecord
from p2p_twisted.wire.visible import MAX_SHOWN, has_invisible
from tests.support.hostile_names import RAW, hostile_names, splits
from tests.support.invented_rows import record_of
from tests.support.outside import SECRET, Outside
from tests.support.p2p_command import p2p
from tests.support.raw_sockets import System, system, wait_for
from tests.support.strangers import Crowd, Plan
from tests.support.twistd import wait_for as wait_until

RANDOM = random.Random(500)
TRAPS = [
    f"trap/{kind}" for kind in ("name", "part", "state", "pipe", "pipe.part0", "socket", "device", "folder", "deep")
]
BIG = {name: RANDOM.randbytes(3 * 2**16 - 5) for name in (*TRAPS, *(f"race/{number}.bin" for number in range(12)))}
LAST = "zz-the-last-one.txt"
RACE = 2.0
"""Seconds."""


def content(name: str) -> bytes:
    """Return what the stranger sends as the document `name`."""
    return BIG.get(name) or f"a stranger's document, {name!a}\n".encode()


def rows(names: list[str], stranger: Any) -> Iterator[tuple[bytes, IndexRecord, bytes]]:
    """Yield the rows of each name, in all splits into stem and type, with the true record and piece list.

    A name with a line feed would be two rows, of which the second is that of another name.
    """
    texts = [*(name for name in names if "\n" not in name), *BIG, LAST]
    contents = {name.encode("utf-8", "surrogatepass"): content(name) for name in texts}
    for raw, data in [*contents.items(), *((raw, b"no text") for raw in RAW)]:
        record, digests = record_of("x", data, stranger.address)
        host, port = stranger.address
        rest = f"\t\t{host}\t{port}\t7200\t{record.size}\t{record.sha256}\t{record.pieces or '-'}\n".encode()
        for stem, kind in splits(raw):
            yield b"%s\t%s%s" % (stem, kind, rest), record, digests


class Scene:
    """A downloader, a stranger who has all the names, and a folder outside."""

    def __init__(self, running: System, crowd: Crowd, base: Path) -> None:
        self.base = base
        self.outside = Outside(base / "outside")
        self.peer: Member = running.cluster.peers[0]
        self.names = hostile_names(str(self.outside.path))
        self.safe = [name for name in self.names if is_safe(name)]
        stranger = crowd.add(Plan(), host="127.0.0.9")
        made = list(rows(self.names, stranger))
        contents = {name: content(name) for name in [*self.names, *BIG, LAST]}
        by_hash = {record_of("x", data, stranger.address)[0].sha256 or "": data for data in contents.values()}
        lists = {record.sha256 or "": digests for _, record, digests in made}
        stranger.plan = Plan([row for row, _, _ in made], contents=contents | by_hash, piece_lists=lists)
        stranger.hello(("127.0.0.1", running.peers[0]))
        wait_until(lambda: self.peer.control.get("index", q=LAST)["total"])

    def order(self, **order: Any) -> dict[str, Any]:
        """Return a download when it is over."""
        return wait_for(self.peer.control, self.peer.control.post("downloads", order)["id"])

    def folder(self, name: str) -> Path:
        """Return a new folder for a download."""
        made = self.base / name
        made.mkdir()
        return made

    def check(self, folder: Path) -> set[str]:
        """Assert that all in `folder` is right, and nothing outside was touched; return the names of the documents."""
        assert self.outside.touched() == []
        assert {path.name for path in self.base.iterdir() if path.is_dir()} >= {"outside", folder.name}
        found = files(folder)
        for name, data in found.items():
            assert is_safe(name) and data == content(name), name
        return set(found)


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of each regular file, no link followed."""
    found = {}
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if stat.S_ISREG(path.lstat().st_mode):
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with system([{}]) as running, Crowd(("127.0.0.1", running.rs)) as crowd:
        made = Scene(running, crowd, tmp_path_factory.mktemp("scene"))
        yield made
        made.outside.close()


def test_the_watch_sees_what_goes_through_a_link(tmp_path: Path) -> None:
    outside = Outside(tmp_path / "outside")
    (tmp_path / "link").symlink_to(outside.path)
    assert outside.touched() == []
    for touch in (
        lambda: (tmp_path / "link/secret.txt").read_bytes(),
        lambda: (tmp_path / "link/new").touch(),
        lambda: list((tmp_path / "link").iterdir()),
        lambda: (tmp_path / "link/sub/deeper/secret.txt").open("rb").close(),
    ):
        touch()
        assert outside.touched() != []
    outside.close()


@pytest.mark.parametrize("swarm", [True, False])
def test_all(scene: Scene, swarm: bool) -> None:
    """No name that misleads is fetched, and each is named or counted as skipped."""
    folder = scene.folder(f"all-{swarm}")
    found = scene.order(all=True, dir=str(folder), swarm=swarm)
    names = scene.check(folder)
    assert LAST in names
    assert [name for name in names if why_tricky(name) is not None] == []
    assert len({name.casefold() for name in names}) == len(names)
    assert found["files_passed_over"] >= 200
    assert not [file for file in found["passed_over"] if "\n" in file["why"]]


@pytest.mark.parametrize("swarm", [True, False])
def test_each_by_its_name(scene: Scene, swarm: bool) -> None:
    """Then it comes to lie at exactly that path below the folder, or the error says why it cannot."""
    folder = scene.folder(f"named-{swarm}")
    found = scene.order(names=scene.safe, dir=str(folder), swarm=swarm)
    names = scene.check(folder)
    done = {file["name"] for file in found["files"] if file["state"] == "done"}
    assert done == names
    assert len(done) > 250
    assert all(file["error"] for file in found["files"] if file["name"] not in done)


def test_unsafe_names_are_refused_in_one_line(scene: Scene) -> None:
    folder = scene.folder("unsafe")
    for name in set(scene.names) - set(scene.safe):
        with pytest.raises(ControlError) as refused:
            scene.peer.control.post("downloads", {"names": [name], "dir": str(folder)})
        text = str(refused.value)
        assert refused.value.status == 400
        assert "\n" not in text and not has_invisible(text) and len(text) < 12 * MAX_SHOWN
    assert scene.check(folder) == set()


def test_folders_that_are_no_paths(scene: Scene) -> None:
    for folder in ("", "x", "../x", "~", "~/x", "/a\nb", "/a\0b", 7, ["/tmp"], "/x" * 100_000):
        with pytest.raises(ControlError) as refused:
            scene.peer.control.post("downloads", {"names": [LAST], "dir": folder})
        assert refused.value.status == 400 and len(str(refused.value)) < MAX_SHOWN
    assert scene.outside.touched() == []


def test_the_command(scene: Scene) -> None:
    """With -o, a pattern, a folder, NAME@HASH, and names that look like options or homes."""
    start = ("get", "--state-dir", scene.peer.state_dir, "-o")
    folder = scene.folder("command")
    digits = (record_of("x", content("-"), ("127.0.0.1", 1))[0].sha256 or "")[:8]
    for unsafe in (f"../{LAST}", f"../../x@{digits}", "/etc/passwd", ".ssh/x"):
        result = p2p(*start, folder, "--", unsafe)
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), result.stderr
        assert scene.check(folder) == set()
    named = ["-rf", "~root/x", "nul.txt", "photo\u202egpj.exe"]
    result = p2p(*start, folder, "--", "t*", "sub/", f"-@{digits}", *named)
    assert not has_invisible(result.stderr) and "Traceback" not in result.output
    names = scene.check(folder)
    assert {"-", *named} <= names
    assert all(why_tricky(name) is None for name in names - {"-", *named})


def set_traps(folder: Path, outside: Path) -> None:
    """What somebody else may have put where the documents of TRAPS are to lie."""
    trap = folder / "trap"
    trap.mkdir(parents=True)
    (trap / "name").symlink_to(outside / "secret.txt")
    (trap / "part.part").symlink_to(outside / "new.txt")
    (trap / "state.part.state").symlink_to(outside / "secret.txt")
    os.mkfifo(trap / "pipe")
    os.mkfifo(trap / "pipe.part0.part")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(trap / "socket.part"))
    (trap / "folder").mkdir()
    (trap / "deep").symlink_to(outside / "sub")
    (folder / "sub").symlink_to(outside)
    if os.geteuid() == 0:
        os.mknod(trap / "device.part", stat.S_IFCHR | 0o666, os.makedev(1, 5))


@pytest.mark.parametrize("swarm", [True, False])
@pytest.mark.parametrize("overwrite", [True, False])
def test_traps_in_the_folder(scene: Scene, swarm: bool, overwrite: bool) -> None:
    folder = scene.folder(f"traps-{swarm}-{overwrite}")
    set_traps(folder, scene.outside.path)
    names = [*TRAPS, "sub/-rf", "sub/deeper/x", LAST]
    found = scene.order(names=names, dir=str(folder), swarm=swarm, overwrite=overwrite)
    done = scene.check(folder)
    assert LAST in done
    assert done == {file["name"] for file in found["files"] if file["state"] == "done"}
    assert not done & {"trap/part", "trap/pipe", "trap/socket", "trap/folder", "sub/-rf", "sub/deeper/x"}


def swapper(folder: Path, outside: Path) -> Callable[[], None]:
    """Return what puts a link in place of the folder "race", or of a file in it, for a moment."""
    real = folder / "race-itself"

    def whole() -> None:
        (folder / "race").rename(real)
        (folder / "race").symlink_to(outside)
        time.sleep(RANDOM.uniform(0, 0.002))
        (folder / "race").unlink()
        real.rename(folder / "race")

    def one() -> None:
        path = folder / "race" / f"{RANDOM.randrange(12)}.bin{RANDOM.choice(('.part', '.part.state'))}"
        path.unlink(missing_ok=True)
        path.symlink_to(outside / RANDOM.choice(("secret.txt", "empty.txt", "new.txt")))

    def swap() -> None:
        try:
            RANDOM.choice((whole, one))()
        except OSError:
            pass  # the download has changed it meanwhile
        if not (folder / "race").is_dir() and real.is_dir():
            (folder / "race").unlink(missing_ok=True)
            real.rename(folder / "race")

    return swap


@pytest.mark.parametrize("swarm", [True, False])
def test_links_swapped_in_while_it_is_written(scene: Scene, swarm: bool) -> None:
    """Whatever the moment, nothing goes through them; and a download without such company gets all."""
    folder, over = scene.folder(f"race-{swarm}"), threading.Event()
    (folder / "race").mkdir()
    swap = swapper(folder, scene.outside.path)

    def go_on() -> None:
        while not over.is_set():
            swap()
            time.sleep(0.001)

    thread = threading.Thread(target=go_on)
    thread.start()
    names = [name for name in BIG if name.startswith("race/")]
    states, deadline = set[str](), time.monotonic() + RACE
    try:
        while time.monotonic() < deadline:
            found = scene.order(names=names, dir=str(folder), swarm=swarm, overwrite=True)
            states |= {file["state"] for file in found["files"]}
            for name in names:
                (folder / name).unlink(missing_ok=True)
    finally:
        over.set()
        thread.join()
    assert "failed" in states
    assert scene.outside.touched() == []
    assert {path.name: path.read_bytes() for path in scene.outside.path.iterdir() if path.is_file()} == secrets()
    clean = scene.folder(f"clean-{swarm}")
    assert scene.order(names=names, dir=str(clean), swarm=swarm)["state"] == "done"
    scene.outside.touched()  # by this test, which has read the files
    assert scene.check(clean) == set(names)


def secrets() -> Mapping[str, bytes]:
    """Return what there is in the folder outside, and is to stay as it is."""
    return {"secret.txt": SECRET, "inner.txt": SECRET, "empty.txt": b""}
