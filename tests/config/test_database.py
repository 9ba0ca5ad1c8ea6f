"""SQLite files that are checked when they are opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2p_twisted.config.database import DAMAGE, open_database

SCHEMA = "CREATE TABLE words (word TEXT); PRAGMA user_version = 3;"


def test_it_is_made_private_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "words.sqlite"
    db = open_database(path, SCHEMA, 3, ("max_page_count = 100",))
    with db:
        db.execute("INSERT INTO words VALUES ('peer')")
    settings = ("max_page_count", "journal_mode", "synchronous")
    assert [db.execute(f"PRAGMA {name}").fetchone()[0] for name in settings] == [100, "wal", 1]
    db.close()
    assert path.stat().st_mode & 0o777 == 0o600
    again = open_database(path, SCHEMA, 3)
    assert again.execute("SELECT word FROM words").fetchall() == [("peer",)]
    again.close()


def test_another_format_and_damage_are_told(tmp_path: Path) -> None:
    open_database(tmp_path / "old", SCHEMA, 3).close()
    with pytest.raises(ValueError, match="it has another format"):
        open_database(tmp_path / "old", SCHEMA, 4)
    (tmp_path / "damaged").write_bytes(b"not a database" * 1000)
    with pytest.raises(DAMAGE):
        open_database(tmp_path / "damaged", SCHEMA, 3)
