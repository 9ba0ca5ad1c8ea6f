"""Where the engine is: the URL of ``--registry``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from ...config.hosts import host_and_port
from ...wire.address import Address

REDIS_PORT = 6379
SENTINEL_PORT = 26379
MAX_DATABASE = 2**31 - 1

_FORMS = "redis://HOST:PORT/DB, rediss://HOST:PORT/DB or redis+sentinel://HOST:PORT,HOST:PORT/NAME/DB"
_URL = re.compile(r"(redis|rediss|redis\+sentinel)://(?:([^@/]*)@)?([^@/]+)(?:/(.*))?", re.ASCII)
_PREFIX = re.compile(r"[0-9A-Za-z:._-]{1,64}", re.ASCII)
_NAME = re.compile(r"[0-9A-Za-z._-]{1,64}", re.ASCII)
_DATABASE = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True)
class Engine:
    """A Redis, or the sentinels that know which one is the primary. As a text, it has no password."""

    addresses: tuple[Address, ...]
    """The engine, or its sentinels."""
    database: int = 0
    master: str = ""
    """The name under which the sentinels know the engine; empty if `addresses` has the engine itself."""
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        scheme = "redis+sentinel" if self.master else "rediss" if self.tls else "redis"
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.addresses)
        path = "/".join(filter(None, (self.master, str(self.database))))
        return f"{scheme}://{hosts}/{path}"


def parse_engine(text: str) -> Engine:
    """Return the engine of a URL. Raises ValueError, which says what it must be."""
    match = _URL.fullmatch(text)
    if match is None:
        raise ValueError(f"must be {_FORMS}")
    scheme, login, hosts, path = match.groups("")
    sentinel = scheme == "redis+sentinel"
    master, _, database = path.partition("/") if sentinel else ("", "/", path)
    if sentinel and not _NAME.fullmatch(master):
        raise ValueError(f"must name the engine as its sentinels do: {_FORMS}")
    user, colon, password = login.partition(":")
    if login and not (colon and password):
        raise ValueError("must have a password after the user: redis://USER:PASSWORD@HOST, or redis://:PASSWORD@HOST")
    addresses = tuple(_address(one, SENTINEL_PORT if sentinel else REDIS_PORT) for one in hosts.split(","))
    if len(addresses) > 1 and not sentinel:
        raise ValueError(f"has several hosts, which only sentinels can be: {_FORMS}")
    return Engine(addresses, _database(database), master, scheme == "rediss", unquote(user), unquote(password))


def parse_prefix(text: str) -> str:
    """Return the beginning of the names of all keys. Raises ValueError, which says what it must be."""
    if not _PREFIX.fullmatch(text):
        raise ValueError("must have 1 to 64 letters, digits, colons, dots, underscores and hyphens")
    return text


def _address(text: str, default: int) -> Address:
    host, port = host_and_port(text)
    return host, default if port is None else port


def _database(text: str) -> int:
    if text and not (_DATABASE.fullmatch(text) and int(text) <= MAX_DATABASE):
        raise ValueError(f"must have the number of a database after the host: {_FORMS}")
    return int(text or "0")
