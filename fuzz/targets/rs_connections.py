"""The RS: all bytes of a connection, in which COOKIE stands for the cookie of a registered peer, to `RSConnection`."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from fuzz.conversations import Answers, answers, check, no_failure_is_logged
from fuzz.harness import bounded
from p2p_twisted.registry import rules
from p2p_twisted.rs.guesses import Guesses, Verdict
from tests.support.rs_server import Rig


class Unlimited(Guesses):
    """Answers all wrong cookies at once."""

    def wrong(self, host: str, limit: int, now: float, is_wide: bool = False) -> Verdict:
        """Say so."""
        return Verdict(0.0, None, 1)


def _same_cookies() -> Any:
    """Have the RS draw the same cookies in each run."""
    return patch.object(rules, "secrets", SimpleNamespace(randbelow=Random(1).randrange))


def _said(data: bytes, whole: bool) -> tuple[bytes, Answers]:
    """Return the bytes sent to an RS, and its answers; `whole` in one piece, else line by line."""
    with _same_cookies():
        rig = Rig()
        rig.factory.guesses = Unlimited(1)
        data = data.replace(b"COOKIE", b"%d" % rig.register())
        connection, transport = rig.connect()
        chunks: Iterable[bytes] = [data] if whole else data.splitlines(keepends=True)
        for chunk in chunks:
            connection.dataReceived(chunk)
        said = transport.drain()
        connection.connectionLost(Failure(ConnectionDone()))
        rig.factory.doStop()
    return data, answers(said)


@bounded
def one(data: bytes) -> None:
    """Answer each request as the parser reads it, however the bytes were cut: the fast path makes no difference."""
    with no_failure_is_logged():
        sent, found = _said(data, True)
        check(sent, found)
        assert (sent, found) == _said(data, False)
