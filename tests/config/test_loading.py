"""The collector of cycles pauses while modules are loaded, and runs as before afterwards."""

from __future__ import annotations

import gc

import pytest

from p2p_twisted.config.loading import without_collector


def test_the_collector_pauses_and_runs_again() -> None:
    with without_collector():
        assert not gc.isenabled()
        with without_collector():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_runs_again_after_an_error() -> None:
    with pytest.raises(ImportError), without_collector():
        raise ImportError
    assert gc.isenabled()


def test_what_was_loaded_is_not_looked_at_again() -> None:
    gc.unfreeze()
    with without_collector():
        loaded = [object() for _ in range(3)]
    assert gc.get_freeze_count() > len(loaded)
    gc.unfreeze()
