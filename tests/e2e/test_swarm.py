"""Swarms of real twistd processes: pieces passed on, downloads resumed, sources that lie or fall silent, and 1.0."""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from p2p_twisted.experiment.run.processes import Member
from p2p_twisted.library.pieces import piece_range, piece_size
from tests.support import raw_sockets
from tests.support.fake_peers import Liar, NewPeer, OldPeer, Server, Staller
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


def watch_until(asker: Member, id_: str, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The download as it is when it is `ready`, which it must be before it is over."""
    found: dict[str, Any] = {}

    def is_ready() -> bool:
        found.update(asker.control.get(f"downloads/{id_}"))
        assert found["ended"] is None, found
        return ready(found)

    wait(is_ready)
    return found


def source(found: dict[str, Any], port: int) -> dict[str, Any]:
    """What the download says of its source on that port."""
    (one,) = [source for source in found["sources"] if source["port"] == port]
    return dict(one)


def assert_done(found: dict[str, Any]) -> None:
    assert (found["state"], found["files_done"], found["files_failed"]) == ("done", 1, 0), found
    assert found["bytes_done"] == found["bytes_total"], found


# all want the same


def test_three_who_want_the_same_pass_it_on() -> None:
    """The first of them to finish has pieces from others, who thus had not finished: and the source sends much less."""
    with raw_sockets.system([{NAME: DATA}, {}, {}, {}], {"peer1": ("--up-rate", "6M")}) as system:
        full, *askers = system.cluster.peers
        system.cluster.wait_for_documents(1)
        ids = [order(asker) for asker in askers]
        downloads = [wait_for(asker.control, id_) for asker, id_ in zip(askers, ids, strict=True)]
        for asker, found in zip(askers, downloads, strict=True):
            assert_done(found)
            assert (asker.download_dir / NAME).read_bytes() == DATA
            assert set(found["files"][0]["sources"]) > {f"{HERE}:{system.peers[0]}"}, found
        sent = full.control.get("status")["uploaded"]
        assert len(DATA) <= sent < 2 * len(DATA)
        passed_on = sum(asker.control.get("status")["uploaded"] for asker in askers)
        assert sent + passed_on >= 3 * len(DATA)


def test_one_that_takes_little_holds_up_nobody() -> None:
    """The two others have all of it long before it has."""
    options = {"peer1": ("--up-rate", "6M"), "peer4": ("--down-rate", "100K")}
    with raw_sockets.system([{NAME: DATA}, {}, {}, {}], options) as system:
        _, *askers = system.cluster.peers
        system.cluster.wait_for_documents(1)
        *ids, slow = [order(asker) for asker in askers]
        for asker, id_ in zip(askers, ids, strict=False):
            assert_done(wait_for(asker.control, id_))
        found = askers[-1].control.delete(f"downloads/{slow}")
        assert 0 < found["bytes_done"] < len(DATA) / 2, found


# going on where an earlier run was killed


def proven(asker: Member) -> set[int]:
    """The pieces that the state file of the unfinished document names."""
    lines = (asker.download_dir / f"{NAME}.part.state").read_text("ascii").splitlines()
    return {int(line) for line in lines[2:]}


def size_of(pieces: set[int]) -> int:
    return sum(piece_range(len(DATA), piece)[1] for piece in pieces)


def kill_half_way(system: System, asker: Member, sources: int) -> int:
    """Order, and kill the asker with -9 when a third is there; returns how many bytes the state file names."""
    id_ = order(asker)
    found = watch_until(asker, id_, lambda found: found["bytes_done"] > len(DATA) / 3)
    assert len(found["files"][0]["sources"]) == sources
    system.cluster.kill9(asker.role)
    kept = size_of(proven(asker))
    assert found["bytes_done"] <= kept < len(DATA)
    assert found["received"] <= kept + sources * PIECE
    return kept


def finish(system: System, asker: Member, kept: int, sources: set[int]) -> None:
    """Start the asker again, and order again: it needs nothing again but what was on its way."""
    system.cluster.restart(asker.role)
    wait(lambda: asker.control.get("status")["rs"]["registered"])
    wait(lambda: {holder["port"] for holder in holders(asker)} == sources)
    found = wait_for(asker.control, order(asker))
    assert_done(found)
    assert found["received"] <= len(DATA) - kept + len(sources) * PIECE, (found, kept)
    assert {one["port"] for one in found["sources"]} == sources
    assert len(found["files"][0]["sources"]) == len(sources)


SLOW = {"peer1": ("--up-rate", "4M"), "peer2": ("--up-rate", "4M")}


def test_killed_and_ordered_again() -> None:
    with raw_sockets.system([{NAME: DATA}, {NAME: DATA}, {}], SLOW) as system:
        asker = system.cluster.peers[2]
        wait(lambda: len(holders(asker)) == 2)
        with Watch(asker.download_dir, DATA) as watch:
            kept = kill_half_way(system, asker, 2)
            finish(system, asker, kept, set(system.peers[:2]))
        watch.assert_right()


def test_killed_and_ordered_again_when_the_source_is_another() -> None:
    with raw_sockets.system([{NAME: DATA}, {NAME: DATA}, {}], SLOW) as system:
        first, second, asker = system.cluster.peers
        wait(lambda: len(holders(asker)) == 2)
        stop(second)
        wait(lambda: len(holders(asker)) == 1)
        with Watch(asker.download_dir, DATA) as watch:
            kept = kill_half_way(system, asker, 1)
            stop(first)
            system.cluster.restart(second.role)
            finish(system, asker, kept, {system.peers[1]})
        watch.assert_right()


def stop(member: Member) -> None:
    """End it politely."""
    member.terminate()
    assert member.wait(raw_sockets.PATIENCE)


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
            asker = system.cluster.peers[1]
            wait(lambda: len(holders(asker)) == 2)
            with Watch(asker.download_dir, SMALL) as watch:
                yield system, bad
            watch.assert_right()


def test_who_lies_is_dropped_after_the_third_wrong_piece() -> None:
    why = "3 hash failures"
    with with_bad_source(Liar, "2M") as (system, liar):
        honest, asker = system.cluster.peers
        id_ = order(asker)
        told = source(watch_until(asker, id_, lambda found: source(found, liar.port)["dropped"] is not None), liar.port)
        assert (told["state"], told["wrong_pieces"], told["dropped"]) == ("dropped", 3, why)
        limit(honest, None)
        found = wait_for(asker.control, id_)
        assert_done(found)
        assert source(found, liar.port)["wrong_pieces"] == 3
        assert found["files"][0]["sources"][f"{HERE}:{system.peers[0]}"]["bytes"] == len(SMALL)
        (dropped,) = asker.control.get("status")["dropped_sources"]
        assert (dropped["port"], dropped["why"]) == (liar.port, why)
        shown = p2p("status", "--state-dir", asker.state_dir)
        assert f"{HERE}:{liar.port}, in a download that ended" in shown.output
        assert why in shown.output


def test_who_falls_silent_is_passed_over() -> None:
    """The honest one is slow until then, so that there is something left that only the silent one was asked for."""
    with with_bad_source(Staller, "200K") as (system, staller):
        honest, asker = system.cluster.peers
        id_ = order(asker)
        watch_until(asker, id_, lambda found: source(found, staller.port)["state"] == "stalled")
        limit(honest, None)
        found = wait_for(asker.control, id_)
        assert_done(found)
        assert found["files"][0]["sources"][f"{HERE}:{system.peers[0]}"]["bytes"] == len(SMALL)
        assert staller.asked


# 1.0


def test_a_peer_of_1_0_gives_what_it_has_and_is_judged_where_a_hash_is_known() -> None:
    """A 1.1 peer that has told the hashes of two files dies while they are fetched; the old one has right bytes for one
    of them."""
    plain, known, forged = (DATA[at * 2**20 : (at + 1) * 2**20] for at in range(3))
    old = OldPeer({"plain": plain, "known": known, "forged": bytes(len(forged))})
    with raw_sockets.system([{"known.bin": known, "forged.bin": forged}, {}]) as system, known_to(system, old):
        new, asker = system.cluster.peers
        wait(lambda: holder_count(asker, "plain.bin", "known.bin", "forged.bin") == 5)
        limit(new, 10_000)
        id_ = asker.control.post("downloads", {"names": ["plain.bin", "known.bin", "forged.bin"]})["id"]
        watch_until(asker, id_, lambda found: source(found, system.peers[0])["state"] == "connected")
        system.cluster.kill9(new.role)
        found = wait_for(asker.control, id_)
        states = {file["name"]: file["state"] for file in found["files"]}
        assert states == {"plain.bin": "done", "known.bin": "done", "forged.bin": "failed"}, found
        assert "its SHA-256 is not the one in the index" in found["files"][2]["error"]["text"], found
        there = {path.name: path.read_bytes() for path in asker.download_dir.iterdir()}
        assert there == {"plain.bin": plain, "known.bin": known}
    assert sorted(old.orders()) == ["forged", "known", "plain"]
    for lines in old.heard:
        assert re.fullmatch(r"GET (INDEX|FILE) P2P_DI_1\.[01]\nHost \S+\nOS [^\n]+\n(\n\w+\nbin)?\n", "\n".join(lines))


def holder_count(asker: Member, *names: str) -> int:
    asker.control.post("refresh")
    items = asker.control.get("index")["items"]
    return sum(len(item["holders"]) for item in items if item["name"] in names)


def test_a_client_of_1_0_gets_a_file_from_a_peer_that_is_downloading_another() -> None:
    """Of the one that is being downloaded it gets nothing, before it is complete."""
    other = DATA[:2_000_001]
    with raw_sockets.system([{NAME: DATA}, {"some other.pdf": other}], {"peer1": ("--up-rate", "1M")}) as system:
        full, asker = system.cluster.peers
        wait(lambda: len(holders(asker)) == 1)
        id_ = order(asker)
        watch_until(asker, id_, lambda found: found["bytes_done"] > 0)
        stem, _, kind = NAME.rpartition(".")
        port = system.peers[1]
        assert exchange(port, [raw_sockets.request("GET FILE", "some other", "pdf")]) == answer(other)
        assert is_refusal(exchange(port, [raw_sockets.request("GET FILE", stem, kind)]), "100 FILE_NOT_FOUND")
        watch_until(asker, id_, lambda found: True)
        limit(full, None)
        assert_done(wait_for(asker.control, id_))
        assert exchange(port, [raw_sockets.request("GET FILE", stem, kind)]) == answer(DATA)
