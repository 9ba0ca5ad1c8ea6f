"""Names and paths: what is not shared, and that no way leads out of a shared folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.library import beneath
from p2p_twisted.library.paths import is_safe, name_of, open_beneath, safe_name
from p2p_twisted.wire.limits import MAX_NAME

BAD = [
    "", ".", "..", "/", "/etc/passwd", "a//b", "a/", "../a", "a/../b", "a/./b", ".hidden", "a/.git/config",
    "x.part", "folder.part/x", "a\\b", "a\nb", "a\tb", "a\0b", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b",
    "\udcff", "a" * (MAX_NAME + 1), "é" * (MAX_NAME // 2 + 1),
]  # fmt: skip
GOOD = [
    "a",
    "a.txt",
    "rfc8446.txt.pdf",
    "Ein Ordner/mit ä/日本.pdf",
    "a..b",
    "a.",
    "part",
    "x.part.txt",
    "a" * MAX_NAME,
]


@pytest.mark.parametrize("name", BAD)
def test_refused(name) -> None:
    with pytest.raises(ValueError):
        safe_name(name)
    assert not is_safe(name)


@pytest.mark.parametrize("name", GOOD)
def test_allowed(name) -> None:
    assert "/".join(safe_name(name)) == name


@given(st.text(st.sampled_from("./\\a\0"), max_size=12))
def test_a_safe_name_stays_below_any_folder(name) -> None:
    if is_safe(name):
        inside = os.path.normpath(f"/root/{name}")
        assert inside == f"/root/{name}"


def test_name_of() -> None:
    root = Path("/share")
    assert name_of(root, root / "sub" / "a.txt") == "sub/a.txt"
    assert name_of(root, Path("/elsewhere/a.txt")) is None
    assert name_of(root, root) is None
    assert name_of(root, root / ".hidden") is None
    assert name_of(root, root / ".." / "a.txt") is None


@pytest.fixture(params=["step by step", "checked"])
def opened(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """`open_beneath` for text, by both ways of opening."""
    if request.param == "checked":
        monkeypatch.setattr(beneath, "STEPWISE", False)
    elif not beneath.STEPWISE:
        pytest.skip("this system cannot open relative to a folder")

    def read(root, name):
        with os.fdopen(open_beneath(root, name)) as file:
            return file.read()

    return read


@pytest.fixture
def share(tmp_path: Path):
    """A shared folder, a link to it, and a secret beside it."""
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "share"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / "sub" / "b.txt").write_text("b")
    return root


def test_opens_what_is_there(opened, share) -> None:
    assert opened(share, "a.txt") == "a"
    assert opened(share, "sub/b.txt") == "b"


def test_the_shared_folder_may_be_a_link(opened, share) -> None:
    link = share.parent / "link"
    link.symlink_to(share)
    assert opened(link, "sub/b.txt") == "b"


def test_missing_files(opened, share) -> None:
    for name in ("c.txt", "sub", "a.txt/x", "no/b.txt"):
        with pytest.raises(FileNotFoundError):
            opened(share, name)
    with pytest.raises(FileNotFoundError):
        opened(share / "nowhere", "a.txt")


def test_no_link_is_followed(opened, share) -> None:
    (share / "file").symlink_to(share.parent / "secret")
    (share / "inner").symlink_to("a.txt")
    (share / "folder").symlink_to(share.parent)
    for name in ("file", "inner", "folder/secret"):
        with pytest.raises(FileNotFoundError):
            opened(share, name)


def test_a_folder_that_became_a_link(opened, share) -> None:
    outside = share.parent / "outside"
    (share / "sub").rename(outside)
    (share / "sub").symlink_to(outside)
    with pytest.raises(FileNotFoundError):
        opened(share, "sub/b.txt")


def test_unsafe_names_are_not_even_tried(opened, share) -> None:
    with pytest.raises(ValueError):
        opened(share, "../secret")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_neither_blocks_nor_opens(opened, share) -> None:
    os.mkfifo(share / "pipe")
    with pytest.raises(FileNotFoundError):
        opened(share, "pipe")


def test_no_descriptor_left_is_another_matter(share, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_descriptors(*_, **__) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", out_of_descriptors)
    with pytest.raises(OSError, match="Too many") as caught:
        open_beneath(share, "a.txt")
    assert not isinstance(caught.value, FileNotFoundError)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list descriptors")
def test_no_descriptor_leaks(opened, share) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("sub/b.txt", "sub", "sub/none", "none/b.txt"):
        try:
            opened(share, name)
        except FileNotFoundError:
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
