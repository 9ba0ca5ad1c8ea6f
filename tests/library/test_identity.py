"""Folders told apart by identity, whatever their paths."""

from __future__ import annotations

from pathlib import Path

from p2p_twisted.library.identity import is_within


def test_paths_within_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "share"
    (root / "state" / "x").mkdir(parents=True)
    link = root.with_name("link")
    link.symlink_to(root / "state")
    for path in (root / "state", root / "state" / "x", link, link / "x", root / "state" / "x" / ".." / "x"):
        assert is_within(path, root / "state")
        assert is_within(path, link)
    for path in (root, root / "other", root / "state2", root / "nowhere"):
        assert not is_within(path, root / "state")
    assert not is_within(root, root / "nowhere")
