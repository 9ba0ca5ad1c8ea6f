"""The choice of documents: the newest, in natural order, and only those that a peer would share."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.experiment.corpus.selection import choose, natural


def test_the_newest_documents_are_chosen_by_number(tmp_path: Path) -> None:
    for name in ("rfc9.txt", "rfc10.txt", "rfc8446.txt.pdf", ".hidden", "half.txt.part", "sub/rfc791.txt", "bad\x07"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "link.txt").symlink_to(tmp_path / "rfc9.txt")
    assert [path.name for path in choose(tmp_path, 60)] == ["rfc9.txt", "rfc10.txt", "rfc8446.txt.pdf", "rfc791.txt"]
    assert [path.name for path in choose(tmp_path, 2)] == ["rfc8446.txt.pdf", "rfc791.txt"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        choose(tmp_path / "nowhere", 60)
    with pytest.raises(NotADirectoryError, match="file is not a folder"):
        choose(tmp_path / "file", 60)


@given(st.text(), st.text())
def test_any_two_names_can_be_ordered(a: str, b: str) -> None:
    assert (natural(a) < natural(b)) + (natural(b) < natural(a)) <= 1
