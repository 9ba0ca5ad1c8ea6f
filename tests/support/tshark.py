"""What tshark shows of a capture with the dissector of the package."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from p2p_twisted.cli.dissector import DISSECTOR

needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is missing: apt-get install tshark")
TIMEOUT = 120


@dataclass
class Shown:
    """A message as the dissector shows it: its fields in order, each with those below it."""

    stream: int
    from_client: bool
    frame: int
    fields: list[tuple[str, str, list[tuple[str, str]]]]
    """(name without ``p2pdi.``, value, [(name, value) of those below it])."""
    wrong: list[str] = field(default_factory=list)
    """What breaks the specification."""

    def all(self, name: str) -> list[str]:
        """Return the values of all fields `name`, in order."""
        pairs = [pair for key, value, below in self.fields for pair in ((key, value), *below)]
        return [value for key, value in pairs if key == name]

    def groups(self, name: str) -> list[list[tuple[str, str]]]:
        """Return the fields below each field `name`."""
        return [below for key, _, below in self.fields if key == name]


def tshark(capture: Path, *arguments: str) -> str:
    """Return the output of tshark with the dissector for `capture`; an error of the dissector is an AssertionError."""
    command = ["tshark", "-X", f"lua_script:{DISSECTOR}", "-r", str(capture), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0 and "Lua" not in done.stderr, done.stderr
    return done.stdout


def malformed(capture: Path) -> str:
    """Return the frames that the dissector could not take apart, a line each."""
    return tshark(capture, "-Y", "_ws.malformed || _ws.lua.error")


def dissect(capture: Path) -> list[Shown]:
    """Return every message of `capture`; what only goes on with a response is put to it. Read in two passes."""
    document = fromstring(tshark(capture, "-2", "-Y", "p2pdi", "-T", "pdml", "-J", "p2pdi tcp"))
    found: list[Shown] = []
    for packet in document.iter("packet"):
        for message in _messages(packet):
            started = message.all("continues")
            if started:
                head = next(one for one in reversed(found) if _goes_on(message, one))
                head.fields += message.fields
                head.wrong += message.wrong
            else:
                found.append(message)
    return found


def _goes_on(message: Shown, head: Shown) -> bool:
    return head.stream == message.stream and str(head.frame) in message.all("continues") and bool(head.all("response"))


def _messages(packet: Element) -> Iterator[Shown]:
    tcp = next(proto for proto in packet.iter("proto") if proto.get("name") == "tcp")
    numbers = {one.get("name"): int(one.get("show") or 0) for one in tcp.iter("field") if one.get("name") in _OF_TCP}
    frame = next(int(one.get("show") or 0) for one in packet.iter("field") if one.get("name") == "num")
    for proto in packet.iter("proto"):
        if proto.get("name") == "p2pdi":
            yield Shown(
                numbers["tcp.stream"], numbers["tcp.srcport"] < _FIRST_SERVER, frame, _fields(proto), _wrong(proto)
            )


_OF_TCP = ("tcp.stream", "tcp.srcport")
_FIRST_SERVER = 65_000
"""The lowest port of a server in `captures`; clients have lower ones."""


def _fields(proto: Element) -> list[tuple[str, str, list[tuple[str, str]]]]:
    return [(*_pair(one), [_pair(below) for below in _own(one)]) for one in _own(proto)]


def _own(parent: Element) -> Sequence[Element]:
    return [one for one in parent if (one.get("name") or "").startswith("p2pdi.")]


def _pair(one: Element) -> tuple[str, str]:
    return (one.get("name") or "").removeprefix("p2pdi."), one.get("show") or ""


def _wrong(proto: Element) -> list[str]:
    return [one.get("showname") or "" for one in proto.iter("field") if one.get("name") == "p2pdi.wrong"]
