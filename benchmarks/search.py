"""How quickly a search finds: a phrase over six peers, and names as one types with 100 000 documents of 1 000 peers.

    python -m benchmarks.search swarm [--corpus DIR] [--documents 1000]
    python -m benchmarks.search typing [--peers 1000] [--documents 100000]

The first deals the PDFs of a corpus and made documents to six peers (processes), and asks for phrases that stand in one
document each, through every peer; then again while two peers are stopped by SIGSTOP. The second fills the index of one
peer; another process types titles into its API, key by key. The delay of the reactor is measured every 5 ms.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from p2p_twisted.experiment.corpus.sample_document import text_document, titles
from p2p_twisted.experiment.run.cluster import Cluster
from p2p_twisted.wire.records import IndexRecord

PEERS = 6
CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "rfc"
KEYS = 300
"""Searches that are typed."""
START = 3.0
"""Seconds until the peer is there, and the first search comes."""
STEP = 0.005
"""Seconds between two looks at the clock of the reactor."""


def main() -> None:
    summary, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details.partition("\n\n")[2])
    verbs = parser.add_subparsers(dest="verb", required=True)
    swarm = verbs.add_parser("swarm")
    swarm.add_argument("--corpus", type=Path, default=CORPUS)
    swarm.add_argument("--documents", type=int, default=1000)
    typing = verbs.add_parser("typing")
    typing.add_argument("--peers", type=int, default=1000)
    typing.add_argument("--documents", type=int, default=100_000)
    typist = verbs.add_parser("typist")
    typist.add_argument("state", type=Path)
    arguments = parser.parse_args()
    if arguments.verb == "swarm":
        measure_swarm(arguments.corpus, arguments.documents)
    elif arguments.verb == "typing":
        measure_typing(arguments.peers, arguments.documents)
    else:
        type_titles(arguments.state)


# over six peers


def measure_swarm(corpus: Path, documents: int) -> None:
    pdfs = sorted(corpus.glob("*.pdf"))
    with Cluster(PEERS) as cluster:
        phrases = dict(deal(cluster, pdfs, documents))
        cluster.start()
        start = time.monotonic()
        wait_until_all_is_found(cluster, phrases)
        print(f"{len(pdfs)} PDFs and {documents} texts over {PEERS} peers, read {time.monotonic() - start:.0f} s after")
        show("all answer", ask(cluster, range(PEERS), phrases))
        silent = [peer.pid or 0 for peer in cluster.peers[-2:]]
        for pid in silent:
            os.kill(pid, signal.SIGSTOP)
        left = {phrase: number for phrase, number in phrases.items() if number < PEERS - 2}
        show("two are silent", ask(cluster, range(PEERS - 2), left))
        for pid in silent:
            os.kill(pid, signal.SIGCONT)


def deal(cluster: Cluster, pdfs: Sequence[Path], documents: int) -> Iterator[tuple[str, int]]:
    """Fill the folders of the peers; yield phrases of one document each, and the number of the peer that has it."""
    for number, pdf in enumerate(pdfs):
        (cluster.peers[number % PEERS].share_dir / pdf.name).write_bytes(pdf.read_bytes())
    for number, title in enumerate(titles(documents, 1)):
        text = text_document(title, 4000, str(number)).decode()
        words = f"marker{number:05} stands here"
        text = f"{text[:2000]}\n\n{words}\n\n{text[2000:]}"
        (cluster.peers[number % PEERS].share_dir / f"made{number:05}.txt").write_text(text)
        if number % (documents // 12) == 0:
            yield f'"{words}"', number % PEERS


def wait_until_all_is_found(cluster: Cluster, phrases: dict[str, int]) -> None:
    while True:
        found = [bool(search(cluster, number, phrase)["items"]) for phrase, number in phrases.items()]
        left = [peer.control.get("search", q="marker", limit=1)["items"] for peer in cluster.peers]
        if all(found) and all(left):
            return
        time.sleep(0.5)


def search(cluster: Cluster, number: int, phrase: str) -> Any:
    return cluster.peers[number].control.get("search", q=f"{phrase} ", swarm="yes")


def ask(cluster: Cluster, numbers: Sequence[int], phrases: dict[str, int]) -> list[tuple[float, bool]]:
    """Ask for each phrase through each of these peers; return the seconds, and whether it was found with a passage."""
    found = []
    for phrase in phrases:
        for number in numbers:
            start = time.monotonic()
            items = search(cluster, number, phrase)["items"]
            seconds = time.monotonic() - start
            marked = [item["passage"][a : b + 1] for item in items for a, b in item["marks"]]
            found.append((seconds, marked == [phrase.strip('"')]))
    return found


def show(what: str, found: Sequence[tuple[float, bool]]) -> None:
    seconds = [one for one, _ in found]
    right = sum(is_right for _, is_right in found)
    print(
        f"{what:15} {len(found):4} searches, {right} found with their passage, "
        f"median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s"
    )


# as one types


def measure_typing(peers: int, documents: int) -> None:
    from twisted.internet import reactor as _reactor
    from twisted.internet.task import LoopingCall
    from twisted.internet.threads import deferToThread

    from p2p_twisted.peer.settings import PeerSettings
    from p2p_twisted.peer.tap import make_peer
    from p2p_twisted.web.api.schema import Settings

    reactor: Any = _reactor
    with tempfile.TemporaryDirectory(prefix="p2p-") as folder:
        state = Path(folder)
        settings = PeerSettings("127.0.0.1", state, state / "downloads", rs_port=9, index_memory=120)
        peer = make_peer(reactor, settings, "search benchmark", None, Settings([]))
        for holder in range(peers):
            fill(peer, holder, documents // peers)
        delays: list[tuple[float, float]] = []
        due = [0.0]

        def look() -> None:
            now = time.monotonic()
            delays.append((now - due[0] if due[0] else 0.0, now))
            due[0] = now + STEP

        reactor.callLater(START, lambda: LoopingCall(look).start(STEP))
        command = [sys.executable, "-m", "benchmarks.search", "typist", folder]
        typed = deferToThread(subprocess.run, command, check=False)
        typed.addCallback(lambda _: peer.stopService()).addBoth(lambda _: reactor.stop())
        reactor.callWhenRunning(peer.startService)
        reactor.run()
    longest, when = max(delays)
    after, whole = when - delays[0][1], delays[-1][1] - delays[0][1]
    print(f"{len(peer.index)} documents of {peers} peers; the reactor was late by {longest * 1000:.0f} ms at most,")
    print(f"{after:.1f} s after the first search, of {whole:.1f} s")


def address(holder: int) -> tuple[str, int]:
    """Return the address of a peer: on this machine, where nobody listens."""
    return f"127.{holder // 250 + 1}.{holder % 250}.1", 65400


def fill(peer: Any, holder: int, count: int) -> None:
    """Let the index know `count` documents of one more peer."""
    records = [
        IndexRecord(
            f"{holder}/{number}-{title[:20]}.txt", title, *address(holder), 7200, 1000, f"{holder:032}{number:032}", ""
        )
        for number, title in enumerate(titles(count, holder))
    ]
    peer.index.learn(address(holder), records, time.monotonic())


def type_titles(state: Path) -> None:
    """Type titles at the API of the peer with this state folder, and print how long the answers take."""
    from p2p_twisted.web.control_client import ControlClient

    client = ControlClient(state)
    time.sleep(START)
    start = time.monotonic()
    for number in range(0, 1000, 100):
        while not client.get("search", q=f"name:{number} {titles(1, number)[0]} ")["items"]:
            time.sleep(0.1)
    ready = time.monotonic() - start
    seconds = [one * 1000 for one in typed(client, random.Random(1))]
    p95 = statistics.quantiles(seconds, n=20)[-1]
    print(f"{len(seconds)} searches as one types: median {statistics.median(seconds):.1f} ms, p95 {p95:.1f} ms,")
    print(f"longest {max(seconds):.1f} ms; all names could be found {ready:.1f} s after the first search")


def typed(client: Any, rng: random.Random) -> Iterator[float]:
    """Yield the seconds of each search."""
    done = 0
    while done < KEYS:
        title = rng.choice(titles(100, rng.randrange(1000))).lower()
        for length in range(1, min(len(title), 25)):
            start = time.monotonic()
            found = client.get("search", q=title[:length], limit=20)
            yield time.monotonic() - start
            done += 1
            assert found["items"] or length < 3, title[:length]
            time.sleep(0.03)


if __name__ == "__main__":
    main()
