"""The bounds: the figures that were worked out by hand, the formulas for equal peers, and what must hold for all."""

from dataclasses import replace
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p_twisted.experiment.plan import bounds
from p2p_twisted.experiment.plan.faults import NO_FAULTS, Faults, Kill
from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.plan.orders import Plan
from tests.support.made_results import plan_of

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
def test_the_figures(seconds: float, expected: float) -> None:
    assert seconds == pytest.approx(expected, rel=0.005)


@given(st.integers(1, 40), sizes, rates, rates)
def test_one_source_without_sharing_is_client_server(downloaders: int, size: int, up: float, down: float) -> None:
    transfers = [(role, "peer1", size) for role in one_source(downloaders)]
    expected = max(downloaders * size / up, size / down)
    assert bounds.one_by_one(transfers, Links(up, down)) == pytest.approx(expected)


@given(st.integers(2, 12), st.integers(1, 10**7), rates)
def test_the_best_case_of_task_2(peers: int, share: int, up: float) -> None:
    roles = [f"peer{number}" for number in range(1, peers + 1)]
    transfers = [(downloader, holder, share) for downloader in roles for holder in roles if downloader != holder]
    expected = (peers - 1) * (share * peers) / (peers * up)
    assert bounds.one_by_one(transfers, Links(up, 10 * up)) == pytest.approx(expected)


@given(st.integers(1, 40), sizes, rates, rates)
def test_one_source_with_sharing_is_kumar_and_ross(downloaders: int, size: int, up: float, down: float) -> None:
    expected = max(size / up, size / down, downloaders * size / (up * (1 + downloaders)))
    assert fluid_from_one(size, downloaders, Links(up, down)) == pytest.approx(expected)


@given(st.integers(1, 12), sizes, rates, rates)
def test_a_swarm_is_never_slower_than_one_source(downloaders: int, size: int, up: float, down: float) -> None:
    links = Links(up, down)
    alone = bounds.one_by_one([(role, "peer1", size) for role in one_source(downloaders)], links)
    assert fluid_from_one(size, downloaders, links) <= alone * 1.000001


def test_documents_that_all_have_need_no_upload() -> None:
    held = {"peer1": ["a", "b"], "peer2": ["a"], "peer3": []}
    links = Links(up=10, down=1000)
    assert bounds.fluid({"peer3": ["a"]}, held, {"a": 300, "b": 5000}, links) == pytest.approx(300 / 30)
    assert bounds.fluid({"peer3": ["a", "b"]}, held, {"a": 300, "b": 5000}, links) == pytest.approx(5000 / 10)


def test_a_slow_peer_delays_its_downloaders() -> None:
    slow = Links(up=10, down=100, slow={"peer2": 1})
    assert (slow.up_of("peer2"), slow.down_of("peer2"), slow.up_of("peer1"), slow.down_of("peer1")) == (1, 1, 10, 100)
    assert bounds.one_by_one([("peer1", "peer2", 50)], slow) == 50
    assert bounds.one_by_one([("peer2", "peer1", 50)], slow) == 50
    assert fluid_from_one(50, 2, slow) == 50
    assert Links(10, 100, {"peer2": 50}).up_of("peer2") == 10


ROLES = ("peer1", "peer2", "peer3")
speeds = st.integers(1, 3)


def every_link(ups: list[int], downs: list[int]) -> Links:
    """Links on which each of ROLES has its own rates."""

    class Each(Links):
        def up_of(self, role: str) -> float:
            return ups[ROLES.index(role)]

        def down_of(self, role: str) -> float:
            return downs[ROLES.index(role)]

    return Each(max(ups), max(downs))


links_of_three = st.builds(
    every_link, st.lists(speeds, min_size=3, max_size=3), st.lists(speeds, min_size=3, max_size=3)
)
hands = st.lists(st.sets(st.sampled_from("abc")), min_size=3, max_size=3)


