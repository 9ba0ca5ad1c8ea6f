"""RS on the local network, announced and found by multicast DNS (RFC 6762, RFC 6763), with the library zeroconf.

Zeroconf has threads of its own, and some of its calls wait for the network: all of them are made in threads. Whoever is
on the network may announce anything, so little is remembered, and the caller judges the addresses.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

SERVICE_TYPE = "_p2p-rs._tcp.local."
CHECK_INTERVAL = 30.0
"""Seconds between two looks at the machine's own addresses: when they have changed, all begins anew."""
ANSWER_TIMEOUT = 2.0
"""Seconds for the details of a service that was found."""
MAX_SERVICES = 32
MAX_ADDRESSES = 8
"""Most services that are remembered, and most addresses of one."""


class LocalRs(NamedTuple):
    """An RS on the local network: its IP addresses, its port, and whether it speaks TLS."""

    hosts: tuple[str, ...]
    port: int
    has_tls: bool


class Multicast(Service):
    """Runs zeroconf on all interfaces while the service runs."""

    log = Logger()

    def __init__(self, reactor: Any, use: Callable[[Any, list[str]], object]) -> None:
        """`use` is called in a thread with each Zeroconf that is made, and the IPv4 addresses of this machine."""
        self._reactor = reactor
        self._use = use
        self._addresses: list[str] | None = None
        self._zeroconf: Any = None
        self._trouble = ""
        self._loop = LoopingCall(lambda: self._in_thread(self._check).addErrback(self._failed))
        self._loop.clock = reactor
        self._ended: Deferred[Any] = succeed(None)

    def startService(self) -> None:
        """Start."""
        super().startService()
        self._ended = self._loop.start(CHECK_INTERVAL)

    def stopService(self) -> Deferred[Any]:
        """Stop, and tell the network so."""
        super().stopService()
        self._loop.stop()
        return self._ended.addCallback(lambda _: self._in_thread(self._close)).addErrback(self._failed)

    def _in_thread(self, call: Callable[[], object]) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), call)

    def _failed(self, failure: Failure) -> None:
        if failure.getErrorMessage() != self._trouble:  # once, not each time
            self._trouble = failure.getErrorMessage()
            self.log.warn("multicast DNS does not work: {why}", why=self._trouble)

    # in a thread

    def _check(self) -> None:
        from ifaddr import get_adapters
        from zeroconf import IPVersion, Zeroconf

        addresses = sorted(str(ip.ip) for adapter in get_adapters() for ip in adapter.ips if ip.is_IPv4)
        if addresses == self._addresses:
            return
        self._close()
        self._zeroconf = Zeroconf(ip_version=IPVersion.V4Only)
        self._use(self._zeroconf, addresses)
        self._addresses = addresses

    def _close(self) -> None:
        zeroconf, self._zeroconf, self._addresses = self._zeroconf, None, None
        if zeroconf is not None:
            zeroconf.close()


def announcement(reactor: Any, host: str, port: int, has_tls: bool) -> Multicast:
    """Return the service that announces an RS which listens at `host`, an IP address, and `port`."""
    token = secrets.token_hex(4)  # a host name that nobody else has

    def announce(zeroconf: Any, addresses: list[str]) -> None:
        from zeroconf import ServiceInfo

        is_everywhere = host in ("", "0.0.0.0", "::")
        reached = [one for one in addresses if not one.startswith("127.")] if is_everywhere else [host]
        info = ServiceInfo(
            SERVICE_TYPE,
            f"{socket.gethostname()[:40].replace('.', '-')}-{port}.{SERVICE_TYPE}",
            port=port,
            properties={"tls": "yes" if has_tls else "no"},
            server=f"p2p-rs-{token}.local.",
            parsed_addresses=reached,
        )
        zeroconf.register_service(info, allow_name_change=True)

    return Multicast(reactor, announce)


class Browser(Multicast):
    """Finds the RS that are announced."""

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor, self._browse)
        self._found: dict[str, LocalRs] = {}
        self._waiting: list[Deferred[None]] = []

    @property
    def found(self) -> Sequence[LocalRs]:
        """The RS that are announced now."""
        return list(self._found.values())

    def wait(self, seconds: float) -> Deferred[None]:
        """Return a Deferred that fires when there is any RS, or after `seconds`; it never fails."""
        waiting: Deferred[None] = Deferred()
        if self._found:
            waiting.callback(None)
            return waiting
        self._waiting.append(waiting)
        return waiting.addTimeout(seconds, self._reactor, lambda *_: None)

    def _note(self, name: str, rs: LocalRs | None) -> None:
        if rs is None:
            self._found.pop(name, None)
            return
        if name in self._found or len(self._found) < MAX_SERVICES:
            self._found[name] = rs
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.called:
                one.callback(None)

    # in a thread

    def _browse(self, zeroconf: Any, addresses: list[str]) -> None:
        from zeroconf import ServiceBrowser

        ServiceBrowser(zeroconf, SERVICE_TYPE, handlers=[self._changed])

    def _changed(self, zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
        """Ask for the details of a service that is new or has changed; forget one that is gone."""
        rs = None
        if state_change.name != "Removed":
            if name not in self._found and len(self._found) >= MAX_SERVICES:
                return
            rs = self._details(zeroconf, service_type, name)
        self._reactor.callFromThread(self._note, name, rs)

    def _details(self, zeroconf: Any, service_type: str, name: str) -> LocalRs | None:
        try:
            info = zeroconf.get_service_info(service_type, name, timeout=int(1000 * ANSWER_TIMEOUT))
        except Exception as error:  # whatever strangers made zeroconf do
            self.log.debug("a service cannot be read: {error}", error=error)
            return None
        return None if info is None else local_rs(info.parsed_addresses(), info.port, info.properties)


def local_rs(hosts: Sequence[str], port: int | None, properties: Mapping[bytes, bytes | None]) -> LocalRs | None:
    """Return the RS with these details, None if there cannot be one; pure."""
    if not hosts or not port:
        return None
    return LocalRs(tuple(hosts[:MAX_ADDRESSES]), port, properties.get(b"tls") == b"yes")
