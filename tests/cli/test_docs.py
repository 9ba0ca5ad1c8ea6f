"""docs/cli.rst and docs/api.rst say what is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from p2p_twisted.cli import exits
from p2p_twisted.cli.main import _VERBS
from p2p_twisted.events.publisher import Publisher
from p2p_twisted.experiment.page.resources import experiment_site
from p2p_twisted.registry.memory import MemoryStore
from p2p_twisted.registry.record import Clocks
from p2p_twisted.web.api.event_log import EventLog
from p2p_twisted.web.api.events import PeerEventLog
from p2p_twisted.web.api.peer import peer_root
from p2p_twisted.web.api.rs import peer_records, rs_root
from p2p_twisted.web.api.schema import Settings
from p2p_twisted.web.http.calls import Endpoint
from tests.support.fake_facades import FakeExperiments, FakePeer, an_rs_status

DOCS = Path(__file__).parents[2] / "docs"


def calls(root: Endpoint) -> set[str]:
    """``METHOD path`` of every call below ``/api/v1/``."""
    return set(below("", root.children[b"api"].children[b"v1"]))


def below(path: str, resource: Endpoint) -> Iterator[str]:
    """Those of `resource`, which is at `path`, and of all below it."""
    yield from (f"{method.decode()} {path}" for method in resource._handlers)
    children = {name.decode(): child for name, child in resource.children.items()}
    no_request: Any = None
    one: Any = resource.getChild(b"1", no_request)
    for name, child in {**children, **({"ID": one} if one._handlers else {})}.items():
        yield from below(f"{path}/{name}" if path else name, child)


def headings(text: str) -> list[str]:
    return re.findall(r"^([A-Z]+ [a-zA-Z/]+)\n-+$", text, re.MULTILINE)


def test_every_call_is_documented() -> None:
    of_peer, of_rs = (DOCS / "api.rst").read_text("utf-8").split("Of an RS\n====")
    of_each = {"POST web"}  # put there by the service that listens
    assert set(headings(of_peer)) == of_each | calls(
        peer_root(FakePeer(), Settings([]), PeerEventLog(Publisher(), Clock()))
    )
    events = EventLog(Publisher(), Clock(), ())
    site = experiment_site(FakeExperiments(), Clock())
    assert set(headings(of_rs)) == of_each | calls(
        rs_root(partial(peer_records, MemoryStore(Clocks())), an_rs_status, Settings([]), site, events)
    )


def test_every_exit_code_is_documented() -> None:
    text = (DOCS / "cli.rst").read_text("utf-8")
    assert dict(re.findall(r"^(\d+) +(.+)$", text, re.MULTILINE)) == {
        str(code): meaning for code, meaning in exits.MEANINGS.items()
    }


def test_every_verb_is_documented() -> None:
    text = (DOCS / "cli.rst").read_text("utf-8")
    assert set(re.findall(r"``p2p ([a-z]+)", text)) == set(_VERBS)