@given(hands.filter(lambda held: set().union(*held) == set("abc")), links_of_three)
@settings(max_examples=60, deadline=None)
def test_no_schedule_of_pieces_is_faster_than_the_bound_of_a_swarm(held: list[set[str]], links: Links) -> None:
    """All ways to pass three documents of one byte on between three peers, one second after the other."""
    holdings = dict(zip(ROLES, held, strict=True))
    wanted = {role: set("abc") - names for role, names in holdings.items()}
    least = bounds.fluid(wanted, holdings, dict.fromkeys("abc", 1), links)
    assert least <= fewest_seconds(tuple(frozenset(names) for names in held), links) + 1e-9


def fewest_seconds(state: tuple[frozenset[str], ...], links: Links) -> int:
    """Search, second by second, for the first at whose end everybody has everything."""
    states, seconds = {state}, 0
    while all(any(len(names) < 3 for names in one) for one in states):
        states, seconds = {after for one in states for after in next_states(one, links)}, seconds + 1
    return seconds


def next_states(state: tuple[frozenset[str], ...], links: Links) -> set[tuple[frozenset[str], ...]]:
    """Return what may be one second later: each sends and receives as many documents as its links carry, or fewer."""
    moves = [
        (sender, receiver, name)
        for sender, receiver in permutations(range(3), 2)
        for name in sorted(state[sender] - state[receiver])
    ]
    found = {state}
    stack = [(state, 0, tuple(links.up_of(role) for role in ROLES), tuple(links.down_of(role) for role in ROLES))]
    while stack:
        now, place, up, down = stack.pop()
        found.add(now)
        for later in range(place, len(moves)):
            sender, receiver, name = moves[later]
            if up[sender] and down[receiver] and name not in now[receiver]:
                after = tuple(names | {name} if peer == receiver else names for peer, names in enumerate(now))
                less_up = tuple(rate - (peer == sender) for peer, rate in enumerate(up))
                less_down = tuple(rate - (peer == receiver) for peer, rate in enumerate(down))
                stack.append((after, later + 1, less_up, less_down))
    return found


transfers_of_three = st.lists(
    st.tuples(st.sampled_from(ROLES), st.sampled_from(ROLES), st.integers(1, 9)).filter(lambda one: one[0] != one[1]),
    max_size=6,
)


@given(transfers_of_three, links_of_three, st.randoms(use_true_random=False))
def test_no_order_of_transfers_is_faster_than_the_bound_of_one_at_a_time(
    transfers: list[tuple[str, str, int]], links: Links, random: Random
) -> None:
    """Transfers in any order, each downloader with one at a time, uplinks shared in any way."""
    random.shuffle(transfers)
    left: list[list[Any]] = [[downloader, holder, float(size)] for downloader, holder, size in transfers]
    seconds = 0.0
    while left:
        active = {downloader: one for one in reversed(left) for downloader in [one[0]]}.values()
        weights = {id(one): random.uniform(0.1, 1) for one in active}
        together = {role: sum(weights[id(one)] for one in active if one[1] == role) for role in ROLES}
        rates = {
            id(one): min(links.down_of(one[0]), links.up_of(one[1]) * weights[id(one)] / together[one[1]])
            for one in active
        }
        step = min(one[2] / rates[id(one)] for one in active)
        for one in active:
            one[2] -= step * rates[id(one)]
        left = [one for one in left if one[2] > 1e-9]
        seconds += step
    assert bounds.one_by_one(transfers, links) <= seconds + 1e-6


@given(
    st.sampled_from(["task1", "task2-best", "task2-worst", "swarm", "central"]),
    st.integers(2, 6),
    st.dictionaries(st.sampled_from([f"peer{number}" for number in range(1, 7)]), st.floats(1e3, 1e7)),
    st.sampled_from([f"peer{number}" for number in range(1, 7)]),
    st.floats(0.05, 1.0),
)
def test_a_slower_link_lowers_no_bound(
    task: str, peers: int, slow: dict[str, float], slower: str, factor: float
) -> None:
    plan, before = plan_of(task, peers), Links(2.5e6, 12.5e6, slow)
    after = Links(2.5e6, 12.5e6, {**slow, slower: factor * before.up_of(slower)})
    for faults in (NO_FAULTS, Faults(corrupt=["peer9"]), Faults([Kill("peer2")]), Faults(churn=5.0)):
        assert plan.bound(after, faults) >= plan.bound(before, faults) * (1 - 1e-9)


