"""System calls that fail once while a document is written: one clear error or a retry, and never a wrong file.

P2P_FAILURES says how many (20 if not told).
"""

from __future__ import annotations

import errno
import itertools
import os
import random
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from tests.support.crash_lab import DOCUMENTS, EMPTY, OLD, CrashLab
from tests.support.faults import CALLS, Fault

pytestmark = pytest.mark.slow

FAILURES = int(os.environ.get("P2P_FAILURES", "20"))
ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.EACCES, errno.EINTR, errno.ENOMEM, errno.EROFS)
KINDS = ("unwritable", "disk-full", "peers-failed", "exists", "no-holder")
"""The kinds of errors that a failing disk of this side may end in."""


def failures(calls: Mapping[str, int], number: int) -> list[Fault]:
    """Return `number` failures: each call in turn, each time another one of them."""
    chosen = random.Random(FAILURES)
    names = [name for name in CALLS if calls.get(name)]
    some = (names[i % len(names)] for i in range(number))
    return [Fault(name, chosen.randint(1, calls[name]), errno=chosen.choice(ERRORS)) for name in some]


def orders(lab: CrashLab) -> list[dict[str, Any]]:
    found = list[dict[str, Any]]()
    for swarm, overwrite in itertools.product((True, False), (True, False)):
        lab.clear(OLD if overwrite else EMPTY)
        faults = failures(lab.run(swarm=swarm, overwrite=overwrite).calls, -(-FAILURES // 4))
        found += [{"swarm": swarm, "overwrite": overwrite, "fault": asdict(fault)} for fault in faults]
    return found


def test_a_call_that_fails_once(lab: CrashLab) -> None:
    failed, made = 0, orders(lab)
    for order in made:
        lab.clear(OLD if order["overwrite"] else EMPTY)
        ending = lab.run(**order, times=2)
        first, second = ending.downloads
        bad = {name: error for name, error in first.items() if error}
        failed += bool(bad)
        assert all(error.partition(":")[0] in KINDS for error in bad.values()), (order, bad)
        assert second == dict.fromkeys(DOCUMENTS, ""), (order, first, second)
        assert lab.wrong() == [], order
        assert lab.files() == DOCUMENTS, (order, first, lab.files().keys())
        assert ending.open_files == [], order
        assert lab.complaints() == [], order
    print(f"{len(made)} failing calls: {failed} downloads ended with an error, all others without; none wrong")
