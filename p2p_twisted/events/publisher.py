"""Publish and subscribe by the type of an event: when `publish` returns, every listener has had the event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.logger import Logger

from .types import Event

E = TypeVar("E", bound=Event)


class Publisher:
    """Hands each event to the listeners of its type, in the order in which they subscribed."""

    _log = Logger()

    def __init__(self) -> None:
        self._listeners: dict[type[Event], list[Callable[[Any], object]]] = {}

    def subscribe(self, kind: type[E], listener: Callable[[E], object]) -> Callable[[], None]:
        """Call `listener` with each event of the type `kind` from now on; with `Event`, with each event of any type.

        Returns a function that ends the subscription; calling it again does nothing.
        """
        listeners = self._listeners.setdefault(kind, [])
        listeners.append(listener)

        def unsubscribe() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Call the listeners of the type of `event`, then those of every event.

        An exception in a listener is logged: it reaches neither the publisher nor the other listeners.
        """
        for kind in (type(event), Event):
            for listener in tuple(self._listeners.get(kind, ())):
                try:
                    listener(event)
                except Exception:
                    self._log.failure("in a listener of {kind}", kind=type(event).__name__)
