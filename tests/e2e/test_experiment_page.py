"""The experiment page for real: an RS, experiments of three peers over HTTP, and the page in a browser."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from p2p_twisted.experiment.run.cluster import wait_until
from p2p_twisted.web.control_client import ControlClient, ControlError
from tests.support.browser import browsing, violations
from tests.support.experiment_command import running_in
from tests.support.rs_process import ENVIRONMENT, RSProcess, free_port

from ..experiment.run.test_netns import WHY_NOT

TIMEOUT = 120
ORDER = {"task": "task1", "peers": 3, "files": 6, "up": "2Mbit", "down": "10Mbit"}
SLOW = {"task": "swarm", "peers": 3, "size": 64, "up": "1Mbit"}
"""One that takes minutes unless it is stopped."""


class ExperimentRS(RSProcess):
    """An RS with an experiment page, and its calls."""

    def __init__(self, folder: Path, web: int) -> None:
        self.web = web
        self.state = folder / "state"
        super().__init__(folder, "--lab", "--web", f"tcp:{web}:interface=127.0.0.1")
        self.control = ControlClient(self.state)

    def run(self, id_: str) -> Any:
        return self.control.get(f"lab/runs/{id_}")

    def begin(self, order: dict[str, Any]) -> str:
        return self.control.post("lab/runs", order)["id"]

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.web, timeout=TIMEOUT)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def events(self, id_: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Number and data of each event, as it comes."""
        connection = HTTPConnection("127.0.0.1", self.web, timeout=TIMEOUT)
        with contextlib.closing(connection):
            connection.request("GET", f"/api/v1/lab/runs/{id_}/events")
            answer = connection.getresponse()
            assert answer.getheader("Content-Type") == "text/event-stream"
            number = 0
            for line in answer:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                number = int(value) if field == "id" else number
                if field == "data":
                    yield number, json.loads(value)

    def wait_for(self, id_: str, event: str) -> None:
        next(data for _, data in self.events(id_) if data["event"] == event)

    def page(self) -> str:
        """The address that it logged."""
        return re.findall(r"the experiment page is at (http://\S+)", self.log.read_text())[-1]


