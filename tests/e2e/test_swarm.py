"""Swarms of real twistd processes: pieces passed on, downloads resumed, sources that lie or fall silent, and 1.0."""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from p2p_twisted.experiment.run.processes import Member
from p2p_twisted.library.pieces import piece_range, piece_size
from p2p_twisted.swarm.part_state import WRITE_INTERVAL
from tests.support import raw_sockets
from tests.support.fake_peers import CorruptPeer, NewPeer, OldPeer, Server, Staller
from tests.support.p2p_command import p2p
from tests.support.raw_sockets import System, answer, exchange, is_refusal, wait_for

from .test_kill_peer import NAME, Watch, holders, order, wait

DATA = random.Random(14).randbytes(24 * 2**20)
PIECE = piece_size(len(DATA))
HERE = "127.0.0.1"


@contextmanager
def known_to(system: System, *servers: Server) -> Iterator[None]:
    """`servers` run, and the RS has them on its list."""
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
            raw_sockets.exchange(system.rs, [raw_sockets.request("Register NULL", "cookie:", f"port:{server.port}")])
        yield


def limit(member: Member, up_rate: int | None) -> None:
    """Let `member` send that many bytes of files a second, from now on; None: as many as it can."""
    member.control.put("limits", {"up_rate": up_rate})


