"""Faults: read from what is typed, and due when they should be."""

import pytest

from p2p_twisted.experiment.plan.faults import Faults, Kill, Schedule, parse_kill, parse_peer, parse_slow


@pytest.mark.parametrize(
    ("text", "kill"),
    [
        ("source@30%", Kill("peer1", share=0.3)),
        ("peer3@5s", Kill("peer3", seconds=5)),
        ("peer12@0.25s", Kill("peer12", seconds=0.25)),
        ("peer2@100%", Kill("peer2", share=1)),
    ],
)
def test_kills(text: str, kill: Kill) -> None:
    assert parse_kill(text) == kill


@pytest.mark.parametrize(
    "text", ["", "source", "source@", "source@30", "rs@5s", "peer@5s", "peer3@101%", "peer3@-1s", "peer٣@5s"]
)
def test_invalid_kills_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"source@30%"):
        parse_kill(text)


def test_slow_peers() -> None:
    assert parse_slow("peer3=1Mbit") == ("peer3", 125_000)
    assert parse_slow("source=500K") == ("peer1", 500_000)
    with pytest.raises(ValueError, match="the rate must be"):
        parse_slow("peer3=fast")
    for text in ("peer3", "peer3=none", "3=1Mbit"):
        with pytest.raises(ValueError, match="peer3"):
            parse_slow(text)


def test_peers() -> None:
    assert parse_peer("peer4") == "peer4"
    assert parse_peer("source") == "peer1"
    for text in ("4", "peer", "rs", "peer 4", "Peer4"):
        with pytest.raises(ValueError, match="such as peer3"):
            parse_peer(text)


def test_all_that_are_named() -> None:
    faults = Faults([Kill("peer1", share=0.3)], {"peer3": 1.0}, ["peer4"], churn=10)
    assert faults.roles == {"peer1", "peer3", "peer4"}
    assert faults
    assert not Faults()


def test_everyone_is_killed_once_when_it_is_time() -> None:
    schedule = Schedule(Faults([Kill("peer1", share=0.3), Kill("peer2", seconds=5)]), [], 0)
    assert schedule.kills_due(1, 0.1) == []
    assert schedule.kills_due(2, 0.31) == ["peer1"]
    assert schedule.kills_due(4.9, 0.99) == []
    assert schedule.kills_due(5, 1) == ["peer2"]
    assert schedule.kills_due(6, 1) == []


def test_churn_goes_round_in_an_order_that_the_seed_decides() -> None:
    victims = [f"peer{number}" for number in range(2, 7)]

    def order(random_seed: int) -> list[str | None]:
        schedule = Schedule(Faults(churn=10), victims, random_seed)
        return [schedule.restart_due(seconds) for seconds in range(0, 120, 10)]

    assert order(1)[0] is None
    assert sorted(map(str, order(1)[1:6])) == victims
    assert order(1)[1:6] == order(1)[6:11]
    assert order(1) == order(1)
    assert len({tuple(order(random_seed)) for random_seed in range(20)}) > 5


def test_churn_that_is_behind_takes_one_at_a_time() -> None:
    schedule = Schedule(Faults(churn=10), ["peer2", "peer3"], 0)
    assert sorted(filter(None, [schedule.restart_due(25), schedule.restart_due(25), schedule.restart_due(25)])) == [
        "peer2",
        "peer3",
    ]


def test_without_churn_nobody_is_hit() -> None:
    assert Schedule(Faults(), ["peer2"], 0).restart_due(1e9) is None
    assert Schedule(Faults(churn=1), [], 0).restart_due(1e9) is None
