"""``twistd p2p-peer`` in this process: its options, and the service made of them."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from p2p_twisted.config.settings import SettingsError
from p2p_twisted.config.shares import Share
from p2p_twisted.peer import tap
from p2p_twisted.peer.service import Peer
from p2p_twisted.peer.settings import PeerSettings, peer_settings
from p2p_twisted.web.control_client import ControlClient
from tests.support.verb_case import VerbCase


def parsed(*arguments: str) -> tap.Options:
    options = tap.Options()
    options.parseOptions(list(arguments))
    return options


class Case(VerbCase):
    def setUp(self) -> None:
        super().setUp()
        self.at = ["--rs-host", "127.0.0.1", "--state-dir", str(self.base / "state")]


class OptionsTests(Case):
    def settings(self, *arguments: str) -> PeerSettings:
        return peer_settings(parsed(*self.at, *arguments))

    def test_defaults(self) -> None:
        state = self.base / "state"
        expected = PeerSettings("127.0.0.1", state, state / "downloads", 65423)
        self.assertEqual(self.settings(), expected)

    def test_all(self) -> None:
        given = {
            "rs-port": "1000",
            "listen": "tcp:0",
            "allow": "10.0.0.0/8",
            "deny": "10.0.0.7",
            "share": str(self.base),
            "download-dir": str(self.base / "down"),
            "advertise": "peer.example",
            "up-rate": "2MiB",
            "down-rate": "500K",
        }
        settings = self.settings(*(text for name, value in given.items() for text in (f"--{name}", value)))
        expected = PeerSettings(
            rs_host="127.0.0.1",
            rs_port=1000,
            listen="tcp:0",
            allow=(ip_network("10.0.0.0/8"),),
            deny=(ip_network("10.0.0.7/32"),),
            share=[Share(self.base)],
            download_dir=self.base / "down",
            state_dir=self.base / "state",
            advertise="peer.example",
            up_rate=2 * 2**20,
            down_rate=500_000,
        )
        self.assertEqual(settings, expected)

    def test_shares_for_some_and_groups_of_the_config_file(self) -> None:
        config, folder = self.base / "peer.ini", self.base / "documents"
        folder.mkdir()
        groups = "[groups]\nreaders = bob, carol\n"
        config.write_text(f'[peer]\nshare = "{folder}:alice,@readers"\n    {self.base}\n{groups}')
        settings = peer_settings(parsed(*self.at, "--config", str(config), "--tls", str(self.base)))
        self.assertEqual(settings.share, [Share(folder, ("alice", "@readers")), Share(self.base)])
        self.assertEqual(settings.audiences(), {folder: frozenset({"alice", "bob", "carol"})})

    def test_shares_that_cannot_be(self) -> None:
        folder = str(self.base)
        tls = "--tls", folder
        for arguments, why in (
            (["--share", f"{folder}:alice"], "only with --tls"),
            (["--share", f"{folder}:@readers", *tls], "there is no group readers"),
            (["--share", f"{folder}:alice", "--share", folder, *tls], "with others already"),
        ):
            with self.assertRaises(SettingsError) as caught:
                peer_settings(parsed(*self.at, *arguments)).audiences()
            self.assertIn(why, str(caught.exception))

    def test_networks_that_are_allowed_are_not_left_empty(self) -> None:
        config = self.base / "peer.ini"
        for line in ("allow =", "allow = ,", "allow =\n    \n"):
            config.write_text(f"[peer]\n{line}\n")
            self.assertIn("allow must not be empty", self.refused(2, lambda: parsed(*self.at, "--config", str(config))))

    def test_groups_that_cannot_be(self) -> None:
        config = self.base / "peer.ini"
        for line in ("readers =", "readers = a b", "re:aders = alice", 'readers = "alice', "readers = @others"):
            config.write_text(f"[peer]\n[groups]\n{line}\n")
            error = self.refused(2, lambda: parsed(*self.at, "--config", str(config)))
            self.assertIn("in [groups]", error)

    def test_several_rs(self) -> None:
        config = self.base / "peer.ini"
        config.write_text("[peer]\nrs = rs.example, 192.0.2.1:1000\n    [2001:db8::1]\n")
        state = "--state-dir", str(self.base / "state")
        expected = [("rs.example", None), ("192.0.2.1", 1000), ("2001:db8::1", None)]
        self.assertEqual(peer_settings(parsed("--config", str(config), *state)).registration_servers(), expected)
        flags = "--rs", "a.example", "--rs", "b.example:7"
        expected = [("a.example", None), ("b.example", 7), ("127.0.0.1", 65423)]
        self.assertEqual(self.settings(*flags).registration_servers(), expected)
        error = self.refused(2, lambda: self.settings("--rs", "http://rs.example"))
        self.assertIn("must be a host without the rest of a URL: 'rs.example'", error)

    def test_the_port_of_the_rs_stands_in_its_host(self) -> None:
        for host, port in (("rs.example:1000", 1000), ("rs.example:65423", 65423), ("rs.example", 65423)):
            settings = self.settings("--rs-host", host)
            self.assertEqual((settings.rs_host, settings.rs_port), ("rs.example", port))

    def test_two_ports_of_the_rs(self) -> None:
        error = self.refused(2, lambda: self.settings("--rs-host", "rs.example:1000", "--rs-port", "1001"))
        self.assertEqual(error, "p2p-peer: rs-host names port 1000 and rs-port 1001; give one of them\n")

    def test_a_flag_wins_over_the_file(self) -> None:
        config = self.base / "p2p.conf"
        for line, arguments, port in (
            ("rs-port = 1001", ["--rs-host", "rs.example:1000"], 1000),
            ("rs-host = rs.example:1000", ["--rs-port", "1001"], 1001),
        ):
            config.write_text(f"[peer]\n{line}\n")
            state = ["--state-dir", str(self.base / "state")]
            settings = peer_settings(parsed("--config", str(config), *state, *arguments))
            self.assertEqual((settings.rs_host, settings.rs_port), ("rs.example", port))


class ServiceTests(Case):
    timeout = 30

    def setUp(self) -> None:
        super().setUp()
        self.patch(tap, "stop_at_signals", lambda reactor: None)  # signals are this process's

    def make(self, *arguments: str, on: Any = reactor) -> IService:
        return tap.makeService(parsed(*self.at, "--listen", "tcp:0:interface=127.0.0.1", *arguments), on)

    async def test_a_peer_that_listens_and_answers_on_its_socket(self) -> None:
        peer = self.make(on=None)
        assert isinstance(peer, Peer)
        peer.startService()
        self.addCleanup(peer.stopService)
        client = ControlClient(self.base / "state")
        self.addCleanup(client.close)
        status = await deferToThread(client.get, "status")
        self.assertEqual((status["role"], status["port"]), ("peer", peer.content_store.port))
        settings = await deferToThread(client.get, "config")
        self.assertEqual(settings["items"][0]["value"], "127.0.0.1")

    async def test_a_state_folder_that_another_holds(self) -> None:
        peer = self.make()
        assert isinstance(peer, Peer)
        self.addCleanup(peer._stop)
        self.assertIn("p2p-peer", self.refused(1, self.make))

    def test_a_failed_start_is_exit_1_and_one_line(self) -> None:
        self.assertIn("--share", self.refused(1, lambda: self.make("--share", str(self.base / "missing"))))

    def test_a_share_for_some_without_tls_is_exit_2_and_one_line(self) -> None:
        error = self.refused(2, lambda: self.make("--share", f"{self.base}:alice"))
        self.assertIn("only with --tls", error)

    def test_a_bad_setting_is_exit_2_and_one_line(self) -> None:
        self.assertIn("--listen must be", self.refused(2, lambda: self.make("--listen", "nothing")))
