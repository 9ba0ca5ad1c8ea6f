"""Results as files: all of them as JSON, and every transfer as CSV."""

import csv
import io
import json
from dataclasses import asdict, replace
from pathlib import Path

from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.result_files import as_json, transfers_csv, write_data
from p2p_twisted.experiment.results import Event, Transfer
from tests.support.made_results import results_of, run_of

HOSTILE = 'a "quoted", name;\ttabbed\r\nover two lines \u20ac.txt'


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_every_transfer_is_a_line_of_csv() -> None:
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


def test_a_name_with_anything_in_it_is_the_same_after_reading() -> None:
    run = replace(run_of("task1", 5.0), transfers=[Transfer("peer2", HOSTILE, "peer1", 7, 0.25, 1.5)])
    [row] = rows(transfers_csv(results_of([run])))
    assert row["file"] == HOSTILE
    assert (row["bytes"], row["start"], row["end"]) == ("7", "0.25", "1.5")
    [transfer] = json.loads(as_json(results_of([run])))["runs"][0]["transfers"]
    assert transfer["file"] == HOSTILE


NO_OWN_RATES: dict[str, object] = {"ups": {}, "downs": {}, "spread": None}


def test_json_has_everything() -> None:
    killed = Event(1.5, "peer3", "peer3 killed")
    run = run_of("swarm", 8.0, events=[killed], corrupt=["peer5"], slow={"peer2": 1e5}, failed={"peer3": {"x": "lost"}})
    found = json.loads(as_json(results_of([run], Links(1e6, 2e6, {"peer2": 1e5}), {"seed": "7"})))
    assert found.keys() == {"setting", "links", "runs"}
    assert found["setting"] == {"seed": "7"}
    assert found["links"] == {"up": 1e6, "down": 2e6, "slow": {"peer2": 1e5}, "sites": None, **NO_OWN_RATES}
    [shown] = found["runs"]
    members = json.loads(json.dumps(asdict(run)))
    assert members.pop("corrupt") == ["peer5"]
    assert shown == {**members, "liars": ["peer5"], "ratio": run.ratio}
    assert shown["events"] == [{"at": 1.5, "peer": "peer3", "text": "peer3 killed"}]
    assert shown["orders"] == {peer: ["large.bin"] for peer in ("peer2", "peer3", "peer4")}
    assert shown["transfers"][0].keys() == {"peer", "file", "source", "bytes", "start", "end"}
    assert shown["samples"][0].keys() == {"peer", "at", "bytes", "files"}


def test_both_files_are_written_and_written_again(tmp_path: Path) -> None:
    for runs in ([run_of("task1", 5.0)], [run_of("task1", 5.0), run_of("task1", 6.0, repeat=2)]):
        write_data(results_of(runs), tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"results.json", "transfers.csv"}
        assert len(json.loads((tmp_path / "results.json").read_text("utf-8"))["runs"]) == len(runs)
        assert len(rows((tmp_path / "transfers.csv").read_text("utf-8"))) == 27 * len(runs)
