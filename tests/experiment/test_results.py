"""Results: the numbers that sum them up, and the files they are kept in."""

import csv
import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.results import Event, Transfer, as_json, summarise, timed, transfers_csv, write_data
from tests.support.made_results import cut_off, results_of, run_of

HOSTILE = 'a "quoted", name;\ttabbed\r\nover two lines \u20ac.txt'


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_every_transfer_is_a_line_of_csv():
    runs = [run_of("task1", 5.0), run_of("task2-best", 2.0, repeat=2)]
    text = transfers_csv(results_of(runs))
    assert text.splitlines()[0] == "task,repeat,peer,file,source,bytes,start,end"
    assert text.endswith("\n")
    assert "\r" not in text
    found = rows(text)
    assert len(found) == sum(len(run.transfers) for run in runs) == 27 + 36
    assert {(row["task"], row["repeat"]) for row in found} == {("task1", "1"), ("task2-best", "2")}
    first = runs[0].transfers[0]
    assert found[0] == {"task": "task1", "repeat": "1", **{name: str(value) for name, value in asdict(first).items()}}


def test_a_name_with_anything_in_it_is_the_same_after_reading():
    run = replace(run_of("task1", 5.0), transfers=[Transfer("peer2", HOSTILE, "peer1", 7, 0.25, 1.5)])
    [row] = rows(transfers_csv(results_of([run])))
    assert row["file"] == HOSTILE
    assert (row["bytes"], row["start"], row["end"]) == ("7", "0.25", "1.5")
    [transfer] = json.loads(as_json(results_of([run])))["runs"][0]["transfers"]
    assert transfer["file"] == HOSTILE


def test_json_has_everything():
    killed = Event(1.5, "peer3", "peer3 killed")
    run = run_of("swarm", 8.0, events=[killed], corrupt=["peer5"], slow={"peer2": 1e5}, failed={"peer3": {"x": "lost"}})
    found = json.loads(as_json(results_of([run], Links(1e6, 2e6, {"peer2": 1e5}), {"seed": "7"})))
    assert found.keys() == {"setting", "links", "runs"}
    assert found["setting"] == {"seed": "7"}
    assert found["links"] == {"up": 1e6, "down": 2e6, "slow": {"peer2": 1e5}}
    [shown] = found["runs"]
    members = json.loads(json.dumps(asdict(run)))
    assert members.pop("corrupt") == ["peer5"]
    assert shown == {**members, "liars": ["peer5"], "ratio": run.ratio}
    assert shown["events"] == [{"at": 1.5, "peer": "peer3", "text": "peer3 killed"}]
    assert shown["orders"] == {peer: ["large.bin"] for peer in ("peer2", "peer3", "peer4")}
    assert shown["transfers"][0].keys() == {"peer", "file", "source", "bytes", "start", "end"}
    assert shown["samples"][0].keys() == {"peer", "at", "bytes", "files"}


def test_both_files_are_written_and_written_again(tmp_path: Path):
    for runs in ([run_of("task1", 5.0)], [run_of("task1", 5.0), run_of("task1", 6.0, repeat=2)]):
        write_data(results_of(runs), tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"results.json", "transfers.csv"}
        assert len(json.loads((tmp_path / "results.json").read_text("utf-8"))["runs"]) == len(runs)
        assert len(rows((tmp_path / "transfers.csv").read_text("utf-8"))) == 27 * len(runs)


def test_a_summary():
    runs = [run_of("task1", seconds, repeat=repeat) for repeat, seconds in enumerate((9.0, 4.0, 5.0, 6.0), 1)]
    summary = summarise(runs)
    assert (summary.task, summary.peers, summary.runs) == ("task1", 4, 4)
    assert (summary.seconds, summary.low, summary.high) == (5.5, 4.0, 9.0)
    assert summary.ratio == pytest.approx(5.5 / runs[0].bound)
    assert (summary.verified, summary.expected) == (4 * 39, 4 * 39)


@given(st.lists(st.floats(0.01, 1e5), min_size=1, max_size=9))
def test_the_median_is_between_the_extremes(times):
    summary = summarise([run_of("central", seconds) for seconds in times])
    assert summary.low <= summary.seconds <= summary.high
    assert summary.runs == len(times)


def test_interrupted_runs_do_not_count_unless_there_is_nothing_else():
    whole, part = run_of("task1", 6.0), cut_off(run_of("task1", 6.0, repeat=2), 3.0)
    assert summarise([whole, part]) == summarise([whole])
    alone = summarise([part])
    assert (alone.runs, alone.verified < alone.expected) == (1, True)


def test_the_time_of_a_run_that_failed_does_not_count_its_copies_do():
    whole = run_of("swarm", 6.0)
    lacking = run_of("swarm", 0.0, repeat=2, arrivals=[], verified=1)
    summary = summarise([lacking, whole])
    assert (summary.runs, summary.seconds, summary.low) == (1, 6.0, 6.0)
    assert (summary.verified, summary.expected) == (5, 8)
    assert timed([lacking]) == [lacking]
    assert timed([lacking, cut_off(whole, 1.0)]) == [lacking]


def test_runs_are_put_together_by_task_and_peers():
    runs = [run_of(task, 1.0, peers) for peers in (2, 3) for task in ("central", "swarm")]
    grown = results_of([*runs, run_of("swarm", 2.0, 3, repeat=2)])
    assert list(grown.cases) == [("central", 2), ("swarm", 2), ("central", 3), ("swarm", 3)]
    assert [len(case) for case in grown.cases.values()] == [1, 1, 1, 2]
    assert grown.tasks == ["central", "swarm"]
    assert grown.growing
    assert not results_of(runs[:2]).growing


def test_a_run_knows_who_fetched_and_when_each_was_done():
    run = run_of("task2-best", 8.0, peers=11, corrupt=["peer12"])
    assert run.downloaders == [f"peer{number}" for number in range(1, 12)]
    assert run.peers == 12
    assert run.finished("peer10") == 8.0
    assert cut_off(run, 7.0).finished("peer10") is None
    assert run.complete
    assert not cut_off(run, 7.0).complete
    assert not replace(run, interrupted=True).complete
