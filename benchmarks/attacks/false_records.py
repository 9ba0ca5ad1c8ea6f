"""False records beside one genuine holder: the genuine document comes, or a refusal that names both contents."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.attacks.outcome import Outcome
from benchmarks.attacks.place import Place, place, stranger_address
from benchmarks.soak.command import Command
from p2p_twisted.cli.exits import AMBIGUOUS, OK
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.records import IndexRecord
from tests.support.invented_rows import record_of, row
from tests.support.strangers import Plan

SIZE = 300_000
"""Bytes of the genuine document, of five pieces."""
HEAR_SECONDS = 1.0
"""Between the false records and the command."""
MAX_SECONDS = 10.0
GONE: tuple[Address, ...] = tuple((f"10.78.100.{number}", 4400) for number in range(1, 40))
"""Nobody is there."""


@dataclass(frozen=True)
class Case:
    """A genuine document, as its holder has it, and the address of the stranger that tells something else."""

    true: IndexRecord
    digests: bytes
    data: bytes
    stranger: Address

    @property
    def own(self) -> IndexRecord:
        """The true record, as if the stranger were a holder."""
        return replace(self.true, host=self.stranger[0], port=self.stranger[1])

    @property
    def genuine(self) -> Address:
        """The address of the genuine holder."""
        return self.true.host, self.true.port

    @property
    def false(self) -> bytes:
        """Another content."""
        return self.data[::-1]

    def other(self, holder: Address) -> IndexRecord:
        """Return a record of the other content at ``holder``."""
        return record_of(self.true.name, self.false, holder)[0]

    def serving(self, *records: IndexRecord, served: bytes = b"") -> Plan:
        """Return the plan of a stranger with ``records``, which serves ``served`` for whatever it is asked for."""
        _, digests = record_of("", served, self.stranger)
        keys = {record.sha256 or "" for record in records} | {record.name for record in records}
        return Plan(
            list(map(row, records)), contents=dict.fromkeys(keys, served), piece_lists=dict.fromkeys(keys, digests)
        )


FALSE = "00" * 32
Kind = Callable[[Case], Plan]
KINDS: dict[str, Kind] = {
    "another content, served": lambda case: case.serving(case.other(case.stranger), served=case.false),
    "another content, not served": lambda case: Plan([row(case.other(case.stranger))]),
    "another size": lambda case: case.serving(replace(case.own, size=SIZE - 1), served=case.data[:-1]),
    "another piece list": lambda case: case.serving(replace(case.own, pieces=FALSE), served=case.false),
    "wrong bytes for the true record": lambda case: case.serving(case.own, served=case.false),
    "another content, told of the genuine holder": lambda case: Plan(
        [row(case.other((case.true.host, case.true.port)))]
    ),
    "another size, told of the genuine holder": lambda case: Plan([row(replace(case.true, size=SIZE * 2))]),
    "another piece list, told of the genuine holder": lambda case: Plan([row(replace(case.true, pieces=FALSE))]),
    "another content, told of many who are not there": lambda case: Plan([row(case.other(gone)) for gone in GONE]),
    "the true record, told of many who are not there": lambda case: Plan(
        [row(replace(case.true, host=host, port=port)) for host, port in GONE]
    ),
    "a folder of the name": lambda case: Plan(
        [row(replace(case.own, name=f"{case.true.name}/{n}")) for n in range(200)]
    ),
    "other names that look alike": lambda case: case.serving(
        replace(case.other(case.stranger), name=case.true.name.upper()),
        replace(case.other(case.stranger), name=f"{case.true.name}\u200b"),
        served=case.false,
    ),
    "the genuine holder has it no more": lambda case: Plan(
        [row(replace(case.true, ttl=0))], pushes=[b"-\t%s\tbin\n" % case.true.name.removesuffix(".bin").encode()] * 20
    ),
    "an empty file": lambda case: Plan([row(record_of(case.true.name, b"", case.stranger)[0])]),
    "a record of 1.0, with another content": lambda case: Plan(
        [b"\t".join(row(case.own).split(b"\t")[:6]) + b"\n"], contents={case.true.name: case.false}
    ),
}


def false_records() -> Outcome:
    """Try each of KINDS on a document of its own; the reader fetches it by name, as a user does."""
    with place(2) as here:
        cases = [_case(here, number) for number in range(len(KINDS))]
        here.cluster.start()
        here.cluster.wait_for_documents(len(cases))
        failures, slowest = [], 0.0
        for (name, kind), case in zip(KINDS.items(), cases, strict=True):
            stranger = here.add(kind(case), *case.stranger)
            stranger.hello(here.peers[1])
            time.sleep(HEAR_SECONDS)
            start = time.monotonic()
            if (failure := _fetch(here, case)) is not None:
                failures.append(f"{name}: {failure}")
            slowest = max(slowest, time.monotonic() - start)
        faults = here.log_faults()
    figure = (
        f"{len(KINDS) - len(failures)} of {len(KINDS)} kinds, the slowest {slowest:.1f} s, {len(faults)} errors in logs"
        f"{''.join(f'; {failure}' for failure in failures)}"
    )
    is_ok = not failures and slowest <= MAX_SECONDS and not faults
    return Outcome(
        f"{len(KINDS)} kinds of false records beside one genuine holder",
        figure,
        "the genuine document or a refusal that names both, ≤ 10 s",
        is_ok,
    )


def _case(here: Place, number: int) -> Case:
    """Put a genuine document into the folder of the first peer."""
    data = random.Random(number).randbytes(SIZE)
    name = f"case{number}.bin"
    (here.cluster.peers[0].share_dir / name).write_bytes(data)
    return Case(*record_of(name, data, here.peers[0]), data, stranger_address(number))


def _fetch(here: Place, case: Case) -> str | None:
    """Fetch the document with ``p2p get``; return what is wrong with the result, or None."""
    reader, name = here.cluster.peers[1], case.true.name
    target = here.cluster.folder / f"got-{name}"
    target.mkdir()
    command = Command(
        here.cluster.folder / name, "get", name, "--output", str(target), "--state-dir", str(reader.state_dir)
    )
    code = command.wait(3 * MAX_SECONDS)
    if code == OK:
        return None if (target / name).read_bytes() == case.data else "exit 0 with another content"
    said = command.err.read_text()
    if code == AMBIGUOUS and _names_both(said, case):
        return None
    return f"exit {code}: {said.strip()[:200] or 'nothing said'}"


def _names_both(said: str, case: Case) -> bool:
    hashes = {hashlib.sha256(data).hexdigest()[:8] for data in (case.false, b"")}
    return (case.true.sha256 or "")[:8] in said and any(hash_ in said for hash_ in hashes)


ATTACKS = {"false-records": false_records}
