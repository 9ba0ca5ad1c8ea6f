"""The cookies that RS have given, and which of them counts at which RS; pure.

Several RS may share one registry, and the cookie of one of them then counts at all. A peer finds out by using it: where
it is refused, the peer gets another one, and keeps both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from .rs_choice import Rs

MAX_COOKIES = 64
"""Most RS whose cookies are remembered: those that were used last."""
MAX_TRIED = 2
"""Most cookies that are shown to one RS before it is asked for a new one: each wrong one may be taken for a guess."""

Name = tuple[str, int | None]
"""A host and port as the user gave them; no port: the ports that DNS names."""


class RsCookies:
    """The cookies by RS, the last used first. Those of RS that the user has not named are shown to no other RS."""

    def __init__(
        self, cookies: Mapping[str, int], names: Collection[Name], save: Callable[[Mapping[str, int]], object]
    ) -> None:
        """`cookies` are those given to `save` before, which is called at each change; `names` are those of the user."""
        self._cookies = dict(list(cookies.items())[:MAX_COOKIES])
        self._save = save
        self._names = {(host, "" if port is None else str(port)) for host, port in names}

    def of(self, rs: Rs) -> list[int]:
        """Return the cookies that may count at `rs`, the likeliest first."""
        cookies = [self._cookies[key] for key in (_key(rs), _name(rs)) if key in self._cookies]
        if self._is_named(_name(rs)):
            cookies += [cookie for key, cookie in self._cookies.items() if self._is_named(key)]
        return list(dict.fromkeys(cookies))[:MAX_TRIED]

    def at(self, rs: Rs) -> int:
        """Return the cookie that counts at `rs`, as far as is known; 0 if there is none."""
        return next(iter(self.of(rs)), 0)

    def counts(self, rs: Rs, cookie: int) -> None:
        """Note that `cookie` counts at `rs`."""
        key = _key(rs)
        if next(iter(self._cookies.items()), None) == (key, cookie):
            return
        rest = {one: kept for one, kept in self._cookies.items() if one != key}
        self._cookies = dict(list({key: cookie, **rest}.items())[:MAX_COOKIES])
        self._save(self._cookies)

    def _is_named(self, key: str) -> bool:
        host, _, port = key.partition("/")[0].rpartition(":")
        return (host, "") in self._names or (host, port) in self._names


def _name(rs: Rs) -> str:
    return f"{rs.name}:{rs.port}"


def _key(rs: Rs) -> str:
    """Return the key of `rs`: its name and port, and its address where the name may have several."""
    return _name(rs) if rs.name == rs.host else f"{_name(rs)}/{rs.host}"