def watch_until(downloader: Member, id_: str, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The download as it is when it is `ready`, which it must be before it is over."""
    found: dict[str, Any] = {}

    def is_ready() -> bool:
        found.update(downloader.control.get(f"downloads/{id_}"))
        assert found["ended"] is None, found
        return ready(found)

    wait(is_ready)
    return found


def source(found: dict[str, Any], port: int) -> dict[str, Any]:
    """Return the source on that port, as the download shows it."""
    (one,) = [source for source in found["sources"] if source["port"] == port]
    return dict(one)


def assert_done(found: dict[str, Any]) -> None:
    assert (found["state"], found["files_done"], found["files_failed"]) == ("done", 1, 0), found
    assert found["bytes_done"] == found["bytes_total"], found


# all want the same


def test_three_who_want_the_same_pass_it_on() -> None:
    """The first of them to finish has pieces from others, who thus had not finished: and the source sends much less."""
    with raw_sockets.system([{NAME: DATA}, {}, {}, {}], {"peer1": ("--up-rate", "6M")}) as system:
        full, *downloaders = system.cluster.peers
        system.cluster.wait_for_documents(1)
        ids = [order(downloader) for downloader in downloaders]
        downloads = [wait_for(downloader.control, id_) for downloader, id_ in zip(downloaders, ids, strict=True)]
        for downloader, found in zip(downloaders, downloads, strict=True):
            assert_done(found)
            assert (downloader.download_dir / NAME).read_bytes() == DATA
            assert set(found["files"][0]["sources"]) > {f"{HERE}:{system.peers[0]}"}, found
        sent = full.control.get("status")["uploaded"]
        assert len(DATA) <= sent < 2 * len(DATA)
        passed_on = sum(downloader.control.get("status")["uploaded"] for downloader in downloaders)
        assert sent + passed_on >= 3 * len(DATA)


def test_a_slow_downloader_does_not_delay_the_others() -> None:
    """The two others have all of it long before it has."""
    options = {"peer1": ("--up-rate", "6M"), "peer4": ("--down-rate", "100K")}
    with raw_sockets.system([{NAME: DATA}, {}, {}, {}], options) as system:
        _, *downloaders = system.cluster.peers
        system.cluster.wait_for_documents(1)
        *ids, slow = [order(downloader) for downloader in downloaders]
        for downloader, id_ in zip(downloaders, ids, strict=False):
            assert_done(wait_for(downloader.control, id_))
        found = downloaders[-1].control.delete(f"downloads/{slow}")
        assert 0 < found["bytes_done"] < len(DATA) / 2, found


# going on where an earlier run was killed


def verified(downloader: Member) -> set[int]:
    """The pieces that the state file of the unfinished document names."""
    lines = (downloader.download_dir / f"{NAME}.part.state").read_text("ascii").splitlines()
    return {int(line) for line in lines[2:]}


def size_of(pieces: set[int]) -> int:
    return sum(piece_range(len(DATA), piece)[1] for piece in pieces)


def kill_half_way(system: System, downloader: Member, sources: int) -> int:
    """Start a download and kill the downloader with -9 at a third of it; return the bytes that its state file names."""
    id_ = order(downloader)
    found = watch_until(downloader, id_, lambda found: found["bytes_done"] > len(DATA) / 3)
    assert len(found["files"][0]["sources"]) == sources
    system.cluster.kill9(downloader.role)
    kept = size_of(verified(downloader))
    late = sources * 2 * WRITE_INTERVAL * RATE  # the state is written now and then
    assert found["bytes_done"] - late <= kept < len(DATA)
    assert found["received"] <= kept + late + sources * PIECE
    return kept


def finish(system: System, downloader: Member, kept: int, sources: set[int]) -> None:
    """Restart the downloader, which resumes the download: what it has is not fetched again, but for a few pieces."""
    system.cluster.restart(downloader.role)
    [resumed] = downloader.control.get("downloads")["items"]
    wait(lambda: downloader.control.get(f"downloads/{resumed['id']}")["state"] == "done")
    found = downloader.control.get(f"downloads/{resumed['id']}")
    assert_done(found)
    assert found["received"] <= len(DATA) - kept + TWICE, (found["received"], kept)
    assert {one["port"] for one in found["sources"]} == sources
    assert len(found["files"][0]["sources"]) == len(sources)


TWICE = 16 * PIECE
"""Bytes that may come twice: what was in transit, and what is asked of a second source at the end."""
RATE = 4_000_000
SLOW = {role: ("--up-rate", str(RATE)) for role in ("peer1", "peer2")}


def test_killed_and_resumed() -> None:
    with raw_sockets.system([{NAME: DATA}, {NAME: DATA}, {}], SLOW) as system:
        downloader = system.cluster.peers[2]
        wait(lambda: len(holders(downloader)) == 2)
        with Watch(downloader.download_dir, DATA) as watch:
            kept = kill_half_way(system, downloader, 2)
            finish(system, downloader, kept, set(system.peers[:2]))
        watch.assert_right()


def test_killed_and_resumed_when_the_source_is_another() -> None:
    with raw_sockets.system([{NAME: DATA}, {NAME: DATA}, {}], SLOW) as system:
        first, second, downloader = system.cluster.peers
        wait(lambda: len(holders(downloader)) == 2)
        stop(second)
        wait(lambda: len(holders(downloader)) == 1)
        with Watch(downloader.download_dir, DATA) as watch:
            kept = kill_half_way(system, downloader, 1)
            stop(first)
            system.cluster.restart(second.role)
            finish(system, downloader, kept, {system.peers[1]})
        watch.assert_right()


def stop(member: Member) -> None:
    """End it politely."""
    member.terminate()
    assert member.wait(raw_sockets.WAIT_TIMEOUT)


# bad sources

SMALL = DATA[: 8 * 2**20]


@contextmanager
def with_bad_source(kind: type[NewPeer], up_rate: str) -> Iterator[tuple[System, NewPeer]]:
    """A peer that has the file and sends it at `up_rate`, another that is to fetch it, and a bad one that has it too.

    At the end the file must be there, and right.
    """
    with raw_sockets.system([{NAME: SMALL}, {}], {"peer1": ("--up-rate", up_rate)}) as system:
        bad = kind(NAME, SMALL)
        with known_to(system, bad):
            downloader = system.cluster.peers[1]
            wait(lambda: len(holders(downloader)) == 2)
            with Watch(downloader.download_dir, SMALL) as watch:
                yield system, bad
            watch.assert_right()


def test_a_corrupt_peer_is_banned_after_three_hash_failures() -> None:
    why = "3 hash failures"
    with with_bad_source(CorruptPeer, "2M") as (system, corrupt):
        honest, downloader = system.cluster.peers
        id_ = order(downloader)
        shown = source(
            watch_until(downloader, id_, lambda found: source(found, corrupt.port)["dropped"] is not None), corrupt.port
        )
        assert (shown["state"], shown["wrong_pieces"], shown["dropped"]) == ("dropped", 3, why)
        limit(honest, None)
        found = wait_for(downloader.control, id_)
        assert_done(found)
        assert source(found, corrupt.port)["wrong_pieces"] == 3
        assert found["files"][0]["sources"][f"{HERE}:{system.peers[0]}"]["bytes"] == len(SMALL)
        (dropped,) = downloader.control.get("status")["dropped_sources"]
        assert (dropped["port"], dropped["why"]) == (corrupt.port, why)
        status = p2p("status", "--state-dir", downloader.state_dir)
        assert f"{HERE}:{corrupt.port}, in a download that ended" in status.output
        assert why in status.output


def test_a_silent_source_is_snubbed() -> None:
    """The honest source is slow until then, so that some pieces are requested from the silent one only."""
    with with_bad_source(Staller, "200K") as (system, staller):
        honest, downloader = system.cluster.peers
        id_ = order(downloader)
        watch_until(downloader, id_, lambda found: source(found, staller.port)["state"] == "stalled")
        limit(honest, None)
        found = wait_for(downloader.control, id_)
        assert_done(found)
        assert found["files"][0]["sources"][f"{HERE}:{system.peers[0]}"]["bytes"] == len(SMALL)
        assert staller.asked


# 1.0


def test_files_of_a_1_0_peer_are_verified_where_a_hash_is_known() -> None:
    """A 1.1 peer that has told the hashes of two files dies while they are fetched; the old one has right bytes for one
    of them."""
    plain, known, forged = (DATA[at * 2**20 : (at + 1) * 2**20] for at in range(3))
    old = OldPeer({"plain": plain, "known": known, "forged": bytes(len(forged))})
    with raw_sockets.system([{"known.bin": known, "forged.bin": forged}, {}]) as system, known_to(system, old):
        new, downloader = system.cluster.peers
        wait(lambda: holder_count(downloader, "plain.bin", "known.bin", "forged.bin") == 5)
        limit(new, 10_000)
        id_ = downloader.control.post("downloads", {"names": ["plain.bin", "known.bin", "forged.bin"]})["id"]
        watch_until(downloader, id_, lambda found: source(found, system.peers[0])["state"] == "connected")
        system.cluster.kill9(new.role)
        found = wait_for(downloader.control, id_)
        states = {file["name"]: file["state"] for file in found["files"]}
        assert states == {"plain.bin": "done", "known.bin": "done", "forged.bin": "failed"}, found
        assert "its SHA-256 is not the one in the index" in found["files"][2]["error"]["text"], found
        there = {path.name: path.read_bytes() for path in downloader.download_dir.iterdir()}
        assert there == {"plain.bin": plain, "known.bin": known}
    assert sorted(old.orders()) == ["forged", "known", "plain"]
    for lines in old.received:
        assert re.fullmatch(r"GET (INDEX|FILE) P2P_DI_1\.[01]\nHost \S+\nOS [^\n]+\n(\n\w+\nbin)?\n", "\n".join(lines))


def holder_count(downloader: Member, *names: str) -> int:
    downloader.control.post("refresh")
    items = downloader.control.get("index")["items"]
    return sum(len(item["holders"]) for item in items if item["name"] in names)


def test_a_client_of_1_0_gets_a_file_from_a_peer_that_is_downloading_another() -> None:
    """It gets nothing of the file that is being downloaded until that is complete."""
    other = DATA[:2_000_001]
    with raw_sockets.system([{NAME: DATA}, {"some other.pdf": other}], {"peer1": ("--up-rate", "1M")}) as system:
        full, downloader = system.cluster.peers
        wait(lambda: len(holders(downloader)) == 1)
        id_ = order(downloader)
        watch_until(downloader, id_, lambda found: found["bytes_done"] > 0)
        stem, _, kind = NAME.rpartition(".")
        port = system.peers[1]
        assert exchange(port, [raw_sockets.request("GET FILE", "some other", "pdf")]) == answer(other)
        assert is_refusal(exchange(port, [raw_sockets.request("GET FILE", stem, kind)]), "100 FILE_NOT_FOUND")
        watch_until(downloader, id_, lambda found: True)
        limit(full, None)
        assert_done(wait_for(downloader.control, id_))
        assert exchange(port, [raw_sockets.request("GET FILE", stem, kind)]) == answer(DATA)
