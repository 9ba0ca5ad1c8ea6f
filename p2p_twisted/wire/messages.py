"""The messages of 1.0 and 1.1 as values. `parser` makes them from lines, `encode` turns them into bytes."""

from __future__ import annotations

from enum import Enum

from .address import Address
from .errors import OK
from .quick_dataclass import quick_dataclass
from .ranges import Ranges
from .search_terms import Term

NO_COOKIE = -1
"""The cookie that some existing clients send when they have none. No peer has it."""

INITIAL_VERSION = "0"
"""The version of every index before its first."""


class Version(Enum):
    """A version of the protocol; the value is how the first line of a response spells it."""

    V10 = "P2P-CI/1.0"
    V11 = "P2P-CI/1.1"
    HANDOUT = "P2P-DI/1.0"
    """Not 1.0 but the two requests of the course handout, which is a relative of it (`handout`)."""


@quick_dataclass(frozen=True)
class Register:
    """Peer -> RS: register me. `cookie` is None the first time, later the one that the RS gave."""

    cookie: int | None
    port: int


@quick_dataclass(frozen=True)
class Leave:
    """Peer -> RS: end my registration."""

    cookie: int
    port: int


@quick_dataclass(frozen=True)
class KeepAlive:
    """Peer -> RS: renew my registration."""

    cookie: int
    port: int


@quick_dataclass(frozen=True)
class PQuery:
    """Peer -> RS: list the active peers.

    In 1.1 at most `limit` of them, those after the address `after`, or `sample` of them, chosen at random.
    """

    cookie: int
    port: int
    limit: int | None = None
    after: Address | None = None
    sample: int | None = None


@quick_dataclass(frozen=True)
class GetIndex:
    """Peer -> peer: send your index (RFCQuery).

    1.1 may ask for the changes of the peer's own files `since` a version of its index (`INITIAL_VERSION`: all), and to
    `follow`: to be sent further changes as they happen, each in an answer of its own. With `hearsay`, a whole index has
    as much hearsay as the peer tells, and a follower is also sent what the peer hears of others.
    """

    since: str | None = None
    follow: bool = False
    hearsay: bool = False


@quick_dataclass(frozen=True)
class GetFile:
    """Peer -> peer: send a file (GetRFC).

    `name` is the whole name, type included. 1.1 may ask for the bytes `byte_range` = (first, last), both included, and
    for the content with the hash `sha256` (hex) and no other.
    """

    name: str
    byte_range: tuple[int, int] | None = None
    sha256: str | None = None


@quick_dataclass(frozen=True)
class GetPieces:
    """Peer -> peer, 1.1: send the list of piece hashes of the file with the hash `sha256` (hex)."""

    sha256: str


@quick_dataclass(frozen=True)
class GetNext:
    """Peer -> peer, 1.1: send one of these pieces that you sent to no peer yet. `wants`: pairs (sha256, pieces)."""

    wants: tuple[tuple[str, Ranges], ...]


@quick_dataclass(frozen=True)
class GetTurn:
    """Peer -> peer, 1.1: tell me when it is my turn to ask for pieces; if `news`, not before you have new ones."""

    news: bool = False


@quick_dataclass(frozen=True)
class GetSources:
    """Peer -> peer, 1.1: who else downloads the file with the hash `sha256` (hex)? I do, and serve at `port`."""

    sha256: str
    port: int


@quick_dataclass(frozen=True)
class Search:
    """Peer -> peer, 1.1: which of your own documents have all these terms? Send at most `limit`, the best ones."""

    terms: tuple[Term, ...]
    limit: int | None = None


@quick_dataclass(frozen=True)
class Cancel:
    """Peer -> peer, 1.1: do not answer my earlier GET FILE for `byte_range` of `sha256` if it still waits."""

    sha256: str
    byte_range: tuple[int, int]


@quick_dataclass(frozen=True)
class Hello:
    """Peer -> peer, 1.1: I have registered, and serve at `port` of the address that the Host line names."""

    port: int


@quick_dataclass(frozen=True)
class Probe:
    """Peer -> peer, 1.1: try to connect to `port` of the address that the Host line names, and report the result."""

    port: int


@quick_dataclass(frozen=True)
class GetRfcIndex:
    """Peer -> peer, in the form of the handout: send the RFCs of your index."""


@quick_dataclass(frozen=True)
class GetRfc:
    """Peer -> peer, in the form of the handout: send the RFC with this number."""

    number: int


ToRS = Register | Leave | KeepAlive | PQuery
ToPeer = (
    GetIndex
    | GetFile
    | GetPieces
    | GetNext
    | GetTurn
    | GetSources
    | Search
    | Cancel
    | Hello
    | Probe
    | GetRfcIndex
    | GetRfc
)
Message = ToRS | ToPeer


@quick_dataclass(frozen=True)
class Request:
    """A message with its envelope: the version, and the values of the Host and OS lines."""

    message: Message
    version: Version
    host: str
    os: str


@quick_dataclass(frozen=True)
class Response:
    """The head of a response. All fields but the first four are headers of 1.1, None (or False) if missing.

    `length`: bytes of the body; `size` and `sha256` (hex): of the whole file; `byte_range`: the bytes (first, last) of
    the body; `more`: there are more peers than the list has; `index`: the version of the index that the answer
    leads to, `since`: the one it starts from; `retry_after`: seconds after which a refused request may be granted;
    `modified`: when the file was last changed, Unix seconds; `site`: the name of the site at which the peer says it is;
    `turns`: pieces that the client may ask for now.
    """

    status: int
    version: Version
    host: str
    os: str
    length: int | None = None
    size: int | None = None
    sha256: str | None = None
    byte_range: tuple[int, int] | None = None
    more: bool = False
    index: str | None = None
    since: str | None = None
    retry_after: int | None = None
    modified: int | None = None
    site: str | None = None
    turns: int | None = None

    @property
    def ok(self) -> bool:
        """Whether the request was granted."""
        return self.status == OK


def first_contact(message: Message) -> Message:
    """Return `message` without the fields of 1.1, as it must be sent to a server that has not yet answered in 1.1."""
    if isinstance(message, GetFile):
        return GetFile(message.name)
    if isinstance(message, PQuery):
        return PQuery(message.cookie, message.port)
    if isinstance(message, GetIndex):
        return GetIndex()
    return message
