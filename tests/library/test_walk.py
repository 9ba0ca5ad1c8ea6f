"""The walk through real folders: names of the files found, and files left out, listed or not."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from p2p_twisted.config.folders import STATE_MARK
from p2p_twisted.library import identity as identities
from p2p_twisted.library import walk as module
from p2p_twisted.library.audience import Audience, Audiences
from p2p_twisted.library.unshared import MAX_LISTED
from p2p_twisted.library.walk import Walk


@pytest.fixture
def root(tmp_path: Path):
    root = tmp_path / "share"
    root.mkdir()
    return root


def write(path, data=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names(*roots, excluded=()):
    walk = Walk(roots, excluded)
    return sorted(found.name for found in walk.files()), walk


def paths(*roots, excluded=()):
    return sorted(found.path for found in Walk(roots, excluded).files())


def test_takes_what_may_be_shared(root) -> None:
    for name in ("a.txt", "sub/b.txt", "sub/deeper/c", ".hidden", ".git/config", "half.part", "sub/half.part", "a\nb"):
        write(root / name)
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to("a.txt")
    (root / "loop").symlink_to(".")
    (root / "etc").symlink_to("/etc")
    found, walk = names(root)
    assert found == ["a.txt", "sub/b.txt", "sub/deeper/c"]
    assert sorted(walk.folders) == [str(root), f"{root}/sub", f"{root}/sub/deeper"]
    assert walk.failures.total == 0


def test_tells_of_what_is_not_shared(root) -> None:
    for name in (".hidden", "half.part", ".git/config", "part.part/x", "a\\b", "bad\n/x"):
        write(root / name)
    Path(os.fsdecode(os.fsencode(root) + b"/\xff")).touch()
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to("/etc/passwd")
    (root / ".link").symlink_to("/etc/passwd")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "socket"))
    found, walk = names(root)
    reasons = {os.path.relpath(path, root): why for path, why in walk.refused.items.items()}
    assert found == []
    assert reasons == {
        "a\\b": "a name has no control characters and no backslashes",
        "bad\n": "a name has no control characters and no backslashes",
        "\udcff": "its name is not UTF-8",
        "pipe": "is not a regular file",
        "socket": "is not a regular file",
        "link": "is a link; links are not followed",
    }


def test_an_unreadable_entry_does_not_affect_others(root, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        write(root / name)
    lstat = os.lstat

    def looking(path):
        if path.endswith("/b"):
            raise OSError(5, "Input/output error")
        return lstat(path)

    monkeypatch.setattr(os, "lstat", looking)
    found, walk = names(root)
    assert found == ["a", "c"]
    assert walk.failures.items == {f"{root}/b": "Input/output error"}


def test_tells_of_a_folder_that_is_missing(root) -> None:
    found, walk = names(root / "nowhere")
    assert (found, walk.folders) == ([], {})
    assert walk.failures.items == {f"{root}/nowhere": "No such file or directory"}


def test_a_million_links_are_counted_and_not_kept(root) -> None:
    for i in range(MAX_LISTED + 7):
        (root / str(i)).symlink_to("x")
    refused = names(root)[1].refused
    assert (refused.total, len(refused.items)) == (MAX_LISTED + 7, MAX_LISTED)
    assert list(refused.lines())[-1] == "7 more"


def test_a_shared_folder_in_another_has_its_files_alone(root) -> None:
    write(root / "a.txt")
    write(root / "new" / "b.txt")
    write(root / "new" / "deeper" / "c.txt")
    for roots in ([root, root / "new"], [root / "new", root]):
        assert names(*roots)[0] == ["a.txt", "b.txt", "deeper/c.txt"]
    assert names(root, root / "new", root / "new" / "deeper")[0] == ["a.txt", "b.txt", "c.txt"]


def test_one_folder_named_twice_is_walked_once(root) -> None:
    write(root / "a.txt")
    link = root.with_name("link")
    link.symlink_to(root)
    assert paths(root, link) == [f"{root}/a.txt"]


def test_a_folder_reached_twice_has_one_name(root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounts: `b` is `a` again, and `a/loop` is the shared folder itself."""
    for name in ("a/x", "b/x", "a/loop/a/x"):
        write(root / name)
    same = {f"{root}/b": f"{root}/a", f"{root}/a/loop": str(root)}
    lstat = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: lstat(same.get(path) or path))
    assert len(names(root)[0]) == 1


