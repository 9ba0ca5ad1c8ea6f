"""Names that a download of all skips: those that mislead, and those that exclude one another."""

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.peer.downloads.skipped import skipped_names


def test_most_names_are_fetched():
    names = ["README", "notes/plan.txt", "notes/2026/plan.txt", "notes.txt"]
    assert skipped_names(dict.fromkeys(names, 1), ["other", "notes/own.txt"]) == {}


def test_names_that_mislead():
    assert skipped_names({"-rf": 9, "a": 1}, []) == {"-rf": "a part begins with -, as options of commands do"}


def test_names_below_a_file_never_stand_in_its_way():
    names = {"doc.bin": 1, "doc.bin/x": 9, "doc.bin/x/y": 9, "doc.bin.txt": 1}
    assert skipped_names(names, []) == {
        "doc.bin/x": "doc.bin is a file at others",
        "doc.bin/x/y": "doc.bin is a file at others",
    }


def test_a_file_that_is_skipped_stands_in_nobodys_way():
    assert skipped_names({"-d": 9, "docs": 9, "docs/a": 1}, ["docs/b"]).keys() == {"-d", "docs"}


def test_existing_files_exclude_conflicting_names():
    assert skipped_names({"README/x": 99, "docs": 99, "new": 1}, ["README", "docs/a"]) == {
        "README/x": "README is a file here",
        "docs": "a folder here has this name",
    }


names = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)


@given(st.dictionaries(names, st.integers(1, 3)), st.sets(names))
def test_all_that_is_left_can_be_had_together(holders, own):
    """Together with `own`, as far as those can be had together."""
    found = skipped_names(holders, own)
    left = holders.keys() - found.keys()
    assert found.keys() <= holders.keys()
    for name in left:
        assert not any(other.startswith(f"{name}/") for other in left | own)
        assert not any(name.startswith(f"{other}/") for other in left | own)


@given(st.dictionaries(names, st.integers(1, 3)))
def test_of_conflicting_names_one_is_kept(holders):
    assert not holders or holders.keys() - skipped_names(holders, []).keys()
