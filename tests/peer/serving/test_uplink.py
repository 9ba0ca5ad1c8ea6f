from p2p_twisted.peer.serving.uplink import INTERVAL, MIN_INTERVAL, UNKNOWN_RATE, WINDOW, Best, Uplink


def send(uplink: Uplink, begun: float, ended: float, rate: float) -> None:
    """Send at `rate` from one time to another, seen every 50 ms; something is left in the end."""
    uplink.add(int((ended - begun) * rate) + 1, begun)
    total, steps = uplink.unsent, round((ended - begun) / 0.05)
    for step in range(1, steps + 1):
        uplink.look(total - int(step * 0.05 * rate), begun + step * 0.05)


def test_the_best_of_before_counts_for_a_while() -> None:
    best = Best(max)
    assert best.value is None
    best.add(5, 0)
    best.add(3, WINDOW - 1)
    best.add(2, WINDOW + 1)
    assert best.value == 5
    best.add(2, 2 * WINDOW + 2)
    assert best.value == 2


def test_a_rate_is_assumed_before_any_is_measured() -> None:
    uplink = Uplink()
    uplink.add(1000, 0)
    uplink.look(1000, MIN_INTERVAL / 2)
    assert uplink.rate == UNKNOWN_RATE


def test_the_rate_is_that_of_what_is_acknowledged() -> None:
    uplink = Uplink()
    send(uplink, 0, 2 * INTERVAL, 50_000)
    assert 49_000 < uplink.rate < 51_000


def test_a_pause_does_not_lower_the_rate() -> None:
    uplink = Uplink()
    send(uplink, 0, 1, 50_000)
    uplink.look(0, 1)
    send(uplink, 4, 4.1, 50_000)
    uplink.look(0, 4.1)
    assert 49_000 < uplink.rate < 51_000


def test_the_highest_rate_of_late_counts() -> None:
    uplink = Uplink()
    send(uplink, 0, 1, 80_000)
    uplink.look(0, 1)
    send(uplink, 1, 2, 20_000)
    assert uplink.rate > 79_000
    uplink.look(0, 2)
    send(uplink, 2, 2 + 3 * WINDOW, 20_000)
    assert uplink.rate < 21_000


def test_what_is_forgotten_was_not_sent() -> None:
    uplink = Uplink()
    uplink.add(50_000, 0)
    uplink.add(10_000, 0)
    uplink.forget(50_000)
    uplink.look(0, 1)
    assert uplink.rate == 10_000


def test_the_shortest_delay_of_late_counts() -> None:
    uplink = Uplink()
    assert uplink.delay == 0
    for took, now in [(0.3, 1), (0.1, 2), (0.2, 3)]:
        uplink.piece_sent(took, now)
    assert uplink.delay == 0.1


def test_the_first_rate_is_known_soon() -> None:
    uplink = Uplink()
    uplink.add(100_000, 0)
    uplink.look(90_000, 0.02)
    assert not uplink.is_known
    uplink.look(90_000 - int(MIN_INTERVAL * 1e6), 0.02 + MIN_INTERVAL)
    assert uplink.is_known


def test_the_way_of_the_first_bytes_does_not_lower_the_rate() -> None:
    uplink = Uplink()
    uplink.add(200_000, 0)
    uplink.look(199_000, 1)  # it is far away
    uplink.look(99_000, 1.1)
    assert 990_000 < uplink.rate < 1_010_000
