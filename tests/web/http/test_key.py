"""The key file: its content, its mode, and what is there already."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p2p_twisted.web.control_client import read_key
from p2p_twisted.web.http.key import load_or_create_key


def test_a_new_key_is_random_and_its_owners_alone(tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path)
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert (tmp_path / "api.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["api.key"]
    other = tmp_path / "other"
    other.mkdir()
    assert load_or_create_key(other) != key


def test_the_key_stays(tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path)
    assert load_or_create_key(tmp_path) == key == read_key(tmp_path)


def test_a_mode_that_is_too_wide_is_narrowed(tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path)
    (tmp_path / "api.key").chmod(0o644)
    assert load_or_create_key(tmp_path) == key
    assert (tmp_path / "api.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 64, b"g" * 64, b"a" * 65])
def test_an_invalid_key_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "api.key").write_bytes(content)
    assert read_key(tmp_path) is None
    assert load_or_create_key(tmp_path) == read_key(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    assert read_key(tmp_path / "none") is None
    with pytest.raises(FileNotFoundError):
        load_or_create_key(tmp_path / "none")
