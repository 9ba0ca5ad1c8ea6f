"""How quick the pages of a peer are that knows 1 000 peers and 100 000 documents, in a real Chromium.

    python -m benchmarks.pages [--peers 1000] [--documents 100000] [--times 10]

A peer in a process of its own fills its index. Measured are: the first paint with content of each page, loaded anew;
searches as one types, at the API, while a page is open; and an event on a page, from when the peer publishes that a
document is shared until the page has changed. A call every 5 ms measures how long the reactor did nothing else; the
time for which it was ready to run and had no processor does not count.
"""

from __future__ import annotations

import argparse
import mmap
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.attacks.metered_twistd import NUMBERS, StallMeter
from benchmarks.search import address, fill, typed
from p2p_twisted.web.control_client import ControlClient, ControlError
from tests.support.browser import browsing

START_TIME = 60
"""Seconds within which the peer must have filled its index and answer."""
PAGES = ("", "downloads", "shares", "peers", "log", "?q=protocol", "?offset=50000")
PAUSE = 1.0
"""Seconds between two events: the page is at rest again."""

PAINTED = """() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return paint && document.querySelector("main h1") ? paint.startTime : null;
}"""
WATCH = """() => {
  const part = document.querySelector("[data-part=list]");
  const change = () => { window.changed = performance.timeOrigin + performance.now(); };
  window.changed = null;
  new MutationObserver(change).observe(part, { childList: true, subtree: true, characterData: true });
}"""


def main() -> None:
    summary, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details.partition("\n\n")[2])
    parser.add_argument("--peers", type=int, default=1000)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer is not None:
        run_peer(arguments.peer, arguments.peers, arguments.documents)
        return
    with running_peer(arguments.peers, arguments.documents) as measured, browsing() as browser:
        page = browser.new_page()
        page.goto(measured.control.post("web")["url"])
        origin = page.url.rstrip("/")
        measured.show("filled, at rest")
        for path in PAGES:
            show_times(f"first paint of /{path}", first_paints(page, f"{origin}/{path}", arguments.times))
        measured.show("first paints")
        page.goto(f"{origin}/")
        show_times("search as one types, at the API", [one * 1000 for one in typed(measured.control, random.Random(1))])
        measured.show("searches")
        for path in "", "log", "shares":
            page.goto(f"{origin}/{path}")
            show_times(f"event on /{path}", [measured.event(page, f"{path}{n}") for n in range(arguments.times)])
        measured.show("events")


def first_paints(page: Any, url: str, times: int) -> list[float]:
    """Return the milliseconds from the request to the first paint with content, `times` times."""
    found = []
    for _ in range(times):
        page.goto("about:blank")
        page.goto(url)
        found.append(wait_for(page, PAINTED))
    return found


def wait_for(page: Any, expression: str) -> float:
    """Return the value of `expression` on `page` once it has one."""
    until = time.monotonic() + START_TIME
    while (value := page.evaluate(expression)) is None:
        if time.monotonic() > until:
            raise SystemExit(f"{page.url} does not become what it should")
        page.wait_for_timeout(5)
    return float(value)


def show_times(what: str, found: Sequence[float]) -> None:
    p95 = statistics.quantiles(found, n=20)[-1]
    print(
        f"{what:40} {len(found):4} times, median {statistics.median(found):6.1f} ms, p95 {p95:6.1f}, "
        f"longest {max(found):6.1f}",
        flush=True,
    )


class MeasuredPeer:
    """The peer with this state folder, and the longest stall of its reactor."""

    def __init__(self, folder: Path, numbers: mmap.mmap) -> None:
        self.control = ControlClient(folder)
        self._published = folder / "published"
        self._numbers = numbers

    def wait(self) -> None:
        """Wait until it answers."""
        until = time.monotonic() + START_TIME
        while time.monotonic() < until:
            try:
                self.control.get("status")
                return
            except ControlError:
                time.sleep(0.1)
        raise SystemExit("the peer did not start")

    def show(self, what: str) -> None:
        """Print the longest stall since the last call."""
        stall, _, _ = NUMBERS.unpack_from(self._numbers)
        NUMBERS.pack_into(self._numbers, 0, 0.0, 0.0, 1.0)
        print(f"{'longest stall of the reactor: ' + what:60} {stall * 1000:6.1f} ms", flush=True)

    def event(self, page: Any, name: str) -> float:
        """Have it share a new document; return the milliseconds until `page` shows it."""
        time.sleep(PAUSE)
        page.evaluate(WATCH)
        path = Path(self.control.get("status")["download_dir"]) / f"!{name}.txt"
        path.write_text("new\n")
        changed = wait_for(page, "window.changed")
        return changed - float(self._published.read_text().split()[-1]) * 1000


@contextmanager
def running_peer(peers: int, documents: int) -> Iterator[MeasuredPeer]:
    """Run a peer that knows so many peers and documents."""
    with tempfile.TemporaryDirectory(prefix="p2p-") as name:
        folder = Path(name)
        (folder / "stalls").write_bytes(bytes(NUMBERS.size))
        command = [sys.executable, "-m", "benchmarks.pages", "--peer", name]
        command += ["--peers", str(peers), "--documents", str(documents)]
        process = subprocess.Popen(command)
        try:
            with (folder / "stalls").open("r+b") as file:
                measured = MeasuredPeer(folder, mmap.mmap(file.fileno(), NUMBERS.size))
            measured.wait()
            yield measured
        finally:
            process.terminate()
            process.wait()


def run_peer(folder: Path, peers: int, documents: int) -> None:
    """Be the peer."""
    from twisted.internet import reactor as _reactor

    from p2p_twisted.config.heap import spare_what_is_loaded
    from p2p_twisted.events.types import DocumentShared
    from p2p_twisted.peer.settings import PeerSettings
    from p2p_twisted.peer.tap import make_peer
    from p2p_twisted.web.api.schema import Settings

    reactor: Any = _reactor
    settings = PeerSettings("127.0.0.1", folder, folder / "downloads", rs_port=9, index_memory=120)
    peer = make_peer(reactor, settings, "pages benchmark", None, Settings([]))
    spare_what_is_loaded(reactor)
    with (folder / "published").open("a", buffering=1) as published, (folder / "stalls").open("r+b") as file:
        numbers = mmap.mmap(file.fileno(), NUMBERS.size)
        peer.events.subscribe(DocumentShared, lambda event: print(time.time(), file=published))

        def start() -> None:
            peer.startService()
            for holder in range(peers):
                fill(peer, holder, documents // peers)
                peer.discovery.arrived(address(holder), is_listed=True)
            StallMeter(reactor, numbers).start()

        reactor.callWhenRunning(start)
        reactor.run()
    peer.stopService()


if __name__ == "__main__":
    main()
