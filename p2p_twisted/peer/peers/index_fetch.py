"""Fetch the index of another peer once: its records, with the address under which the peer is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ...index.distributed import MAX_RECORDS_OF_HOLDER
from ...wire.address import Address
from ...wire.errors import BadRequest
from ...wire.records import IndexRecord, parse_record
from .index_subscription import lines_of

BATCH = 2_000
"""Records parsed in one turn of the reactor."""

_log = Logger()


def parse_index(body: bytes) -> Iterator[IndexRecord | None]:
    """Yield the records of an answer to GET INDEX, None for each line that is not one."""
    for line in lines_of(body):
        try:
            yield parse_record(line)
        except BadRequest:
            yield None


async def records_of(clock: IReactorTime, body: bytes, reached: Address, known_as: Address) -> list[IndexRecord]:
    """Parse `body`, the answer of the peer known as `known_as` and reached at `reached`, in turns of the reactor.

    Its own records get the address under which it is known.
    """
    records = []
    bad = 0
    for count, record in enumerate(islice(parse_index(body), MAX_RECORDS_OF_HOLDER), 1):
        if record is None:
            bad += 1
        else:
            records.append(record)
        if count % BATCH == 0:
            await deferLater(clock, 0)
    if bad:
        _log.info("{peer} sent {bad} lines that are not records", peer=known_as, bad=bad)
    return list(_readdress(records, reached, known_as))


def _readdress(records: Iterable[IndexRecord], old: Address, new: Address) -> Iterator[IndexRecord]:
    for record in records:
        if (record.host, record.port) == old != new:
            yield replace(record, host=new[0], port=new[1])
        else:
            yield record