def test_folders_without_a_number_are_all_walked_through(root, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/x", "b/x"):
        write(root / name)
    monkeypatch.setattr(module, "identity_of", lambda status: None)
    assert names(root)[0] == ["a/x", "b/x"]


def test_a_private_folder_is_never_entered(root) -> None:
    write(root / "state" / "api.key")
    write(root / "state" / "downloads" / "a.txt")
    write(root / "b.txt")
    found, walk = names(root, excluded=[root / "state"])
    assert found == ["b.txt"]
    assert walk.refused.items == {f"{root}/state": "holds the state of a peer or an RS"}
    assert f"{root}/state" not in walk.folders
    assert names(root, root / "state" / "downloads", excluded=[root / "state"])[0] == ["a.txt", "b.txt"]
    assert names(root / "state", excluded=[root / "state"])[0] == []


def test_the_state_of_another_process_is_never_entered(root) -> None:
    write(root / "rs" / "registry.sqlite")
    write(root / "rs" / STATE_MARK)
    write(root / "a.txt")
    found, walk = names(root)
    assert found == ["a.txt"]
    assert list(walk.refused.items) == [f"{root}/rs"]


def test_a_private_folder_that_was_renamed_or_linked_to_is_still_private(root) -> None:
    write(root / "state" / "api.key")
    link = root.with_name("link")
    link.symlink_to(root / "state")
    assert names(root, excluded=[link])[0] == []
    assert names(link, excluded=[root / "state"])[0] == []


def audiences_of(*roots: Path, **private: frozenset[str]) -> dict[str, Audience]:
    """Who may know of each file in the folders `roots`; `private` has the audiences of some, by the folders' names."""
    audiences = Audiences({root: private[root.name] for root in roots if root.name in private})
    return {
        os.path.relpath(found.path, roots[0].parent): found.audience for found in Walk(roots, (), audiences).files()
    }


def test_the_innermost_folder_decides_who_may_know_of_a_file(root) -> None:
    for name in ("a", "x/b", "x/y/c", "x/y/z/d"):
        write(root / name)
    folders = root, root / "x", root / "x" / "y", root / "x" / "y" / "z"
    found = audiences_of(*folders, x=frozenset({"alice"}), z=frozenset({"bob"}))
    assert found == {
        "share/a": None,
        "share/x/b": frozenset({"alice"}),
        "share/x/y/c": None,
        "share/x/y/z/d": frozenset({"bob"}),
    }


def test_a_private_folder_without_a_number_is_not_walked_through_with_the_one_around_it(
    root, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / "x" / "a")
    for one in (module, identities):
        monkeypatch.setattr(one, "identity_of", lambda status: None)
    assert audiences_of(root, root / "x", x=frozenset({"alice"})) == {"share/x/a": frozenset({"alice"})}


def test_a_private_folder_that_moves_into_a_public_one_is_not_shared(root) -> None:
    private = root.with_name("private")
    write(private / "a")
    audiences = Audiences({private: frozenset({"alice"})})
    private.rename(root / "moved")
    walk = Walk([root, private], (), audiences)
    assert list(walk.files()) == []
    assert walk.refused.items == {f"{root}/moved": "was a private share; share it anew under its new name"}


@pytest.mark.parametrize("order", [1, -1])
def test_a_folder_that_is_shared_twice_has_the_narrower_audience(root, order) -> None:
    write(root / "a")
    link = root.with_name("link")
    link.symlink_to(root)
    audiences = Audiences({link: frozenset({"alice", "bob"})})
    audiences.add(root, frozenset({"bob", "carol"}))
    found = list(Walk([root, root][::order], (), audiences).files())
    assert [file.audience for file in found] == [frozenset({"bob"})]


@pytest.mark.parametrize("order", [1, -1])
def test_a_private_file_stays_private_under_a_second_name_outside(root, order) -> None:
    private = root.with_name("private")
    os.link(write(private / "secret"), root / "report")
    os.link(write(root / "twice"), root / "again")
    found = audiences_of(*[root, private][::order], private=frozenset({"alice"}))
    assert found == {
        "private/secret": frozenset({"alice"}),
        "share/report": frozenset({"alice"}),
        "share/twice": None,
        "share/again": None,
    }


def test_a_folder_mounted_elsewhere_too_stays_private(root, monkeypatch: pytest.MonkeyPatch) -> None:
    private = root.with_name("private")
    write(private / "sub" / "secret")
    write(root / "mounted" / "secret")
    lstat = os.lstat
    same = {f"{root}/mounted": f"{private}/sub"}
    monkeypatch.setattr(os, "lstat", lambda path: lstat(same.get(path) or path))
    found = audiences_of(root, private, private=frozenset({"alice"}))
    assert found == {"private/sub/secret": frozenset({"alice"})}


def test_a_folder_that_is_swapped_for_a_link_during_the_walk_is_not_entered(root, monkeypatch) -> None:
    """Between the look at its entry in the folder above and the listing of its own."""
    write(root / "sub/a.txt")
    write(root.parent / "outside/secret.txt")
    lstat = os.lstat

    def swap(path):
        status = lstat(path)
        if path == f"{root}/sub" and not stat.S_ISLNK(status.st_mode):
            (root / "sub").rename(root.parent / "moved")
            (root / "sub").symlink_to(root.parent / "outside")
        return status

    monkeypatch.setattr(os, "lstat", swap)
    found, walk = names(root)
    assert found == []
    assert list(walk.failures.items.values()) == ["was replaced while it was being looked at"]