@given(st.sampled_from(["task1", "task2-best", "task2-worst"]), st.integers(2, 6))
def test_faults_do_not_raise_the_bound_where_any_peer_may_be_the_source(task: str, peers: int) -> None:
    plan, links = plan_of(task, peers), Links(2.5e6, 12.5e6)
    for faults in (Faults(corrupt=["peer9"]), Faults([Kill("peer1")]), Faults([Kill("peer2")]), Faults(churn=5.0)):
        assert plan.bound(links, faults) <= plan.bound(links) * (1 + 1e-9)


def test_the_killed_need_no_time() -> None:
    """Four of five downloaders of 4 MiB are left; the killed one has a link that would take far longer."""
    links = Links(2.5e6, 12.5e6, {"peer3": 1000.0})
    plan = plan_of("central", 6)
    assert plan.bound(links) == pytest.approx(4 * 2**20 / 1000)
    assert plan.bound(links, Faults([Kill("peer3", share=0.3)])) == pytest.approx(4 * 4 * 2**20 / 2.5e6)
    swarm = plan_of("swarm", 6)
    assert swarm.bound(links, Faults([Kill("peer3", share=0.3)])) == pytest.approx(4 * 2**20 / 2.5e6)


def test_nothing_takes_no_time() -> None:
    assert bounds.one_by_one([], LINKS) == 0


def arriving(task: str, peers: int, arrive: float) -> Plan:
    return replace(plan_of(task, peers), arrive=arrive)


def test_uplinks_of_their_own() -> None:
    links = Links(up=10, down=1000, ups={"peer1": 40, "peer2": 5, "peer3": 15}, downs={"peer3": 8})
    assert fluid_from_one(400, 2, links) == max(400 / 40, 400 / 8, 800 / 60)
    assert bounds.one_by_one([("peer2", "peer1", 400), ("peer3", "peer1", 400)], links) == max(800 / 40, 400 / 8)


def test_the_last_to_arrive_sets_the_bound() -> None:
    plan, links = arriving("swarm", 4, 100.0), Links(2.5e6, 12.5e6)
    [size] = plan.sizes.values()
    assert plan.arrivals == {"peer2": 0.0, "peer3": 100.0, "peer4": 200.0}
    assert plan.bound(links) == pytest.approx(200.0 + max(size / 12.5e6, size / (4 * 2.5e6)))


def test_who_has_not_arrived_sends_nothing() -> None:
    assert bounds.seconds_to_send(100, [(0.0, 10.0)]) == 10.0
    assert bounds.seconds_to_send(100, [(0.0, 10.0), (4.0, 20.0)]) == 4.0 + 60 / 30
    assert bounds.seconds_to_send(100, [(0.0, 10.0), (40.0, 20.0)]) == 10.0
    assert bounds.seconds_to_send(0, [(0.0, 10.0)]) == 0.0


@settings(deadline=None)
@given(st.sampled_from(["task1", "task2-worst", "task2-best", "swarm"]), st.integers(2, 8), st.floats(0, 20))
def test_arrivals_delay_the_bound_by_no_more_than_the_last(task: str, peers: int, arrive: float) -> None:
    links = Links(2.5e6, 12.5e6)
    together = plan_of(task, peers).bound(links)
    plan = arriving(task, peers, arrive)
    last = max(plan.arrivals.values())
    assert max(together, last) <= plan.bound(links) * (1 + 1e-9)
    assert plan.bound(links) <= (together + last) * (1 + 1e-9)
