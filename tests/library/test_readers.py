"""The order in which files are read."""

from __future__ import annotations

from p2p_twisted.library.cache import Stamp
from p2p_twisted.library.readers import BATCH, BIG, HUGE, batches
from p2p_twisted.library.walk import Found


def test_batches() -> None:
    def found(size):
        return Found("/r", str(size), f"/r/{size}", Stamp(size, 0, 0))

    small, big, huge = batches([found(size) for size in (HUGE, BIG + 1, BIG, *range(2 * BATCH + 1, 0, -1))])
    assert [[file.stamp.size for file in batch] for batch in big] == [[BIG], [BIG + 1]]
    assert [[file.stamp.size for file in batch] for batch in huge] == [[HUGE]]
    assert [len(batch) for batch in small] == [BATCH, BATCH, 1]
    assert small[0][0].stamp.size == 1
    assert batches([]) == (small.__class__(), big.__class__(), huge.__class__())
