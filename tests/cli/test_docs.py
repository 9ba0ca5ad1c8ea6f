"""docs/cli.rst and docs/api.rst say what is so."""

from __future__ import annotations

import re
from pathlib import Path

from p2p_twisted.cli import exits
from p2p_twisted.cli.main import _VERBS
from p2p_twisted.registry.memory import MemoryRegistry
from p2p_twisted.web.calls import Endpoint
from p2p_twisted.web.peer_api import peer_root
from p2p_twisted.web.rs_api import rs_root
from tests.web.fakes import FakePeer

DOCS = Path(__file__).parents[2] / "docs"


def calls(root: Endpoint) -> set[str]:
    """``METHOD path`` of every call below ``/api/v1/``."""
    v1 = root.children[b"api"].children[b"v1"]
    found = {(name.decode(), resource) for name, resource in v1.children.items()}
    found |= {(f"{name}/ID", resource.getChild(b"1", None)) for name, resource in found}
    return {f"{method.decode()} {name}" for name, resource in found for method in resource._handlers}


def headings(text: str) -> list[str]:
    return re.findall(r"^([A-Z]+ [a-zA-Z/]+)\n-+$", text, re.MULTILINE)


def test_every_call_is_documented() -> None:
    of_peer, of_rs = (DOCS / "api.rst").read_text("utf-8").split("Of an RS\n====")
    assert set(headings(of_peer)) == calls(peer_root(FakePeer()))
    assert set(headings(of_rs)) == calls(rs_root(MemoryRegistry(), dict))


def test_every_exit_code_is_documented() -> None:
    text = (DOCS / "cli.rst").read_text("utf-8")
    assert dict(re.findall(r"^(\d+) +(.+)$", text, re.MULTILINE)) == {
        str(code): meaning for code, meaning in exits.MEANINGS.items()
    }


def test_every_verb_is_documented() -> None:
    text = (DOCS / "cli.rst").read_text("utf-8")
    assert set(re.findall(r"``p2p ([a-z]+)", text)) == set(_VERBS)
