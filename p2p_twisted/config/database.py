"""SQLite files that may be lost: each is checked when it is opened, and made anew by its owner if it is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from .folders import make_database_private

DAMAGE = (sqlite3.Error, OSError, ValueError, TypeError)
"""Errors of a file that is damaged: a value of another type may come out of it."""


def open_database(
    path: Path, schema: str, version: int, pragmas: Iterable[str] = (), any_thread: bool = False
) -> sqlite3.Connection:
    """Open the file, private to its owner; make it with `schema`, which sets `user_version`, if it is empty.

    `pragmas` are set as well. Raises one of DAMAGE if it is damaged, or of another `version`.
    """
    make_database_private(path)
    db = sqlite3.connect(path, check_same_thread=not any_thread)
    try:
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            make_tables(db, schema)
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", *pragmas):
            db.execute(f"PRAGMA {pragma}")
        if db.execute("PRAGMA user_version").fetchone() != (version,):
            raise ValueError("it has another format")
        (state,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise ValueError(state)
    except DAMAGE:
        db.close()
        raise
    return db


def make_tables(db: sqlite3.Connection, schema: str) -> None:
    """Execute `schema` without waiting for the disk: a file that is cut short here had nothing to lose.

    Afterwards set ``journal_mode`` and ``synchronous``.
    """
    db.execute("PRAGMA journal_mode = MEMORY")
    db.execute("PRAGMA synchronous = OFF")
    db.executescript(f"BEGIN; {schema}; COMMIT")
