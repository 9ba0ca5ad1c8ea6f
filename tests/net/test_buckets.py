"""Token buckets: never more than the burst and the rate allow, in bounded memory; pure."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.net.buckets import Buckets

RATE, BURST = 10.0, 5


def taken(buckets: Buckets, key: str, now: float, tries: int = 100) -> int:
    """Return how many tokens `key` gets when it asks for `tries` at once."""
    return sum(not buckets.take(key, now) for _ in range(tries))


def test_a_burst_then_the_rate() -> None:
    buckets = Buckets(RATE, BURST)
    assert taken(buckets, "a", 0) == BURST
    assert [taken(buckets, "a", tenth / 10, tries=3) for tenth in range(1, 6)] == [1] * 5
    assert taken(buckets, "a", 0.7) == 2


def test_keys_do_not_share() -> None:
    buckets = Buckets(RATE, BURST)
    assert [taken(buckets, key, 0) for key in "abca"] == [BURST, BURST, BURST, 0]


def test_the_wait_is_that_until_the_next_token() -> None:
    buckets = Buckets(RATE, BURST)
    taken(buckets, "a", 0)
    wait = buckets.take("a", 0.02)
    assert 0.075 < wait < 0.085
    assert buckets.take("a", 0.02 + wait - 0.01) > 0
    assert buckets.take("a", 0.02 + wait) == 0


def test_a_look_takes_nothing() -> None:
    buckets = Buckets(RATE, BURST)
    for number in range(BURST):
        assert not buckets.is_empty("a", 0)
        assert buckets.take("a", 0) == 0, number
    assert buckets.is_empty("a", 0)
    assert not buckets.is_empty("a", 0.11)
    assert not buckets.is_empty("b", 0)


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    buckets = Buckets(RATE, BURST)
    taken(buckets, "a", 10_000)
    taken(buckets, "b", 10_000)
    assert buckets.take("a", 0) > 0 and buckets.is_empty("b", 0)
    assert taken(buckets, "a", 0.5) == BURST
    assert not buckets.is_empty("b", 0.5)


def test_idle_keys_are_forgotten() -> None:
    buckets = Buckets(RATE, BURST)
    for number in range(1000):
        buckets.take(f"{number}", 0)
    assert len(buckets) == 1000
    for step in range(1, 4):
        buckets.take("a", step * BURST / RATE)
    assert len(buckets) == 1


def test_a_key_in_use_is_not_forgotten() -> None:
    buckets = Buckets(RATE, BURST)
    granted = sum(taken(buckets, "a", step / 100, tries=1) for step in range(1000))
    assert abs(granted - (BURST + 10 * RATE)) <= 1


def test_memory_is_bounded() -> None:
    buckets = Buckets(RATE, BURST, max_keys=100)
    for number in range(10_000):
        assert buckets.take(f"{number}", 0) == 0
        assert len(buckets) <= 100
    assert taken(buckets, "9999", 0) == BURST - 1, "those used lately are remembered"


asks = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 2, allow_subnormal=False)), max_size=150)


class Counted:
    """A bucket that counts its tokens: what the one number of `Buckets` stands for."""

    def __init__(self) -> None:
        self.tokens, self.last = float(BURST), 0.0

    def take(self, now: float) -> float:
        """Take a token if there is one; return how many there were."""
        self.tokens = min(BURST, self.tokens + (now - self.last) * RATE)
        self.last = now
        had = self.tokens
        self.tokens -= had >= 1
        return had


@given(asks)
def test_it_grants_what_a_count_of_tokens_grants(wanted: list[tuple[str, float]]) -> None:
    buckets, counted, now = Buckets(RATE, BURST), {key: Counted() for key in "abc"}, 0.0
    for key, pause in wanted:
        now += pause / 20
        had = counted[key].take(now)
        is_granted = not buckets.take(key, now)
        if abs(had - 1) > 0.01:  # near one, the two may round to either side
            assert is_granted == (had >= 1)
        counted[key].tokens += (had >= 1) - is_granted


@given(asks, st.integers(2, 5))
def test_with_few_keys_remembered_a_single_one_still_keeps_to_its_limit(
    wanted: list[tuple[str, float]], max_keys: int
) -> None:
    buckets, now, granted = Buckets(RATE, BURST, max_keys), 0.0, 0
    for _, pause in wanted:
        now += pause / 20
        granted += not buckets.take("a", now)
        assert len(buckets) <= max_keys
    assert granted <= BURST + now * RATE + 0.01
