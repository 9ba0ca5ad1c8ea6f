"""Running checks in their order, each against a deadline; a server that dies is noticed, and the check named."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from .conversation import Gone
from .model import CannotTell, Check, NotPassed, Result, S, Verdict
from .profile import Profile
from .server import Server, Target
from .transcript import Transcript

DIED = "; the server takes no connections any more"


def applicable(checks: Iterable[Check[S]], profile: Profile) -> list[Check[S]]:
    """Return those of `checks` that are about what `profile` has."""
    return [
        check
        for check in checks
        if check.id not in profile.skip
        and check.level in ("", profile.level)
        and all(need in profile.messages for need in check.needs)
    ]


def run(checks: Sequence[Check[Server]], target: Target) -> Iterator[Result]:
    """Run `checks` one after the other; yield the result of each. No fault of the server escapes."""
    last = dead_after = ""
    failed: set[str] = set()
    for check in checks:
        missing = _died(dead_after, check.id) if dead_after else _without_basis(check, failed)
        if missing is not None:
            yield _result(check, target, Transcript(), missing)
            continue
        result, was_gone = _run(check, target)
        if not result.passed and not is_there(target):
            dead_after = last if was_gone and last else check.id
            result = replace(result, seen=result.seen + DIED)
        failed |= {check.id} if result.verdict is Verdict.FAIL else set()
        yield result
        last = check.id


def is_there(target: Target) -> bool:
    """Return whether somebody takes connections at the target's address."""
    try:
        socket.create_connection((target.host, target.port), target.timeout).close()
    except OSError:
        return False
    return True


def _run(check: Check[Server], target: Target) -> tuple[Result, bool]:
    """Run one check; return its result, and whether the server was gone before anything was sent."""
    transcript, start = Transcript(), time.monotonic()
    until = start + check.deadline + check.ttls * (target.ttl or 0)
    ended: NotPassed | None = None
    with closing(Server(target, _profile(check, target.profile), until, transcript)) as server:
        try:
            if check.ttls and target.ttl is None:
                raise CannotTell(
                    "its TTL is not known", "start the server with a low TTL, and say it with --ttl SECONDS"
                )
            check.run(server)
        except NotPassed as error:
            ended = error
    was_gone = isinstance(ended, Gone) and transcript.connections == 1
    return _result(check, target, transcript, ended, time.monotonic() - start), was_gone


def _profile(check: Check[Server], profile: Profile) -> Profile:
    """Return the profile by which `check` goes: one without a level by that of the oldest version."""
    return profile if check.level or profile.also is None else profile.also


def _died(dead_after: str, id_: str) -> CannotTell:
    return CannotTell(
        f"the server died in the check {dead_after}",
        f"mend that first; or start the server again and run this check alone: --only {id_}",
    )


def _without_basis(check: Check[Server], failed: set[str]) -> CannotTell | None:
    """Return why `check` says nothing after the checks that `failed`; None if it does."""
    broken = next((id_ for id_ in check.basis if id_ in failed), None)
    if broken is None:
        return None
    return CannotTell(f"it builds on the check {broken}, which failed", "mend that first")


def _result(
    check: Check[Server], target: Target, transcript: Transcript, ended: NotPassed | None, seconds: float = 0.0
) -> Result:
    usually = check.mandatory and (not check.ttls or target.ttl is not None)
    mandatory = target.profile.is_mandatory(check.id, usually)
    seen, mend = (ended.seen, ended.mend) if ended is not None else ("", "")
    verdict = ended.verdict if ended is not None else Verdict.PASS
    entries = tuple(transcript.entries)
    return Result(check.id, check.group, check.title, check.section, mandatory, verdict, seen, mend, seconds, entries)
