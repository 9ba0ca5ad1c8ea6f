"""``twistd p2p-rs``: the command line of the RS, and the service made of it."""

from __future__ import annotations

import os
from typing import Any

from ..config.heap import keep_heap_small
from ..config.settings import SettingsError, exit_with
from ..config.startup import PortService, StartError, allow_many_connections, listen_tcp
from ..config.state_folder import StateFolderLock, make_state_folder
from ..config.systemd import notify_systemd
from ..config.twistd_verb import VerbOptions, stop_at_signals
from ..net.admission import admission
from ..net.secured import open_tls, reread_at_hangup, warn_of_the_end
from ..registry.store import StoreError
from ..web.api.event_log import EventLog
from ..web.api.rs import EVENTS, rs_root
from ..web.api.settings import describe_settings
from ..web.extension import load_extension
from ..web.health import add_monitoring
from ..web.pages.rate_history import RateHistory
from ..web.pages.rs import RsPages, add_rs_pages
from ..web.service import makeApiService
from .announcing import announce
from .factory import RSFactory
from .limits import Limits
from .service import RegistrationServer
from .settings import SETTINGS
from .stores import check_store, make_store
from .trust import TrustedNetworks

LAB_FOLDER = "lab"
EXPERIMENT_PAGE = "p2p_twisted.experiment.page.plugin.make_page"


class Options(VerbOptions):
    """The options of ``twistd p2p-rs``."""

    verb = "p2p-rs"
    section = "rs"
    settings = SETTINGS


def makeService(options: Options, reactor: Any = None) -> RegistrationServer:
    """Return the RS, which listens already. If that fails, exit with one line and code 2 (a bad option) or 1."""
    if reactor is None:
        from twisted.internet import reactor
    stop_at_signals(reactor)
    try:
        return _make(options, reactor)
    except SettingsError as error:
        exit_with(f"{Options.verb}: {error}", 2)
    except (StartError, StoreError, OSError) as error:
        exit_with(f"{Options.verb}: {error}", 1)


def _make(options: Options, reactor: Any) -> RegistrationServer:
    if options["lab"]:
        _check_web(options["web"])
    allow_many_connections()
    keep_heap_small()
    make_state_folder(options["state-dir"])
    lock = StateFolderLock(options["state-dir"], Options.verb)
    check_store(options)
    registry = make_store(options, reactor)
    trusted = TrustedNetworks(options["trusted-network"])
    admitted = admission(options["allow"], options["deny"])
    factory = RSFactory(reactor, registry, trusted, Limits.of(options), admitted)
    server = RegistrationServer(reactor, registry, factory)
    tls = open_tls(options["tls"])
    page = load_extension(EXPERIMENT_PAGE, reactor, options["state-dir"] / LAB_FOLDER) if options["lab"] else None
    config = describe_settings(options)
    root = rs_root(registry, server.status, config, page, EventLog(factory.events, reactor, EVENTS))
    add_monitoring(root, server.metrics, server.why_not_ready)
    rates = RateHistory(reactor, server.counts)
    rates.setServiceParent(server)
    add_rs_pages(root, RsPages(registry, server.status, rates, config), has_lab=page is not None)
    port = listen_tcp(reactor, "--listen", options["listen"], tls.serve(factory) if tls else factory)
    for service in (  # the port last: when a peer can connect, the API is there
        lock,
        makeApiService(reactor, options["web"], options["state-dir"], root, page.listening if page else None),
        *([page.service] if page else []),
        PortService(port),
        *([announce(reactor, port, tls is not None)] if options["announce"] else []),
    ):
        service.setServiceParent(server)
    notify_systemd(reactor, server, os.environ)
    if tls is not None:
        reread_at_hangup(reactor, tls)
        warn_of_the_end(reactor, tls)
    return server


def _check_web(web: str | None) -> None:
    if (web or "").partition(":")[0] not in ("tcp", "tcp6"):
        raise SettingsError("--lab needs the control API on TCP for its page: --web tcp:8080:interface=127.0.0.1")
