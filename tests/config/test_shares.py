"""Shares as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2p_twisted.config.shares import Share, members, parse_readers, parse_share


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b:c", "d", "d:alice", "e:f", "e:f:bob.txt"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "folder", "readers"),
    [
        ("a", "a", None),
        ("a:alice", "a", ("alice",)),
        ("a:alice,@readers", "a", ("alice", "@readers")),
        ("a/:alice, bob", "a", ("alice", "bob")),
        ("./a:alice", "a", ("alice",)),
        ("b:c", "b:c", None),
        ("b:c:alice", "b:c", ("alice",)),
        ("d:alice/", "d:alice", None),
        ("d:alice:bob", "d:alice", ("bob",)),
        ("e:f", "e:f", None),
        ("e:f:bob.txt/", "e:f:bob.txt", None),
        ("missing", "missing", None),
        ("missing:alice", "missing:alice", None),
        ("a:al ice", "a:al ice", None),
        ("a:alice/x", "a:alice/x", None),
        ("a:@", "a:@", None),
        ("a:@@x", "a:@@x", None),
        ("a:alice,,bob", "a:alice,,bob", None),
        ("C:\\docs", "C:\\docs", None),
        ("C:docs", "C:docs", None),
    ],
)
def test_a_folder_and_its_readers(base: Path, text: str, folder: str, readers: tuple[str, ...] | None) -> None:
    """A text that is no private share is a folder, and one that is not there ends the start."""
    assert parse_share(text) == Share(base / folder, readers)


@pytest.mark.parametrize("text", ["d:alice", "e:f:bob.txt"])
def test_a_text_that_means_two_things(base: Path, text: str) -> None:
    with pytest.raises(ValueError, match=f"write {text}/ for the folder"):
        parse_share(text)


@pytest.mark.parametrize("text", ["a:", "a: ", "a:,"])
def test_a_folder_for_nobody(base: Path, text: str) -> None:
    with pytest.raises(ValueError, match="names of peers behind the colon"):
        parse_share(text)


@pytest.mark.parametrize("share", [Share(Path("/a")), Share(Path("/a"), ("alice", "@readers"))])
def test_as_text(share: Share) -> None:
    assert str(share) == ("/a" if share.readers is None else "/a:alice,@readers")


def test_readers() -> None:
    assert parse_readers("alice, @readers") == ("alice", "@readers")
    for text in ("", "al ice", "alice,", "@", "a/b"):
        with pytest.raises(ValueError, match="names of peers"):
            parse_readers(text)


def test_members_of_groups() -> None:
    groups = {"readers": frozenset({"bob", "carol"})}
    assert members(["alice", "@readers"], groups) == {"alice", "bob", "carol"}
    assert members(["readers"], groups) == {"readers"}
    with pytest.raises(ValueError, match="no group writers"):
        members(["@writers"], groups)
