"""What goes wrong with an engine, as one line with the remedy. Pure."""

from __future__ import annotations

from ...wire.visible import shown
from ..store import StoreError
from .engine import Engine

_REMEDIES = {
    "WRONGPASS": "correct the user and the password in --registry",
    "NOAUTH": "it wants a password: --registry redis://:PASSWORD@HOST",
    "without any password": "it has no password: leave it out of --registry",
    "NOPERM": "give this user the right to use all commands on the keys of --registry-prefix",
    "READONLY": "name the primary in --registry, not a replica, or its sentinels",
    "LOADING": "wait until it has read its files",
    "OOM": "give it more memory (maxmemory)",
    "MISCONF": "make room on its disk",
    "WRONGTYPE": "choose another --registry-prefix",
    "DB index": "choose another number at the end of --registry",
    "refused": "start it",
    "Lost connection": "check that it runs",
    "rout": "correct the address in --registry, or the network",
    "imed out": "correct the address in --registry, or the network",
    "imeout": "correct the address in --registry, or the network",
    "ame resolution": "correct the name in --registry",
    "not known": "correct the name in --registry",
    "lookup": "correct the name in --registry",
    "certificate": "name the file of the CA that signed its certificate in SSL_CERT_FILE",
}
"""A sign in the text of an error -> what to do."""


def engine_error(engine: Engine, reason: str) -> StoreError:
    """Return the error to raise when something is wrong with `engine`."""
    text = shown(" ".join(reason.split()))[:200]
    remedy = next((f"; {remedy}" for sign, remedy in _REMEDIES.items() if sign in text), "")
    return StoreError(f"{engine}: {text}{remedy}")