@pytest.fixture
def tmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short path, in which experiments make theirs; whatever runs there is killed."""
    with TemporaryDirectory(prefix="p2pt") as folder:
        monkeypatch.setitem(ENVIRONMENT, "TMPDIR", folder)
        yield Path(folder)
        for pid in running_in(Path(folder)):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def experiment_rs(tmp: Path) -> Iterator[ExperimentRS]:
    with ExperimentRS(tmp, free_port()) as started:
        yield started


def soon(ready: Callable[[], bool], complaint: str) -> None:
    wait_until(ready, time.monotonic() + TIMEOUT, complaint)


def only_the_rs(experiment_rs: ExperimentRS, tmp: Path) -> bool:
    """Whether nothing runs there but the RS, and no experiment has left its folder."""
    return running_in(tmp) == [experiment_rs.process.pid] and not list(tmp.glob("p2p-*"))


def test_a_run_from_its_start_to_its_report(experiment_rs: ExperimentRS, tmp: Path) -> None:
    id_ = experiment_rs.begin(ORDER | {"trace": True})
    with pytest.raises(ControlError, match="an experiment is running already") as refused:
        experiment_rs.begin(ORDER)
    assert refused.value.status == 409
    events = list(experiment_rs.events(id_))
    numbers, data = zip(*events, strict=True)
    assert sorted(set(numbers)) == list(numbers)
    kinds = [event["event"] for event in data]
    assert (kinds[0], kinds[-3:]) == ("run", ["run-ended", "end", "over"])
    assert set(kinds[1:-3]) == {"progress"}
    wanted = {peer: about["files"] for peer, about in data[0]["peers"].items()}
    assert wanted == {"peer1": 0, "peer2": 4, "peer3": 4}
    assert {peer: got["files"] for peer, got in data[-3]["peers"].items()} == {"peer2": 4, "peer3": 4}
    assert data[-3]["verified"] == data[-3]["expected"] == 14
    for before, after in pairwise(data[1:-3]):
        assert before["at"] < after["at"]
        assert all(before["peers"][peer]["bytes"] <= after["peers"][peer]["bytes"] for peer in before["peers"])
    assert "report" not in data[-2]
    assert experiment_rs.run(id_) == {name: value for name, value in data[-1].items() if name != "event"}
    assert (data[-1]["state"], data[-1]["error"]) == ("done", None)

    assert experiment_rs.get(f"/api/v1/lab/runs/{id_}/events", **{"Last-Event-ID": str(numbers[-1])}) == (204, b"")
    status, report = experiment_rs.get(data[-1]["results"]["report"])
    assert (status, report[:15]) == (200, b"<!doctype html>")
    assert json.loads(experiment_rs.get(data[-1]["results"]["results.json"])[1])["runs"][0]["verified"] == 14
    status, messages = experiment_rs.get(data[-1]["results"]["messages"])
    assert status == 200
    assert b"asks peer1 for note001.txt." in messages
    assert experiment_rs.get(data[-1]["results"]["messages"] + "?run=task1-9-1")[0] == 404
    assert only_the_rs(experiment_rs, tmp)
    assert "Traceback" not in experiment_rs.stop()


def test_the_available_places_are_found_out(experiment_rs: ExperimentRS) -> None:
    def known() -> bool:
        return "still" not in (experiment_rs.control.get("lab")["labs"]["netns"] or "")

    soon(known, "it is not known which places are available")
    reasons = experiment_rs.control.get("lab")["labs"]
    assert (reasons["loopback"], reasons["netns"] is None) == (None, WHY_NOT is None)
    if WHY_NOT is not None:
        with pytest.raises(ControlError, match="netns is not available here: "):
            experiment_rs.begin({**ORDER, "lab": "netns"})


def test_a_run_that_is_stopped_leaves_no_process_and_what_it_has(experiment_rs: ExperimentRS, tmp: Path) -> None:
    id_ = experiment_rs.begin(SLOW)
    experiment_rs.wait_for(id_, "progress")
    assert experiment_rs.control.delete(f"lab/runs/{id_}")["state"] == "stopping"
    last = list(experiment_rs.events(id_))[-1][1]
    assert (last["event"], last["state"], last["error"]) == ("over", "stopped", None)
    assert "report" in last["results"]
    assert only_the_rs(experiment_rs, tmp)
    with pytest.raises(ControlError, match="this run is over: stopped"):
        experiment_rs.control.delete(f"lab/runs/{id_}")


def test_an_rs_that_stops_stops_its_run_first(experiment_rs: ExperimentRS, tmp: Path) -> None:
    id_ = experiment_rs.begin(SLOW)
    experiment_rs.wait_for(id_, "progress")
    experiment_rs.process.terminate()
    assert experiment_rs.process.wait(TIMEOUT) in (0, -signal.SIGTERM)
    assert running_in(tmp) == []
    assert "Traceback" not in experiment_rs.log.read_text()
    with ExperimentRS(tmp, experiment_rs.web) as again:
        assert (again.run(id_)["state"], "report" in again.run(id_)["results"]) == ("stopped", True)
        assert again.page() == experiment_rs.page()


def test_a_run_whose_rs_is_killed_ends_by_itself(experiment_rs: ExperimentRS, tmp: Path) -> None:
    id_ = experiment_rs.begin(SLOW)
    experiment_rs.wait_for(id_, "progress")
    experiment_rs.kill()
    soon(lambda: running_in(tmp) == [] and not list(tmp.glob("p2p-*")), "something goes on without the RS")
    with ExperimentRS(tmp, experiment_rs.web) as again:
        run = again.run(id_)
        assert (run["state"], run["error"]) == ("failed", "the RS ended while this ran")


def test_the_page_in_a_browser(experiment_rs: ExperimentRS, tmp: Path) -> None:
    with browsing() as browser:
        look_at(browser, experiment_rs)


def look_at(browser: Any, experiment_rs: ExperimentRS) -> None:
    """Run an experiment on the page, look at it while it runs and afterwards, and try what is not allowed."""
    expect = pytest.importorskip("playwright.sync_api").expect
    expect.set_options(timeout=TIMEOUT * 1000)
    page, faults = browser.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(experiment_rs.page())
    expect(page.locator("#status")).to_contain_text("No experiment has been run here yet")
    assert page.url == f"http://127.0.0.1:{experiment_rs.web}/lab", "the key is out of the address bar"

    page.get_by_label("Task", exact=True).select_option("task1")
    for label, value in (("Peers", "3"), ("Documents", "6"), ("Up, Mbit/s", "0.5"), ("Down, Mbit/s", "10")):
        page.get_by_label(label, exact=True).fill(value)
    page.keyboard.press("Enter")
    lines = page.locator("path[data-peer]")
    expect(lines).to_have_count(2)
    expect(page.locator("#start")).to_be_disabled()
    expect(page.locator("#stop")).to_be_enabled()

    watcher = browser.new_context().new_page()
    watcher.goto(f"http://127.0.0.1:{experiment_rs.web}/lab")
    expect(watcher.locator("path[data-peer]")).to_have_count(2)
    expect(watcher.locator("#watching")).to_be_visible()
    expect(watcher.locator("#stop")).to_be_disabled()

    expect(page.locator("#status")).to_have_text("Done.")
    expect(watcher.locator("#status")).to_have_text("Done.")
    assert [line.get_attribute("data-peer") for line in lines.all()] == ["peer2", "peer3"]
    for one in (page, watcher):
        check_curves(one)
        expect(one.locator(".run tbody tr").last).to_contain_text("4 of 4")
    expect(page.locator("#sentences li").first).to_contain_text(
        "Task 1, centralised, 3 peers: the last one had everything"
    )
    expect(page.locator("#start")).to_be_enabled()

    page.reload()
    expect(page.locator("#status")).to_have_text("Done.")
    check_curves(page)
    with page.expect_popup() as opened:
        page.locator("#links a", has_text="Report").click()
    expect(opened.value.locator("h1")).to_be_visible()
    check_faults(page, expect)
    check_widths(page)
    for scheme in "dark", "light":
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # a change of colour takes a while
        assert violations(page) == []
    assert faults == []


def check_faults(page: Any, expect: Any) -> None:
    """Run the same again with a peer that is killed: it is marked on its curve and in the table, and named."""
    page.get_by_text("Faults", exact=True).click()
    page.get_by_label("Kill", exact=True).fill("peer3@50%")
    page.locator("#start").click()
    expect(page.locator("#start")).to_be_disabled()
    expect(page.locator("#status")).to_have_text("Done.")
    expect(page.locator("path[data-fault='peer3 killed']")).to_have_count(1)
    expect(page.locator(".run tbody tr").last).to_contain_text("peer3 (killed)")
    expect(page.locator(".run .said")).to_contain_text("times the bound")
    expect(page.locator(".run .said")).to_contain_text("peer3 killed after")
    expect(page.locator("#list tr").first).to_contain_text("Task 1, centralised, 3 peers, kill peer3@50%")
    expect(page.locator("#sentences li").first).to_contain_text("3 peers (peer3 killed): the last of the others had")


def check_widths(page: Any) -> None:
    """Nothing is cut off or scrolls sideways, neither the page nor a table in it, on a desk or a telephone."""
    for width in (420, 360, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        for part in ("html", "#list", ".run .wide", "#runs"):
            assert page.locator(part).first.evaluate("one => one.scrollWidth <= one.clientWidth"), (width, part)


def check_curves(page: Any) -> None:
    """Each curve goes from the start to the top, never back and never down, and ends in a ring; the bound is there."""
    assert re.fullmatch(r"bound [0-9.]+ s", page.locator(".bound-name").text_content())
    rings = [[float(ring.get_attribute(name)) for name in ("cx", "cy")] for ring in page.locator(".plot circle").all()]
    curves = [line.get_attribute("d")[1:].split("L") for line in page.locator("path[data-peer]").all()]
    for curve, ring in zip(curves, rings, strict=True):
        points = [tuple(map(float, point.split())) for point in curve]
        assert points == sorted(points, key=lambda point: (point[0], -point[1]))
        assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)
        assert points[-1] == pytest.approx(ring, abs=0.1)
