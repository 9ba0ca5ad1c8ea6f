"""The faults of a run: read from the command line, and due by the progress of the run. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from ...config.rates import RateError, parse_rate

SOURCE = "peer1"
"""The meaning of ``source``: it has everything in Task 1 and the swarm, and collects everything in the worst case."""


@dataclass(frozen=True)
class Kill:
    """The order to kill a peer for good, at a ``share`` (0 to 1) of all bytes to be fetched, or after ``seconds``."""

    role: str
    share: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Faults:
    """The faults of a run."""

    kills: Sequence[Kill] = ()
    slow: Mapping[str, float] = field(default_factory=dict)
    """Role -> rate in both directions, bytes/s."""
    corrupt: Sequence[str] = ()
    """The roles of the peers that offer every document and send garbage."""
    churn: float | None = None
    """The interval in seconds at which one peer, never the source, is killed and restarted."""

    @property
    def killed(self) -> set[str]:
        """The roles of the peers that are killed for good."""
        return {kill.role for kill in self.kills}

    def limited_to(self, killed: Sequence[str]) -> Faults:
        """Return these faults without the kills that did not happen: only ``killed`` were killed."""
        return replace(self, kills=[kill for kill in self.kills if kill.role in killed])

    def reroute(self, holder: str) -> bool:
        """Return whether documents that ``holder`` was to send may come from any other peer instead."""
        return bool(self.corrupt or self.churn) or holder in self.killed

    @property
    def roles(self) -> set[str]:
        """All peers that are named."""
        return self.killed | self.slow.keys() | set(self.corrupt)

    def __bool__(self) -> bool:
        """Whether there are any faults."""
        return bool(self.kills or self.slow or self.corrupt or self.churn)


NO_FAULTS = Faults()


class Schedule:
    """The peers to be killed next.

    ``victims`` are the roles that churn may kill; ``random_seed`` determines their order.
    """

    def __init__(self, faults: Faults, victims: Sequence[str], random_seed: int) -> None:
        self._kills = list(faults.kills)
        self._churn = faults.churn
        self._victims = list(victims)
        Random(f"{random_seed}/churn").shuffle(self._victims)
        self._rounds = 0

    def kills_due(self, seconds: float, share: float) -> list[str]:
        """Return the roles to kill for good now; each is returned once."""
        due = [kill for kill in self._kills if _is_due(kill, seconds, share)]
        self._kills = [kill for kill in self._kills if kill not in due]
        return [kill.role for kill in due]

    def restart_due(self, seconds: float) -> str | None:
        """Return the role to kill and restart now, if there is one."""
        if not self._churn or not self._victims or seconds < (self._rounds + 1) * self._churn:
            return None
        self._rounds += 1
        return self._victims[(self._rounds - 1) % len(self._victims)]


def parse_kill(text: str) -> Kill:
    """Parse ``source@30%`` or ``peer3@5s``. Raises ValueError."""
    found = re.fullmatch(r"(source|peer[0-9]{1,3})@([0-9]{1,6}(?:\.[0-9]{1,3})?)(%|s)", text, re.ASCII)
    if not found or (found[3] == "%" and float(found[2]) > 100):
        raise ValueError(f"{text!r} is not a kill such as source@30% (of all bytes) or peer3@5s")
    when = float(found[2])
    return Kill(_role(found[1]), when / 100, None) if found[3] == "%" else Kill(_role(found[1]), None, when)


def parse_slow(text: str) -> tuple[str, float]:
    """Parse ``peer3=1Mbit`` into the role and the rate in bytes/s. Raises ValueError."""
    role, equals, rate = text.partition("=")
    try:
        if equals and (speed := parse_rate(rate)) is not None:
            return parse_peer(role), speed
    except RateError as error:
        raise ValueError(f"{text!r}: the rate {error}") from None
    raise ValueError(f"{text!r} is not a slow link such as peer3=1Mbit")


def parse_peer(text: str) -> str:
    """Parse ``source`` or ``peer3`` into a role. Raises ValueError."""
    if not re.fullmatch(r"source|peer[0-9]{1,3}", text, re.ASCII):
        raise ValueError(f"{text!r} is not a peer, such as peer3 or source")
    return _role(text)


def _role(text: str) -> str:
    return SOURCE if text == "source" else f"peer{int(text.removeprefix('peer'))}"


def _is_due(kill: Kill, seconds: float, share: float) -> bool:
    return (kill.share is not None and share >= kill.share) or (kill.seconds is not None and seconds >= kill.seconds)
