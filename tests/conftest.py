"""Common to all tests: their order, and the folder of RFCs that some of them use."""

import os
import signal
from pathlib import Path
from unittest import TestCase

import pytest
from hypothesis import settings

CORPUS = Path(os.environ.get("P2P_CORPUS") or Path(__file__).parents[2] / "shared/corpus/rfc").absolute()
END_TO_END = Path(__file__).parent / "e2e"


settings.register_profile("any machine", deadline=None)  # a busy one takes long for any example
settings.load_profile("any machine")


def pytest_configure():
    """Let signals end what the tests start, even where Ctrl-C (in the background) or a hang-up (nohup) is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items):
    """Trial's tests first: pytest-twisted takes the reactor with the first function it runs. End to end last."""
    items.sort(key=lambda item: (END_TO_END in item.path.parents, not issubclass(item.cls or object, TestCase)))


@pytest.fixture(scope="session")
def corpus():
    """The folder of RFCs: text and PDF."""
    if not CORPUS.is_dir():
        pytest.skip(f"no RFCs in {CORPUS}; P2P_CORPUS may say where they are")
    return CORPUS
