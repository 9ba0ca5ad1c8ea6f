"""Audiences: who belongs to one, and which folder has which."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2p_twisted.library.audience import NOBODY, Audience, Audiences, described, narrower
from p2p_twisted.library.identity import identity

ALICE, BOTH = frozenset({"alice"}), frozenset({"alice", "bob"})


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [(None, None, None), (None, ALICE, ALICE), (ALICE, BOTH, ALICE), (ALICE, frozenset({"bob"}), NOBODY)],
)
def test_the_narrower_of_two(one: Audience, other: Audience, both: Audience) -> None:
    assert narrower(one, other) == narrower(other, one) == both


def test_for_people() -> None:
    assert [described(one) for one in (None, NOBODY, BOTH)] == ["everybody", "nobody", "alice, bob"]


def test_a_folder_keeps_its_audience_when_it_is_moved(tmp_path: Path) -> None:
    folder, moved = tmp_path / "a", tmp_path / "b"
    folder.mkdir()
    audiences = Audiences({folder: ALICE})
    folder.rename(moved)
    audiences.look()
    assert audiences.of(moved, identity(moved)) == ALICE
    assert audiences.of(folder, identity(folder)) == ALICE
    assert audiences.of(tmp_path, identity(tmp_path)) is None


def test_a_new_folder_in_the_old_place_takes_over(tmp_path: Path) -> None:
    folder, moved = tmp_path / "a", tmp_path / "b"
    folder.mkdir()
    audiences = Audiences({folder: ALICE})
    folder.rename(moved)
    folder.mkdir()
    audiences.look()
    assert audiences.of(folder, identity(folder)) == ALICE
    assert audiences.of(moved, identity(moved)) is None
