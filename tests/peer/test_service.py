"""A whole peer, not started: which folders it takes, and what it says of those it shares."""

import os
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from p2p_twisted.config.startup import StartError
from p2p_twisted.peer.api_view import ApiView
from p2p_twisted.peer.service import Peer, PeerSettings
from p2p_twisted.web.api.schema import UnsharedPath, UnsharedPaths


class Case(TestCase):
    def setUp(self):
        self.base = Path(os.path.realpath(self.mktemp()))
        self.state = self.base / "state"
        self.documents = self.base / "documents"
        for folder in (self.state / "inner", self.documents):
            folder.mkdir(parents=True)

    def peer(self, *share, downloads=None):
        settings = PeerSettings(
            rs_host="127.0.0.1",
            listen="tcp:0:interface=127.0.0.1",
            state_dir=self.state,
            download_dir=downloads or self.state / "downloads",
            share=list(share),
        )
        peer = Peer(reactor, settings)
        self.addCleanup(peer._stop)
        peer.bind()
        return peer


class StateFolder(Case):
    """It holds the API key and the cookie."""

    def test_is_not_shared_by_itself(self):
        link = self.base / "link"
        link.symlink_to(self.state)
        for folder in (self.state, self.state / "inner", link, link / "inner"):
            with self.assertRaises(StartError) as caught:
                self.peer(folder)
            self.assertIn("holds the state of this peer", str(caught.exception))
            self.assertIn("--state-dir", str(caught.exception))

    def test_is_not_where_downloads_go(self):
        with self.assertRaises(StartError):
            self.peer(downloads=self.state)

    def test_may_hold_the_downloads(self):
        for folder in (self.state / "downloads", self.state / "downloads" / "sub"):
            folder.mkdir()
            self.peer(folder)
        self.peer(downloads=self.state / "inner")

    def test_is_not_shared_on_request_either(self):
        peer = self.peer(self.documents)
        for folder in (self.state, self.state / "inner"):
            failure = self.failureResultOf(ApiView(reactor, peer).share(str(folder)), ValueError)
            self.assertIn("holds the state of this peer", str(failure.value))
        self.assertEqual(list(peer.library.folders), [self.documents, self.state / "downloads"])

    async def test_is_left_out_of_a_folder_around_it(self):
        (self.state / "api.key").write_text("key")
        (self.base / "a.txt").write_text("a")
        peer = self.peer(self.base)
        (self.state / "downloads" / "b.txt").write_text("b")
        await peer.library.scan()
        self.assertEqual(set(peer.library.files), {"a.txt", "b.txt"})


class Status(Case):
    async def test_says_what_is_not_shared(self):
        (self.documents / "link").symlink_to("x")
        peer = self.peer(self.documents)
        self.assertEqual(ApiView(reactor, peer).status().not_shared, UnsharedPaths(0, []))
        await peer.library.scan()
        expected = UnsharedPath(f"{self.documents}/link", "is a link; links are not followed")
        self.assertEqual(ApiView(reactor, peer).status().not_shared, UnsharedPaths(1, [expected]))
