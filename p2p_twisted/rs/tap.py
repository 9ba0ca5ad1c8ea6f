"""``twistd p2p-rs``: the command line of the RS, and the service made of it."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from twisted.application.service import MultiService
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import deferLater

from ..config.heap import keep_heap_small, spare_what_is_loaded
from ..config.reactor import install_reactor
from ..config.settings import SettingsError, exit_with
from ..config.startup import PortService, StartError, allow_many_connections, listen_tcp
from ..config.state_folder import StateFolderLock, make_state_folder
from ..config.systemd import notify_systemd
from ..config.twistd_verb import VerbOptions, stop_at_signals
from ..events.publisher import Publisher
from ..net.admission import admission
from ..net.secured import open_tls, reread_at_hangup, warn_of_the_end
from ..net.shared_port import SharedPort, adopt
from ..net.trace import start_trace
from ..registry.redis.engine import Engine
from ..registry.store import StoreError
from ..web.api.rs import peer_records
from .announcing import announce
from .factory import RSFactory
from .limits import Limits
from .service import RegistrationServer
from .settings import SETTINGS
from .site import serve_api
from .stores import check_store, make_store
from .supervisor import Supervisor, worker_seats
from .trust import TrustedNetworks
from .worker import PORT, Lifeline, worker_number

if TYPE_CHECKING:
    from ..net.tls import Tls
Place = IPv4Address | IPv6Address


class Options(VerbOptions):
    """The options of ``twistd p2p-rs``."""

    verb = "p2p-rs"
    section = "rs"
    settings = SETTINGS


def makeService(options: Options, reactor: Any = None) -> MultiService:
    """Return the RS, which listens already. If that fails, exit with one line and code 2 (a bad option) or 1."""
    if reactor is None:
        install_reactor()
        from twisted.internet import reactor
    stop_at_signals(reactor)
    try:
        return _make(options, reactor)
    except SettingsError as error:
        exit_with(f"{Options.verb}: {error}", 2)
    except (StartError, StoreError, OSError) as error:
        exit_with(f"{Options.verb}: {error}", 1)


def _make(options: Options, reactor: Any) -> MultiService:
    if options["lab"]:
        _check_web(options["web"])
    check_workers(options)
    allow_many_connections()
    keep_heap_small()
    make_state_folder(options["state-dir"])
    lock = StateFolderLock(options["state-dir"], Options.verb)
    check_store(options)
    start_trace(options["trace"], Options.verb)
    tls = open_tls(options["tls"])
    service, address = (_supervisor if options["workers"] > 1 else _server)(options, reactor, tls)
    lock.setServiceParent(service)
    if options["announce"] and worker_number() is None:
        announce(reactor, address, tls is not None).setServiceParent(service)
    spare_what_is_loaded(reactor)
    notify_systemd(reactor, service, os.environ)
    return service


def _server(options: Options, reactor: Any, tls: Tls | None) -> tuple[MultiService, Place]:
    """Return the RS in one process, which may be a worker, and where it listens."""
    registry = make_store(options, reactor)
    trusted = TrustedNetworks(options["trusted-network"])
    admitted = admission(options["allow"], options["deny"])
    factory = RSFactory(reactor, registry, trusted, Limits.of(options), admitted)
    server = RegistrationServer(reactor, registry, factory)
    peers = partial(peer_records, registry, pause=partial(deferLater, reactor, 0))
    serve_api(options, reactor, server, peers, factory.events, tls)
    served = tls.serve(factory) if tls else factory
    if worker_number() is not None:
        Lifeline(reactor).setServiceParent(server)
        port = adopt(reactor, PORT, served)
    else:  # after the API: when a peer can connect, that is there
        port = listen_tcp(reactor, "--listen", options["listen"], served)
    PortService(port).setServiceParent(server)
    if tls is not None:
        reread_at_hangup(reactor, tls)
        warn_of_the_end(reactor, tls)
    return server, cast(Place, port.getHost())


def _supervisor(options: Options, reactor: Any, tls: Tls | None) -> tuple[MultiService, Place]:
    """Return the supervisor of several processes, each of which is an RS, and where they listen."""
    port = SharedPort(reactor, "--listen", options["listen"])
    supervisor = Supervisor(reactor, options["ttl"], worker_seats(reactor, options, port))
    serve_api(options, reactor, supervisor, supervisor.peers, Publisher(), tls)
    if tls is not None:
        reread_at_hangup(reactor, tls, supervisor.hang_up)  # its own are for the pages
    return supervisor, port.address


def check_workers(options: Options) -> None:
    """Raise SettingsError if there are to be several workers, and their registry cannot be shared."""
    if options["workers"] > 1 and not isinstance(options["registry"], Engine):
        raise SettingsError(
            f"--workers {options['workers']} needs a registry that several processes can share, not "
            f"{options['registry']}: --registry redis://HOST:PORT/DB"
        )


def _check_web(web: str | None) -> None:
    if (web or "").partition(":")[0] not in ("tcp", "tcp6"):
        raise SettingsError("--lab needs the control API on TCP for its page: --web tcp:8080:interface=127.0.0.1")
