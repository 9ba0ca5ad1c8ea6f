"""The bytes that each message of a simulated swarm takes on the wire, by the real encoder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from p2p_twisted.library.pieces import piece_count, piece_range
from p2p_twisted.wire.changes import Have, encode_change
from p2p_twisted.wire.encode import encode_request, encode_response
from p2p_twisted.wire.messages import GetFile, GetNext, GetTurn, Message, Request, Response, Version
from p2p_twisted.wire.ranges import Bits, Ranges, first_bits, format_ranges, to_ranges

SHA256 = hashlib.sha256(b"the file").hexdigest()
VERSION = "5a27f03fc43e.2"
NAME = "lecture-07-recording.mp4"


@dataclass(frozen=True)
class Sizes:
    """A file of `size` bytes in its pieces, and the messages about it."""

    size: int

    @cached_property
    def count(self) -> int:
        """The number of pieces."""
        return piece_count(self.size)

    @cached_property
    def all_pieces(self) -> Bits:
        """The set of all pieces."""
        return first_bits(self.count)

    @cached_property
    def piece_bytes(self) -> int:
        """Bytes of a piece that is not the last."""
        return piece_range(self.size, 0)[1]

    @cached_property
    def piece(self) -> int:
        """Bytes of an answer with such a piece, with its head."""
        length = self.piece_bytes
        return length + _response(length=length, size=self.size, sha256=SHA256, byte_range=(self.size // 2, self.size))

    @cached_property
    def get_file(self) -> int:
        """Bytes of a request for a piece."""
        return _request(GetFile(NAME, (self.size // 2, self.size), SHA256))

    @cached_property
    def get_turn(self) -> int:
        """Bytes of a request for a turn, with its header."""
        return _request(GetTurn(news=True))

    def get_next(self, wants: tuple[tuple[str, Ranges], ...]) -> int:
        """Return the bytes of a request for the next piece."""
        return _request(GetNext(wants))

    @cached_property
    def announcement(self) -> int:
        """Bytes of an answer that tells a follower of a download."""
        line = len(encode_change(Have(SHA256, self.size, ()))) + 1
        return line + _response(length=line, index=VERSION, since=VERSION)

    @cached_property
    def _turn(self) -> tuple[int, int]:
        """Bytes of an answer that gives a turn, without news and with some, less the ranges."""
        line = len(encode_change(Have(SHA256, self.size, ()))) + 1
        return _response(length=0, turns=1), _response(length=line, turns=1) + line

    def turn(self, news: Bits) -> int:
        """Return the bytes of the answer that gives a turn and tells of `news`."""
        without, some = self._turn
        return some + len(format_ranges(to_ranges(news))) if news else without


def _response(**headers: Any) -> int:
    return len(encode_response(Response(200, Version.V11, "10.11.12.13", "Linux 6.18", **headers)))


def _request(message: Message) -> int:
    return len(encode_request(Request(message, Version.V11, "10.11.12.13", "Linux 6.18")))
