"""Who loses a place to a newcomer; pure."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.net.caller import Caller
from p2p_twisted.net.connection_state import ANSWERING, RECEIVING
from p2p_twisted.net.places import FAIR_SHARE, PlacedConnection, Places
from p2p_twisted.wire.fields import neighbourhood

MOST = 2 * FAIR_SHARE


class Fake(PlacedConnection):
    """A connection of `host` that has waited since a time."""

    def __init__(self, host: str, since: float, answering: bool = False, shielded: bool = False) -> None:
        self.caller = Caller((host, 50000))
        self.neighbourhood = neighbourhood(host)
        self._state = ANSWERING if answering else RECEIVING
        self.expires = since + self._state.timeout
        self.shielded = shielded

    def is_shielded(self, now: float) -> bool:
        return self.shielded


def places_of(*connections: Fake) -> Places[Fake]:
    places: Places[Fake] = Places()
    for one in connections:
        places.add(one)
    return places


def gone(places: Places[Fake], count: int, host: str | None = None) -> list[Fake]:
    """Take the places of so many, one after another."""
    found = []
    for _ in range(count):
        slowest = places.slowest(100, MOST, host)
        assert slowest is not None
        places.remove(slowest)
        found.append(slowest)
    return found


def test_the_host_with_most_loses_its_slowest() -> None:
    few, many = [Fake("a", 0)], [Fake("b", since) for since in (3, 1, 2)]
    places = places_of(*few, *many)
    assert [one.slow_since for one in gone(places, 2)] == [1, 2]
    assert gone(places, 1) == few, "of hosts that have as many each, the slowest"


def test_ipv6_counts_by_network() -> None:
    places = places_of(Fake("2001:db8::1", 5), Fake("2001:db8::2", 4), Fake("10.0.0.1", 0))
    assert [one.host for one in gone(places, 1)] == ["2001:db8::2"]
    assert len(places.of("2001:db8::")) == 1


def test_one_host_is_asked_for_a_place_of_its_own() -> None:
    own = [Fake("a", 2), Fake("a", 1)]
    places = places_of(*own, *(Fake("b", 0) for _ in range(5)))
    assert gone(places, 2, "a") == own[::-1]
    assert places.slowest(100, MOST, "a") is None


def test_what_made_progress_since_it_was_chosen_keeps_its_place() -> None:
    connections = [Fake("a", since) for since in range(100)]
    places = places_of(*connections)
    assert gone(places, 1) == connections[:1]
    connections[1].expires += 1000
    assert gone(places, 1) == connections[2:3]


def test_those_being_answered_go_last_but_beyond_a_fair_share() -> None:
    followers = [Fake("a", 0, answering=True) for _ in range(MOST // FAIR_SHARE + 2)]
    slow = [Fake("b", 50), Fake("c", 60)]
    places = places_of(*followers, *slow)
    first = gone(places, 4)
    assert {one.host for one in first[:2]} == {"a"}
    assert first[2:] == slow
    assert {one.host for one in gone(places, 2)} == {"a"}


def test_the_shielded_and_the_aborted_are_not_chosen() -> None:
    aborted = Fake("a", 0)
    aborted.expires = math.inf
    places = places_of(Fake("a", 0, shielded=True), aborted)
    assert places.slowest(100, MOST) is None
    assert places.slowest(100, MOST, "a") is None


hosts = st.sampled_from(["a", "b", "2001:db8::1", "2001:db8::2"])
drawn = st.lists(st.tuples(hosts, st.integers(0, 90), st.booleans(), st.booleans()), max_size=60)


@given(drawn)
def test_all_that_are_not_shielded_go_one_by_one(wanted: list[tuple[str, int, bool, bool]]) -> None:
    connections = [Fake(*one) for one in wanted]
    places = places_of(*connections)
    found = gone(places, sum(not one.shielded for one in connections))
    assert set(found) == {one for one in connections if not one.shielded}
    assert places.all == set(connections) - set(found)
    assert places.slowest(100, MOST) is None
    for one in list(places.all):
        places.remove(one)
        places.remove(one)
    assert not places.of("a")


@given(drawn)
def test_the_very_next_is_of_the_host_with_most(wanted: list[tuple[str, int, bool, bool]]) -> None:
    connections = [Fake(host, since) for host, since, _, _ in wanted]
    places = places_of(*connections)
    slowest = places.slowest(100, MOST)
    if slowest is not None:
        of_host = places.of(slowest.neighbourhood)
        assert len(of_host) == max(len(places.of(one.neighbourhood)) for one in connections)
        assert slowest.slow_since == min(one.slow_since for one in of_host)
