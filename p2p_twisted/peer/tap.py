"""``twistd p2p-peer``: the options, and the service made of them."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from twisted.application.service import IService

from ..config.config_file import read_groups
from ..config.extras import MDNS, missing
from ..config.heap import keep_heap_small, spare_what_is_loaded
from ..config.reactor import install_reactor
from ..config.settings import SettingsError, exit_with
from ..config.startup import StartError, allow_many_connections
from ..config.state_folder import StateFolderLock, make_state_folder
from ..config.systemd import notify_systemd
from ..config.twistd_verb import VerbOptions, stop_at_signals
from ..net.secured import reread_at_hangup, warn_of_the_end
from ..net.trace import start_trace
from ..web.api.events import PeerEventLog
from ..web.api.peer import peer_root
from ..web.api.schema import Settings
from ..web.api.settings import describe_settings
from ..web.health import add_monitoring
from ..web.http.calls import ApiRoot
from ..web.pages.notable import NotableLog
from ..web.service import ApiStartError, makeApiService
from .api_view import ApiView
from .metrics import PeerMetrics
from .service import Peer
from .settings import SETTINGS, PeerSettings, peer_settings


class Options(VerbOptions):
    """Run a peer: share folders, learn who else is there, fetch and serve files."""

    verb = "p2p-peer"
    section = "peer"
    settings = SETTINGS

    def postOptions(self) -> None:
        """Merge the settings and read the groups; the port of the RS may be part of ``rs-host``.

        Raises SettingsError when both are flags, or both in the file, and name different ports.
        """
        super().postOptions()
        self["groups"] = read_groups(self.config_file) if self.config_file else {}
        if self["rs-host"] is None:
            if not self["rs"] and (line := missing(MDNS)):
                way = "to find an RS on the local network needs zeroconf"
                raise SettingsError(f"--rs or --rs-host must be given, as a flag or in the config file; {way}: {line}")
            return
        self["rs-host"], port = self["rs-host"]
        if port is None or port == self["rs-port"]:
            return
        origins = self.origins["rs-host"], self.origins["rs-port"]
        if origins[0] == origins[1]:
            raise SettingsError(f"rs-host names port {port} and rs-port {self['rs-port']}; give one of them")
        if origins[1] != "flag":  # a flag wins over the file, and either over the default
            self["rs-port"], self.origins["rs-port"] = port, origins[0]


def make_peer(reactor: Any, settings: PeerSettings, verb: str, web: str | None, config: Settings) -> Peer:
    """Return a peer that listens already, with its control API, not started. Raises StartError, SettingsError, OSError.

    `verb` names this process to others that want the state folder. `config` is the answer to ``GET config``.
    """
    allow_many_connections()
    keep_heap_small()
    make_state_folder(settings.state_dir)
    lock = StateFolderLock(settings.state_dir, verb)
    peer = Peer(reactor, settings)
    lock.setServiceParent(peer)
    peer.bind()
    view, metrics = ApiView(reactor, peer), PeerMetrics(reactor, peer)
    root = peer_root(view, config, PeerEventLog(peer.events, reactor))
    add_monitoring(root, metrics.families, metrics.why_not_ready)
    add_pages = partial(_add_pages, view=view, config=config, log=NotableLog(peer.events))
    if settings.is_brief:  # few look at its pages
        root.add_pages = add_pages
    else:
        add_pages(root)
    makeApiService(reactor, web, settings.state_dir, root, tls=peer.tls).setServiceParent(peer)
    return peer


def _add_pages(root: ApiRoot, view: ApiView, config: Settings, log: NotableLog) -> None:
    from ..web.pages.peer import add_peer_pages

    add_peer_pages(root, view, config, log)


def makeService(options: Options, reactor: Any = None) -> IService:
    """Return the service of ``twistd p2p-peer``. Ends the process with one line when it cannot run."""
    if reactor is None:
        install_reactor()
        from twisted.internet import reactor
    stop_at_signals(reactor)
    try:
        start_trace(options["trace"], Options.verb)
        peer = make_peer(reactor, peer_settings(options), Options.verb, options["web"], describe_settings(options))
    except SettingsError as e:
        exit_with(f"p2p-peer: {e}", 2)
    except (StartError, ApiStartError, OSError) as e:
        exit_with(f"p2p-peer: {e}", 1)
    spare_what_is_loaded(reactor)
    notify_systemd(reactor, peer, os.environ)
    if peer.tls is not None:
        reread_at_hangup(reactor, peer.tls)
        warn_of_the_end(reactor, peer.tls)
    return peer
