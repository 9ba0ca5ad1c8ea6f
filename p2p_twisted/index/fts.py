"""Searches in tables of SQLite's FTS5: from terms to its language, and from what it finds to weights."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..wire.search import MAX_WEIGHT
from ..wire.search_terms import Term

TOKENIZER = "tokenize = 'unicode61 remove_diacritics 2'"
MIN_PREFIX = 2
"""Characters that the beginning of a word has at least."""
MAX_COUNTED = 10_000
"""Documents with a term that are counted."""
MAX_RANKED = 500
"""Documents that are compared; of more, the first that were added."""
TIMEOUT = 1.0
"""Seconds that a search may take."""
STEPS = 1_000
"""Steps of SQLite between two looks at the clock."""


def expression(term: Term, columns: Mapping[str | None, str]) -> str | None:
    """Return `term` in the language of FTS5; `columns` says where each field is. None: the table has no such field."""
    where = columns.get(term.field)
    if where is None:
        return None
    is_prefix = term.is_prefix and len(term.text) >= MIN_PREFIX
    return f'{{{where}}} : "{term.text}"{" *" if is_prefix else ""}'


def expressions(terms: Iterable[Term], columns: Mapping[str | None, str]) -> list[str]:
    """Return each of `terms` in the language of FTS5; none at all if the table lacks the field of one."""
    found = [expression(term, columns) for term in terms]
    return [one for one in found if one is not None] if None not in found else []


@contextmanager
def limited(db: sqlite3.Connection) -> Iterator[None]:
    """Let what is done with `db` meanwhile fail with sqlite3.OperationalError after TIMEOUT seconds."""
    deadline = time.monotonic() + TIMEOUT
    db.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
    try:
        yield
    finally:
        db.set_progress_handler(None, 0)


def ranked(
    db: sqlite3.Connection, table: str, parts: Sequence[str], weights: str, most: int = MAX_RANKED
) -> list[tuple[int, int]]:
    """Return the rowid and the weight (0 to MAX_WEIGHT) of rows of `table` that match all of `parts`, the best first.

    `weights` are those of the columns. At most `most` rows are compared.
    """
    query = f"SELECT rowid, -bm25({table}, {weights}) FROM {table} WHERE {table} MATCH ? LIMIT ?"
    rows = db.execute(query, (" AND ".join(parts), most)).fetchall()
    if not rows:
        return []
    total = max(_total(db, table), 1)
    rarity = sum(_rarity(total, _count(db, table, part)) for part in parts)
    found = [(rowid, min(round(1000 * score / rarity), MAX_WEIGHT)) for rowid, score in rows]
    return sorted(found, key=lambda row: -row[1])


def _total(db: sqlite3.Connection, table: str) -> int:
    (total,) = db.execute(f"SELECT count(*) FROM {table}_docsize").fetchone()
    return int(total)


def _count(db: sqlite3.Connection, table: str, part: str) -> int:
    query = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {table} MATCH ? LIMIT ?)"
    (count,) = db.execute(query, (part, MAX_COUNTED)).fetchone()
    return int(count)


def _rarity(total: int, count: int) -> float:
    """Return the rarity of a term as FTS5 computes it."""
    return max(math.log((total - count + 0.5) / (count + 0.5)) if total > count else 0.0, 1e-6)
