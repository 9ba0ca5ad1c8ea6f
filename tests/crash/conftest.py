"""Common to the tests of crashes: one RS, one peer that has the documents, and one server of downloaders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.crash_lab import CrashLab, crash_lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashLab]:
    with crash_lab(tmp_path_factory.mktemp("crash")) as running:
        yield running
