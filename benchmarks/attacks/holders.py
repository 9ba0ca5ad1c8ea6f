"""False holders: many members that say to have what one true holder has, and do not give it."""

from __future__ import annotations

import random
import time
from functools import partial

from benchmarks.attacks.outcome import Outcome
from benchmarks.attacks.place import Place, memory, place, stranger_address
from p2p_twisted.experiment.run.cluster import wait_until
from p2p_twisted.experiment.run.processes import ClusterError, Member
from tests.support.invented_rows import record_of, row
from tests.support.strangers import How, Plan, Stranger

NAME = "wanted.bin"
SIZE = 8 * 2**20
HOWS = (How.CLOSE, How.REFUSE, How.SILENT, How.DRIP)
"""What the false holders do, in turn; each fourth one has gone altogether, and its port is closed."""
MAX_SECONDS = 3.0
"""Until the first verified piece."""
WAIT_SECONDS = 60
KNOWN_SHARE = 0.9
"""Of the false holders that the downloader must have heard from before the download begins, or WAIT_SECONDS."""


def false_holders(count: int) -> Outcome:
    """Let ``count`` false holders be known before a true one."""
    data = random.Random(9).randbytes(SIZE)
    with place(1, idle=1) as here:
        reader, holder = here.cluster.peers
        (holder.share_dir / NAME).write_bytes(data)
        here.cluster.peers = [reader]
        here.cluster.start()
        crowd = _false(here, data, count)
        told = _wait_known(reader, count)
        here.cluster.peers.append(holder)
        here.cluster.restart(holder.role)
        here.cluster.wait_registered()
        wait_until(lambda: here.peers[1] in _holders(reader), time.monotonic() + WAIT_SECONDS, "true holder unknown")
        here.forget()
        began, ended, state = _fetch(reader)
        is_right = state == "done" and (reader.download_dir / NAME).read_bytes() == data
        load, faults, now = here.load(reader), here.log_faults(), memory(reader)
    asked = sum(stranger.connections > 0 for stranger in crowd)
    figure = (
        f"starts after {began:.1f} s, done after {ended:.1f} s ({state}); {told} of {count} told of it, {asked} asked; "
        f"stall {load.stall * 1000:.0f} ms, {now / 1e6:.0f} MB; {len(faults)} errors in logs"
    )
    row_ = f"{count} false holders before a true one"
    return Outcome(row_, figure, "starts within 3 s", is_right and began <= MAX_SECONDS and not faults)


def _false(here: Place, data: bytes, count: int) -> list[Stranger]:
    crowd = []
    for number in range(count):
        address = stranger_address(number)
        record, _ = record_of(NAME, data, address)
        stranger = here.add(Plan([row(record)], file=HOWS[number % len(HOWS)]), *address)
        crowd.append(stranger)
        stranger.hello(here.peers[0])
    return crowd


def _wait_known(reader: Member, count: int) -> int:
    end, known = time.monotonic() + WAIT_SECONDS, 0
    while known < KNOWN_SHARE * count and time.monotonic() < end:
        time.sleep(0.25)
        known = len(_holders(reader))
    return known


def _holders(reader: Member) -> set[tuple[str, int]]:
    items = reader.control.get("index", q=NAME)["items"]
    return {(holder["host"], holder["port"]) for item in items for holder in item["holders"]}


def _fetch(reader: Member) -> tuple[float, float, str]:
    """Order the document; return the seconds until the first piece and until the end, and how it ended."""
    start, began = time.monotonic(), float("inf")
    path = f"downloads/{reader.control.post('downloads', {'names': [NAME]})['id']}"
    while True:
        download = reader.control.get(path)
        now = time.monotonic() - start
        if download["bytes_done"]:
            began = min(began, now)
        if download["ended"] is not None:
            return began, now, download["state"]
        if now > 3 * WAIT_SECONDS:
            raise ClusterError(f"not over after {now:.0f} s, {download['bytes_done']} bytes")
        time.sleep(0.02)


ATTACKS = {f"false-holders-{count}": partial(false_holders, count) for count in (100, 1000)}
