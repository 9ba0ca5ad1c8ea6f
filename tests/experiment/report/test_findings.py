"""The findings: sentences that follow from the numbers."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.report.findings import findings
from p2p_twisted.experiment.results import Event, Run, Transfer
from p2p_twisted.experiment.run.processors import BUSY_SHARE
from tests.support.made_results import LINKS, MIB, cut_off, plan_of, results_of, run_of


def said(*runs: Run, about: str, links: Links = LINKS) -> str:
    """The one sentence with ``about`` in it."""
    [sentence] = [sentence for sentence in findings(results_of(runs, links)) if about in sentence]
    return sentence


def all_said(*runs: Run) -> str:
    return "\n".join(findings(results_of(runs)))


def numbers(sentence: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", sentence)]


@given(st.floats(0.1, 1000), st.integers(2, 9))
def test_the_time_of_a_task_and_its_bound(seconds: float, peers: int) -> None:
    run = run_of("task1", seconds, peers)
    sentence = said(run, about="had everything")
    assert sentence == (
        f"Task 1, centralised, {peers} peers: the last one had everything after {seconds:.2f} s. "
        f"That is {seconds / run.bound:.2f} times the bound of {run.bound:.2f} s."
    )


def test_repeats_are_given_as_median_and_extremes() -> None:
    runs = [run_of("swarm", seconds, repeat=repeat) for repeat, seconds in enumerate((9.0, 4.0, 5.0), 1)]
    assert "after 5.00 s, median of 3 runs (4.00 to 9.00 s). " in said(*runs, about="had everything")


@given(st.floats(0.5, 500), st.floats(0.5, 500))
def test_which_case_is_faster_and_by_what_factor(central: float, shared: float) -> None:
    task1, best = run_of("task1", central), run_of("task2-best", shared)
    sentence = said(task1, best, about="Peer-to-peer at its best")
    factor = f"at its best is {central / shared:.1f} times as fast as centralised;"
    slower = f"at its best was not faster than centralised here, it took {shared / central:.2f} times as long;"
    assert (factor in sentence, slower in sentence) == (shared < central, shared >= central)
    assert f"allow it to be {task1.bound / best.bound:.1f} times as fast." in sentence


@pytest.mark.parametrize(
    ("seconds", "said_of_it"), [(3.0, "3.0 times as fast"), (18.0, "not faster, it took 2.00 times")]
)
def test_a_swarm_is_compared_with_the_task_from_the_same_start(seconds: float, said_of_it: str) -> None:
    sentence = said(run_of("task1", 9.0), run_of("task1-swarm", seconds), about="same start")
    assert sentence.startswith(
        f"Swarm, one source, compared with Task 1, centralised, same start and same orders: {said_of_it}"
    )


def test_the_spread_of_the_best_case() -> None:
    task1, best = run_of("task1", 9.0), run_of("task2-best", 3.0)
    assert said(task1, best, about="No peer sent").endswith("25%.")
    uneven = replace(best, transfers=[*best.transfers, Transfer("peer1", "x", "peer3", 10**9, 0, 1)])
    assert "No peer sent more than 100% of the bytes, an equal share being 25%." in said(task1, uneven, about="No peer")


@given(st.floats(0.5, 500), st.floats(0.5, 500))
def test_the_worst_case_compared_with_the_best(central: float, worst: float) -> None:
    text = all_said(run_of("task1", central), run_of("task2-worst", worst))
    longer = f"Peer-to-peer at its worst took {worst / central:.2f} times as long as centralised."
    shorter = f"The worst case of Task 2 was not slower than Task 1 here, it took {worst / central:.2f} times as long."
    assert (longer in text, shorter in text) == (worst > central, worst <= central)


def test_where_the_worst_case_loses() -> None:
    run = run_of("task2-worst", 40.0, begins=10.0)
    sentence = said(run, about="Why the worst case is slow")
    assert "10.00 s (25% of its time) pass before the others may start" in sentence
    sent = {role: sum(t.bytes for t in run.transfers if t.source == role) for role in run.holdings}
    assert f"depend on peer1, which sends {sent['peer1'] / sum(sent.values()):.0%} of all bytes" in sentence
    used = (sum(sent.values()) - sent["peer1"]) / 2.5e6 / (40.0 * 3)
    assert sentence.endswith(f"the uplinks of the others are used to {used:.0%}.")
    slower = Links(2.5e6, 12.5e6, {"peer2": 1000.0})
    assert numbers(said(run, about="Why the worst case is slow", links=slower))[-1] > 100 * used


@pytest.mark.parametrize(("copies", "seconds"), [(1.0, 2.0), (1.5, 4.0), (3.0, 1.0)])
def test_bytes_sent_by_the_source_of_a_swarm(copies: float, seconds: float) -> None:
    shares = {"peer1": copies / 3, "peer2": (1 - copies / 3)}
    sentence = said(run_of("swarm", seconds, shares=shares), about="In the swarm")
    alone = 3 * 4 * MIB / 2.5e6
    assert f"the source sent {copies:.2f} copies of the document for 3 peers" in sentence
    assert f"need at least {alone:.1f} s; the swarm is {alone / seconds:.1f} times as fast" in sentence


def test_growth_is_from_the_fewest_to_the_most() -> None:
    runs = [
        run_of(task, 2.0 * peers if task == "central" else 3.0, peers)
        for peers in (2, 4, 8)
        for task in ("central", "swarm")
    ]
    text = all_said(*runs)
    assert "One source, one document: from 2 to 8 peers the time grew 4.0-fold, from 4.00 to 16.00 s; " in text
    assert "the bound grew 7.0-fold" in text
    assert "Swarm, one document: from 2 to 8 peers the time grew 1.0-fold, from 3.00 to 3.00 s; " in text
    assert "With 8 peers the swarm is 5.3 times as fast as one source." in text


def test_an_interrupted_growth_is_reported_as_far_as_it_went() -> None:
    runs = [run_of("central", 4.0, 2), run_of("swarm", 3.0, 2), run_of("central", 8.0, 4)]
    text = all_said(*runs, cut_off(run_of("swarm", 3.0, 4), 1.0))
    assert "One source, one document: from 2 to 4 peers the time grew 2.0-fold" in text
    assert "from 2 to 2 peers" not in text
    assert "With 2 peers the swarm is 1.3 times" in text
    assert "With 4 peers" not in text


def test_an_interrupted_run_has_no_time() -> None:
    run = cut_off(run_of("task1", 9.0), 4.0)
    text = all_said(run)
    assert "Task 1, centralised, 4 peers: interrupted; 0 of 3 peers had all they wanted when it ended, " in text
    assert "the last document arrived after 4.00 s." in text
    assert "times the bound" not in text
    early = all_said(cut_off(run, 0.5))
    assert "0 of 3 peers had all they wanted when it ended, no document was complete." in early
    done = [arrival for arrival in run_of("task1", 9.0).arrivals if arrival.peer == "peer2" or arrival.at < 9.0]
    assert "interrupted; 1 of 3 peers" in all_said(replace(run, arrivals=done))


def test_an_incomplete_run_is_not_compared() -> None:
    whole = run_of("task1", 9.0)
    best = run_of("task2-best", 3.0, verified=40)
    text = all_said(whole, best)
    assert "Task 2, best case, 4 peers: not completed; 4 of 4 peers" in text
    assert "Peer-to-peer at its best" not in text
    assert "79 of 87 copies" in text


def test_failed_runs_of_a_swarm_are_left_out() -> None:
    lacking = run_of("swarm", 0.0, arrivals=[], transfers=[], verified=1)
    text = all_said(lacking, run_of("swarm", 8.0, repeat=2))
    assert "the last one had everything after 8.00 s. " in text
    assert "the source sent 3.00 copies" in text
    assert "5 of 8 copies" in text


def test_the_loss_of_the_worst_case_is_left_out_when_faults_set_the_pace() -> None:
    run = run_of("task2-worst", 40.0, begins=10.0)
    restart = [Event(2.0, "peer3", "peer3 killed"), Event(3.0, "peer3", "peer3 back")]
    for fault in ({"slow": {"peer3": 1000.0}}, {"killed": ["peer3"]}, {"corrupt": ["peer5"]}, {"events": restart}):
        assert "Why the worst case is slow" not in all_said(replace(run, **fault))


def test_many_restarts_are_counted() -> None:
    events = []
    for at in range(1, 6):
        events += [Event(at, f"peer{at}", f"peer{at} killed"), Event(at + 0.5, f"peer{at}", f"peer{at} back")]
    few = all_said(run_of("task1", 9.0, events=events[:6]))
    assert "4 peers (3 restarts): the last one" in few
    assert "run 1: peer1 killed after 1.0 s, peer1 back after 1.5 s, " in few
    events.append(Event(6.0, "peer2", "peer2 killed"))
    many = all_said(without(run_of("task1", 9.0), "peer2"), run_of("task1", 9.0, repeat=2, events=events))
    assert "run 2: 5 restarts, from 1.5 to 5.5 s." in many
    lived = replace(run_of("task1", 9.0, events=events), killed=["peer4"])
    assert "peer4 killed after 4.0 s, 5 restarts, from 1.5 to 5.5 s." in all_said(lived)


def test_events_are_reported() -> None:
    events = [Event(1.25, "peer1", "peer1 killed"), Event(2.0, "peer3", "peer3 back")]
    text = all_said(run_of("swarm", 8.0, repeat=2, events=events))
    assert "Swarm, one document, run 2: peer1 killed after 1.2 s, peer3 back after 2.0 s." in text
    assert "killed" not in all_said(run_of("swarm", 8.0))


@pytest.mark.parametrize(
    ("share", "pieces", "said"),
    [
        (0.5, 0, "peer5 sent 6.3 MB of garbage"),
        (0.001, 0, "peer5 sent 12.6 kB of garbage"),
        (0.0, 1, "peer5 sent 1 piece of garbage"),
        (0.5, 12, "peer5 sent 12 pieces of garbage"),
    ],
)
def test_garbage_is_weighed(share: float, pieces: int, said: str) -> None:
    garbage = {"peer5": pieces} if pieces else {}
    run = run_of("swarm", 8.0, shares={"peer1": 1.0, "peer5": share}, corrupt=["peer5"], garbage=garbage)
    assert f"run 1: {said}; none of it was kept." in all_said(run)
    assert f"run 1: {said}; none of it was kept." in all_said(replace(run, verified=run.expected - 1))
    assert f"run 1: {said}; 1 of the copies are wrong." in all_said(replace(run, verified=run.expected - 1, wrong=1))


def test_a_corrupt_peer_from_which_nothing_was_taken() -> None:
    run = run_of("swarm", 8.0, corrupt=["peer5"])
    text = all_said(replace(run, verified=run.expected - 1))
    assert "run 1: peer5 offered garbage, and no peer downloaded any." in text


def test_a_corrupt_peer_has_no_share_of_the_documents_sent() -> None:
    shares = {"peer1": 0.5, "peer2": 0.5, "peer5": 3.0}
    best = run_of("task2-best", 3.0, shares=shares, corrupt=["peer5"])
    sentence = said(run_of("task1", 9.0), best, about="No peer sent more than")
    assert int(re.findall(r"more than (\d+)%", sentence)[0]) < 100
    assert sentence.endswith("an equal share being 25%.")


def test_missing_copies_are_not_called_wrong() -> None:
    run = run_of("task1", 9.0)
    lacking = replace(run, verified=run.expected - 3, wrong=1)
    copies = f"{run.expected - 3} of {run.expected} copies have the right SHA-256."
    assert f"{copies} 2 are missing, 1 is wrong." in all_said(lacking)
    text = all_said(replace(run, verified=run.expected - 1))
    assert "right SHA-256. 1 is missing, none is wrong." in text
    assert "missing" not in all_said(run)


def without(run: Run, peer: str) -> Run:
    """The same run, in which ``peer`` was killed after its first document."""
    came = [one for one in run.arrivals if one.peer == peer]
    arrivals = [one for one in run.arrivals if one not in came[1:]]
    events = [Event(came[0].at, peer, f"{peer} killed")]
    return replace(run, arrivals=arrivals, killed=[peer], events=events, failed={peer: {"x": "it was killed"}})


def test_a_run_is_completed_for_those_who_lived() -> None:
    text = all_said(without(run_of("task1", 9.0), "peer3"))
    assert "Task 1, centralised, 4 peers (peer3 killed): the last of the others had everything after 9.00 s. " in text
    assert "run 1: peer3 killed after " in text
    assert "did not get" not in text


def test_documents_lost_with_killed_peers_are_named_once() -> None:
    failed = {"peer2": {"a.txt": "lost with peer1", "b.txt": "reset"}, "peer3": {"a.txt": "lost with peer1"}}
    killed: dict[str, Any] = {"killed": ["peer1"], "lost": ["a.txt"], "failed": failed, "arrivals": [], "verified": 0}
    text = all_said(run_of("task1", 0.0, **killed))
    assert "0 of 3 other peers had all they wanted when it ended, no document was complete." in text
    assert "run 1: a.txt was lost with peer1: no other peer had a whole copy." in text
    assert "run 1: peer2 did not get 1 of its documents; b.txt: reset." in text
    assert text.count("a.txt") == 1
    more = all_said(run_of("task1", 0.0, **{**killed, "lost": ["a.txt", "b.txt"], "killed": ["peer1", "peer4"]}))
    assert "2 documents, a.txt among them, were lost with peer1 and peer4: no other peer had a whole copy." in more


def test_a_source_that_was_killed_is_not_compared_with() -> None:
    text = all_said(without(run_of("swarm", 8.0), "peer2"), run_of("swarm", 8.0, killed=["peer1"]))
    assert "A source alone" in text
    assert "A source alone" not in all_said(run_of("swarm", 8.0, killed=["peer1"]))


def test_a_source_alone_has_the_same_slow_peer_to_serve() -> None:
    """On the links of the others it would need 3 x 4 MiB / 2.5 MB/s, 5 s; peer3 alone takes 33.6 s."""
    slow = Links(2.5e6, 12.5e6, {"peer3": 125_000.0})
    bound = plan_of("swarm").bound(slow)
    run = run_of("swarm", 34.0, bound=bound, slow=slow.slow)
    assert bound == pytest.approx(4 * MIB / 125_000)
    sentence = said(run, about="A source alone", links=slow)
    assert sentence.endswith("A source alone would need at least 33.6 s, and no swarm can be faster on these links.")
    assert "4 peers (peer3 at 1 Mbit/s): the last one had everything after 34.00 s." in all_said(run)


def test_a_swarm_that_is_slower_than_a_source_alone() -> None:
    sentence = said(run_of("swarm", 10.0), about="A source alone")
    assert sentence.endswith("A source alone would need at least 5.0 s; the swarm took 1.99 times as long.")


def test_missing_documents_are_named_with_the_reason() -> None:
    failed = {"peer10": {"b.txt": "no peer has it"}, "peer2": {"a.txt": "reset", "c.txt": "late"}}
    text = all_said(run_of("task1", 9.0, peers=10, failed=failed, verified=5))
    assert "run 1: peer2 did not get 2 of its documents; a.txt: reset." in text
    assert "run 1: peer10 did not get 1 of its documents; b.txt: no peer has it." in text
    assert text.index("peer2 did not") < text.index("peer10 did not")


def test_copies_and_the_start() -> None:
    text = all_said(run_of("task1", 9.0), run_of("swarm", 8.0, spread=0.0461, verified=3))
    assert "42 of 43 copies have the right SHA-256." in text
    assert "All peers started within 46 ms of one another." in text


@pytest.mark.parametrize("busy", [None, 0.1, BUSY_SHARE, BUSY_SHARE + 0.06, 1.0])
def test_busy_processors(busy: float | None) -> None:
    text = all_said(run_of("task1", 9.0), run_of("task2-best", 3.0, busy=busy))
    is_named = busy is not None and busy > BUSY_SHARE
    assert (f"up to {busy or 0:.0%} busy in Task 2, best case:" in text) is is_named
    assert ("The processors" in text) is is_named


@given(st.floats(0.3, 3.0).filter(lambda ratio: abs(ratio - 1) > 1e-6))
def test_times_below_the_bound_are_explained(ratio: float) -> None:
    run = run_of("central", 1.0)
    text = all_said(replace(run, seconds=ratio * run.bound))
    assert ("Times below the bound" in text) is (ratio < 1)


def test_a_task_by_a_swarm_is_called_so() -> None:
    assert "Task 1, centralised (by a swarm), 4 peers: " in all_said(run_of("task1", 9.0, swarm=True))
