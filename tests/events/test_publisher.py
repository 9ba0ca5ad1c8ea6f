"""Publish and subscribe by type."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import DocumentShared, DocumentUnshared, Event

SHARED = DocumentShared("rfc1.txt", 3, "ab" * 32)
UNSHARED = DocumentUnshared("rfc1.txt")


class Publishing(SynchronousTestCase):
    def setUp(self) -> None:
        self.publisher = Publisher()
        self.seen: list[Event] = []

    def test_a_listener_gets_the_events_of_its_type(self) -> None:
        self.publisher.subscribe(DocumentShared, self.seen.append)
        self.publisher.publish(SHARED)
        self.publisher.publish(UNSHARED)
        self.assertEqual(self.seen, [SHARED])

    def test_a_listener_of_every_event(self) -> None:
        self.publisher.subscribe(Event, self.seen.append)
        self.publisher.publish(SHARED)
        self.publisher.publish(UNSHARED)
        self.assertEqual(self.seen, [SHARED, UNSHARED])

    def test_after_the_end_of_a_subscription_there_is_nothing(self) -> None:
        unsubscribe = self.publisher.subscribe(DocumentShared, self.seen.append)
        unsubscribe()
        unsubscribe()
        self.publisher.publish(SHARED)
        self.assertEqual(self.seen, [])

    def test_a_listener_may_end_its_subscription_when_called(self) -> None:
        def once(event: DocumentShared) -> None:
            self.seen.append(event)
            unsubscribe()

        unsubscribe = self.publisher.subscribe(DocumentShared, once)
        self.publisher.subscribe(DocumentShared, self.seen.append)
        self.publisher.publish(SHARED)
        self.publisher.publish(SHARED)
        self.assertEqual(self.seen, [SHARED, SHARED, SHARED])

    def test_a_listener_that_raises_costs_nobody_else_an_event(self) -> None:
        def broken(event: DocumentShared) -> None:
            raise RuntimeError("an error of this listener")

        self.publisher.subscribe(DocumentShared, broken)
        self.publisher.subscribe(DocumentShared, self.seen.append)
        self.publisher.publish(SHARED)
        self.assertEqual(self.seen, [SHARED])
        [failure] = self.flushLoggedErrors(RuntimeError)
        self.assertIn("an error of this listener", str(failure.value))
