"""Downloads that outlive the peer: what is written down of them, and how they go on after the next start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import Registered
from p2p_twisted.net.throttle import Throttle
from p2p_twisted.peer.downloads.manager import DownloadManager
from p2p_twisted.peer.downloads.model import CANCELLED, DONE, FAILED, PAUSED, RUNNING, Download
from p2p_twisted.peer.downloads.order_file import OrderFile
from p2p_twisted.peer.downloads.orders import RESUME_WITHIN, RETRY_PAUSES, Orders

from .test_runner import BIG, RS, Case, at


class Restarts(Case):
    """A peer that is started again: another manager takes over, with the same file."""

    def setUp(self) -> None:
        super().setUp()
        self.orders = self.start()

    def start(self) -> Orders:
        orders = Orders(self.network, self.manager, self.events, self.folder)
        orders.startService()
        self.addCleanup(orders.stopService)
        return orders

    def restart(self, kill: bool = False) -> None:
        """Stop the downloads and start again; with `kill`, only the file goes on."""
        self.orders.stopService()
        if not kill:
            self.manager.stopService()
        self.network.settle()
        self.events = Publisher()
        reactor: Any = self.network
        downlink = Throttle(self.network, self.network.seconds, None)
        arguments = reactor, self.factory, self.discovery, downlink, self.network.seconds, self.events
        self.manager = DownloadManager(*arguments)
        self.orders = self.start()

    def saved(self) -> dict[str, bool]:
        """The downloads in the file, and whether each is paused."""
        return {download.id: is_paused for download, is_paused in OrderFile(self.folder).load()}

    def order(self, name: str) -> str:
        """The id of a new download."""
        return self.manager.start([name], self.into, False).id

    def registered(self) -> None:
        self.events.publish(Registered(RS))
        self.network.wait(10)

    def test_only_what_has_not_ended_is_in_the_file(self) -> None:
        self.peer(1, one=b"1")
        download = self.manager.start(["one"], self.into, False)
        self.assertEqual(self.saved(), {download.id: False})
        self.network.wait(10)
        self.assertEqual((download.state, self.saved()), (DONE, {}))
        failed = self.fetch("nothing")
        self.assertEqual((failed.state, self.saved()), (FAILED, {}))

    def test_one_that_ran_goes_on_and_one_that_was_paused_does_not(self) -> None:
        self.peer(1, big=BIG, other=BIG[1:])
        paused = self.manager.start(["other"], self.into, False)
        self.manager.pause(paused.id)
        runs = self.manager.start(["big"], self.into, True, holders=[at(1)])
        self.assertEqual((runs.state, self.saved()), (RUNNING, {runs.id: False, paused.id: True}))
        self.restart()
        self.assertEqual([one.state for one in self.manager.downloads.values()], [PAUSED, PAUSED])
        self.registered()
        again = self.manager.downloads[runs.id]
        self.assertEqual((again.state, again.holders, again.overwrite), (DONE, [at(1)], True))
        self.assertEqual((self.into / "big").read_bytes(), BIG)
        self.assertEqual((self.manager.downloads[paused.id].state, self.saved()), (PAUSED, {paused.id: True}))
        self.manager.cancel(paused.id)
        self.assertEqual((self.manager.downloads[paused.id].state, self.saved()), (CANCELLED, {}))

    def test_without_an_rs_it_goes_on_after_a_while(self) -> None:
        id_ = self.order("nothing")
        self.restart(kill=True)
        self.network.wait(RESUME_WITHIN + 1)
        self.assertEqual(self.manager.downloads[id_].files[0].state, FAILED)

    def test_a_saving_before_it_goes_on_does_not_pause_it(self) -> None:
        first = self.order("nothing")
        self.restart(kill=True)
        second = self.order("nothing else")
        self.assertEqual(self.saved(), {first: False, second: False})

    def test_a_holder_that_is_back_later_is_found(self) -> None:
        id_ = self.order("one")
        self.restart(kill=True)
        self.registered()
        self.network.wait(sum(RETRY_PAUSES[:2]))
        self.assertEqual((self.manager.downloads[id_].state, self.saved()), (FAILED, {id_: False}))
        self.peer(1, one=b"1")
        self.network.wait(RETRY_PAUSES[2] + 10)
        self.assertEqual((self.manager.downloads[id_].state, self.saved()), (DONE, {}))

    def test_it_is_given_up_in_the_end(self) -> None:
        self.order("one")
        self.restart(kill=True)
        self.registered()
        self.network.wait(sum(RETRY_PAUSES) + 100)
        self.assertEqual(self.saved(), {})

    def test_one_whose_folder_is_now_a_file_is_left_out(self) -> None:
        self.order("one")
        self.restart(kill=True)
        self.into.write_text("a file")
        self.restart(kill=True)
        self.assertEqual(self.manager.downloads, {})


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    named = Download("1", ["a b", "\u00e9/c@12345678"], tmp_path, True, False, [("10.0.0.1", 1)], started=12.5)
    everything = Download("2", None, tmp_path, False)
    OrderFile(tmp_path).save([(named, True), (everything, False)])
    assert OrderFile(tmp_path).load() == [(named, True), (everything, False)]
    assert (tmp_path / "orders").stat().st_mode & 0o777 == 0o600


def test_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    assert OrderFile(tmp_path).load() == []
    OrderFile(tmp_path).save([(Download("1", ["a"], tmp_path, False), False)])
    whole = (tmp_path / "orders").read_text()
    other = json.loads(whole) | {"names": 7}
    damaged = ["", "[]", "{}", "[" * 100_000, whole[:-9], json.dumps(other), json.dumps(other | {"from": [1]})]
    (tmp_path / "orders").write_text("\n".join([*damaged, whole]))
    assert [download.id for download, _ in OrderFile(tmp_path).load()] == ["1"]
