"""Resolve a host name that others have named, and take only the addresses that may be dialled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from zope.interface import implementer

Permits = Callable[[str], bool]
"""Whether an IP address may be dialled."""


@implementer(IReactorPluggableNameResolver)
class PermittingReactor:
    """The `reactor`, but names lead only to the addresses that `permits` allows."""

    def __init__(self, reactor: Any, permits: Permits) -> None:
        self._reactor = reactor
        self.nameResolver = _Resolver(reactor.nameResolver, permits)

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Install a resolver in the reactor itself."""
        installed: IHostnameResolver = self._reactor.installNameResolver(resolver)
        return installed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


@implementer(IHostnameResolver)
class _Resolver:
    def __init__(self, resolver: Any, permits: Permits) -> None:
        self._resolver = resolver
        self._permits = permits

    def resolveHostName(
        self, resolutionReceiver: IResolutionReceiver, *arguments: Any, **keywords: Any
    ) -> IHostResolution:
        found = self._resolver.resolveHostName(_Receiver(resolutionReceiver, self._permits), *arguments, **keywords)
        resolution: IHostResolution = found
        return resolution


@implementer(IResolutionReceiver)
class _Receiver:
    def __init__(self, receiver: IResolutionReceiver, permits: Permits) -> None:
        self.resolutionBegan = receiver.resolutionBegan
        self.resolutionComplete = receiver.resolutionComplete
        self._receiver = receiver
        self._permits = permits

    def addressResolved(self, address: IAddress) -> None:
        host: Any = getattr(address, "host", "")
        if self._permits(host):
            self._receiver.addressResolved(address)
