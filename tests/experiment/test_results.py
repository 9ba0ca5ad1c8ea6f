"""Results: runs grouped by case, and the times of each peer."""

from dataclasses import replace

from tests.support.made_results import cut_off, results_of, run_of


def test_runs_are_put_together_by_task_and_peers() -> None:
    runs = [run_of(task, 1.0, peers) for peers in (2, 3) for task in ("central", "swarm")]
    grown = results_of([*runs, run_of("swarm", 2.0, 3, repeat=2)])
    assert list(grown.cases) == [("central", 2), ("swarm", 2), ("central", 3), ("swarm", 3)]
    assert [len(case) for case in grown.cases.values()] == [1, 1, 1, 2]
    assert grown.tasks == ["central", "swarm"]
    assert grown.growing
    assert not results_of(runs[:2]).growing


def test_a_run_knows_who_fetched_and_when_each_was_done() -> None:
    run = run_of("task2-best", 8.0, peers=11, corrupt=["peer12"])
    assert run.downloaders == [f"peer{number}" for number in range(1, 12)]
    assert run.peers == 12
    assert run.finished("peer10") == 8.0
    assert cut_off(run, 7.0).finished("peer10") is None
    assert run.complete
    assert not cut_off(run, 7.0).complete
    assert not replace(run, interrupted=True).complete
