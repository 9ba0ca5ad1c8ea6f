"""The bounds: the figures that were worked out by hand, the formulas for equal peers, and what must hold for all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.experiment import bounds
from p2p_twisted.experiment.links import Links

MBIT = 1e6 / 8
LINKS = Links(20 * MBIT, 100 * MBIT)
RFCS = 2_479_187
MIB_32 = 32 * 2**20

rates = st.floats(1e4, 1e9)
sizes = st.integers(1, 10**9)


def one_source(downloaders: int) -> list[str]:
    return [f"peer{number}" for number in range(2, 2 + downloaders)]


def fluid_from_one(size: int, downloaders: int, links: Links) -> float:
    wanted = dict.fromkeys(one_source(downloaders), ("file",))
    return bounds.fluid(wanted, {"peer1": ("file",)}, {"file": size}, links)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (bounds.one_by_one([(role, "peer1", RFCS) for role in one_source(5)], LINKS), 4.96),
        (fluid_from_one(RFCS, 5, LINKS), 0.99),
        (fluid_from_one(MIB_32, 8, LINKS), 13.4),
        (fluid_from_one(MIB_32, 16, LINKS), 13.4),
    ],
)
def test_the_figures(seconds: float, expected: float):
    assert seconds == pytest.approx(expected, rel=0.005)


@given(st.integers(1, 40), sizes, rates, rates)
def test_one_source_and_each_for_itself_is_client_server(downloaders: int, size: int, up: float, down: float):
    transfers = [(role, "peer1", size) for role in one_source(downloaders)]
    expected = max(downloaders * size / up, size / down)
    assert bounds.one_by_one(transfers, Links(up, down)) == pytest.approx(expected)


@given(st.integers(2, 12), st.integers(1, 10**7), rates)
def test_the_best_case_of_task_2(peers: int, share: int, up: float):
    roles = [f"peer{number}" for number in range(1, peers + 1)]
    transfers = [(asker, holder, share) for asker in roles for holder in roles if asker != holder]
    expected = (peers - 1) * (share * peers) / (peers * up)
    assert bounds.one_by_one(transfers, Links(up, 10 * up)) == pytest.approx(expected)


@given(st.integers(1, 40), sizes, rates, rates)
def test_one_source_and_all_for_all_is_kumar_and_ross(downloaders: int, size: int, up: float, down: float):
    expected = max(size / up, size / down, downloaders * size / (up * (1 + downloaders)))
    assert fluid_from_one(size, downloaders, Links(up, down)) == pytest.approx(expected)


@given(st.integers(1, 12), sizes, rates, rates)
def test_a_swarm_is_never_slower_than_one_source(downloaders: int, size: int, up: float, down: float):
    links = Links(up, down)
    alone = bounds.one_by_one([(role, "peer1", size) for role in one_source(downloaders)], links)
    assert fluid_from_one(size, downloaders, links) <= alone * 1.000001


def test_what_everybody_has_need_not_leave_anybody():
    held = {"peer1": ["a", "b"], "peer2": ["a"], "peer3": []}
    links = Links(up=10, down=1000)
    assert bounds.fluid({"peer3": ["a"]}, held, {"a": 300, "b": 5000}, links) == pytest.approx(300 / 30)
    assert bounds.fluid({"peer3": ["a", "b"]}, held, {"a": 300, "b": 5000}, links) == pytest.approx(5000 / 10)


def test_a_slow_peer_holds_up_who_waits_for_it():
    slow = Links(up=10, down=100, slow={"peer2": 1})
    assert (slow.up_of("peer2"), slow.down_of("peer2"), slow.up_of("peer1"), slow.down_of("peer1")) == (1, 1, 10, 100)
    assert bounds.one_by_one([("peer1", "peer2", 50)], slow) == 50
    assert bounds.one_by_one([("peer2", "peer1", 50)], slow) == 50
    assert fluid_from_one(50, 2, slow) == 50
    assert Links(10, 100, {"peer2": 50}).up_of("peer2") == 10


def test_pieces_cost_what_the_first_of_them_takes_to_reach_all():
    assert bounds.in_pieces(1000, downloaders=1, pieces=4, up=10) == 100
    assert bounds.in_pieces(1000, downloaders=8, pieces=4, up=10) == pytest.approx(175)
    assert bounds.in_pieces(1000, downloaders=8, pieces=4000, up=10) == pytest.approx(100, rel=0.001)


def test_nothing_takes_no_time():
    assert bounds.one_by_one([], LINKS) == 0
