"""The client under check: each way is tried once, when a check asks for it; and the checks, one after the other."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from ..model import CannotTell, Check, NotPassed, Result, Verdict
from ..profile import Profile
from ..transcript import Entry
from .program import NotStarted
from .stage import Registrations
from .trial import STEPS, Order, Seen, watch
from .ways import PLAIN, Way

NEEDED = ("register", "pquery", "index", "file")
"""The messages that a profile must spell, or there is nothing to watch."""


class Client:
    """What the runs of a client showed. A context, which removes their folders in the end."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.looked_at: list[Seen] = []
        """The runs that the check under way has looked at."""
        self._seen: dict[str, Seen] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def profile(self) -> Profile:
        """The profile by which the client is judged."""
        return self.order.profile

    def seen(self, way: Way) -> Seen:
        """Return what the client did when it was answered in this way. Raises CannotTell if it cannot be started."""
        if way.name not in self._seen:
            self._seen[way.name] = self._watch(way)
        seen = self._seen[way.name]
        self.looked_at.append(seen)
        return seen

    def plain(self) -> Seen:
        """Return what it did when all went well."""
        return self.seen(PLAIN)

    def _watch(self, way: Way) -> Seen:
        plain = self._seen.get(PLAIN.name)
        wanted = set(STEPS) if plain is None else plain.steps
        before = self._seen.get(way.after)
        if before is None:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="p2p-check-"))
            seen = Seen(way, Path(folder), Registrations())
        else:
            seen = Seen(way, before.folder, before.registrations)
        try:
            return watch(self.order, way, seen, lambda now: bool(wanted) and wanted <= now.steps)
        except NotStarted as error:
            raise CannotTell(str(error), "see that the command behind -- runs by itself") from None


def run(checks: Iterable[Check[Client]], client: Client) -> Iterator[Result]:
    """Run `checks` one after the other; yield the result of each."""
    for check in checks:
        client.looked_at.clear()
        ended: NotPassed | None = None
        start = time.monotonic()
        try:
            if check.ttls and client.order.ttl is None:
                raise CannotTell("no TTL is set", "say with --ttl SECONDS how long a registration lasts")
            check.run(client)
        except NotPassed as error:
            ended = error
        yield _result(check, client, ended, time.monotonic() - start)


def _result(check: Check[Client], client: Client, ended: NotPassed | None, seconds: float) -> Result:
    usually = check.mandatory and (not check.ttls or client.order.ttl is not None)
    mandatory = client.profile.is_mandatory(check.id, usually)
    seen, mend = (ended.seen, ended.mend) if ended is not None else ("", "")
    verdict = ended.verdict if ended is not None else Verdict.PASS
    entries: tuple[Entry, ...] = tuple(client.looked_at[-1].transcript.entries) if client.looked_at else ()
    return Result(check.id, check.group, check.title, check.section, mandatory, verdict, seen, mend, seconds, entries)
