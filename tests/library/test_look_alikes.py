"""Names that only some file systems tell apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.library.look_alikes import look_alikes
from p2p_twisted.library.paths import same_elsewhere
from p2p_twisted.peer.downloads.skipped import skipped_names

WHY = "it differs only in case or Unicode form from"


def test_the_one_that_more_holders_have_is_kept() -> None:
    assert look_alikes({"README": 2, "readme": 1, "ReadMe": 1, "other": 1}, []) == {
        "readme": f"{WHY} README, which is fetched",
        "ReadMe": f"{WHY} README, which is fetched",
    }


def test_the_one_that_is_here_is_kept() -> None:
    assert look_alikes({"README": 9}, ["readme", "plan"]) == {"README": f"{WHY} readme, which is here"}


def test_normal_forms() -> None:
    assert list(look_alikes({"\xe9t\xe9": 2, "e\u0301te\u0301": 1}, [])) == ["e\u0301te\u0301"]


def test_a_name_that_is_skipped_anyway_keeps_no_other_out() -> None:
    assert skipped_names({"CON/x": 9, "con/X": 1, "x": 1}, []).keys() == {"CON/x", "con/X"}
    assert "device" in skipped_names({"CON/x": 9, "con/X": 1}, [])["con/X"]


@given(st.dictionaries(st.text("aAbB\xe4\xc4\u0308", min_size=1), st.integers(1, 3)), st.sets(st.text("aAbB")))
def test_one_of_each_group_is_kept(holders: dict[str, int], own: set[str]) -> None:
    holders = {name: number for name, number in holders.items() if name not in own}
    left = [same_elsewhere(name) for name in holders.keys() - look_alikes(holders, own).keys()]
    assert len(left) == len(set(left))
    assert set(left) | set(map(same_elsewhere, own)) == set(map(same_elsewhere, [*holders, *own]))
