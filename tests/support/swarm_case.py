"""A test of a swarm over fake sources, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from tests.support.fake_sources import Document, FakeSource, RunningSwarm, is_document


class SwarmCase(TestCase):
    """A test with a folder."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def swarm(self, documents: Iterable[Document], sources: Iterable[FakeSource], **more: Any) -> RunningSwarm:
        """Start a swarm."""
        return RunningSwarm(self.folder, documents, sources, **more)

    def assertWhole(self, swarm: RunningSwarm, *documents: Document) -> None:
        """Assert that all documents are here under their final names, and nothing else."""
        self.assertEqual(swarm.ended, [None])
        self.assertEqual(swarm.completed, {document.name: None for document in documents})
        for document in documents:
            self.assertTrue(is_document(self.folder / document.name, document))
        self.assertEqual({path.name for path in self.folder.iterdir()}, {document.name for document in documents})
        self.assertTrue(all(not c.waiting for source in swarm.sources.values() for c in source.connections))
        swarm.reactor.advance(10)
        self.assertEqual(swarm.reactor.getDelayedCalls(), [])
