"""The division of descriptors under various limits."""

from __future__ import annotations

import resource

import pytest

from p2p_twisted.config.descriptors import MAX_FILES, MIN_FILES, max_connections, max_files


@pytest.mark.parametrize(("soft", "most"), [(16, MIN_FILES), (256, 64), (1024, 256), (2**20, MAX_FILES)])
def test_the_budget_follows_from_the_limit(monkeypatch: pytest.MonkeyPatch, soft, most) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert max_files() == most


def test_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert (max_files(), max_connections(9_999)) == (MAX_FILES, 9_999)


@pytest.mark.parametrize(("soft", "most"), [(64, 32), (1024, 512), (20_000, 2_000)])
def test_connections_of_others_leave_half_of_the_limit(monkeypatch: pytest.MonkeyPatch, soft, most) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert max_connections(2_000) == most
