"""What is left out while modules are loaded, and is as before afterwards."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from p2p_twisted.config.loading import without_collector, without_tls
from tests.support.p2p_command import ENVIRONMENT


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


def test_twisted_is_loaded_without_tls_which_can_be_loaded_later() -> None:
    program = """
import sys
from p2p_twisted.config.loading import without_tls
with without_tls():
    from twisted.internet import endpoints, tcp
assert endpoints.TLSMemoryBIOFactory is None and "cryptography" not in sys.modules
import OpenSSL
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], env=ENVIRONMENT, check=True, timeout=60)


def test_tls_that_is_loaded_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "OpenSSL", sys)
    with without_tls():
        assert sys.modules["OpenSSL"] is sys
    assert sys.modules["OpenSSL"] is sys
