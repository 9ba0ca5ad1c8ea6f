"""Task 1 with three peers and six documents, message by message: in the terminal, and stepped through in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Watched, browsing, violations
from tests.support.experiment_command import run, temporary
from tests.support.p2p_command import p2p

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


@pytest.fixture(scope="module")
def trace() -> Iterator[Path]:
    """The messages of a run."""
    with temporary() as folder:
        run(folder, "task1", "--peers", 3, "--files", 6, "--up", "20Mbit", "--trace")
        yield folder / "out" / "traces" / "task1-3-1.jsonl"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as chromium:
        yield chromium


def test_the_report_has_a_link_to_it(trace: Path) -> None:
    assert 'href="traces/task1-3-1.jsonl"' in (trace.parents[1] / "report.html").read_text("utf-8")
    assert json.loads((trace.parents[1] / "results.json").read_text("utf-8"))["runs"][0]["trace"] == (
        "traces/task1-3-1.jsonl"
    )


def test_every_message_is_a_line(trace: Path) -> None:
    listed = p2p("trace", "lines", trace, "--json")
    assert (listed.exit_code, listed.stderr) == (0, "")
    messages = json.loads(listed.stdout)["messages"]
    meanings = [message["meaning"] for message in messages]
    for peer in ("peer1", "peer2", "peer3"):
        assert f"{peer} registers at the RS." in meanings
        assert f"The RS sends {peer} the list of active peers." in meanings
    for peer in ("peer2", "peer3"):
        assert sum(meaning.startswith(f"{peer} asks peer1 for note00") for meaning in meanings) == 4
        assert sum(meaning.startswith(f"peer1 sends {peer} ") and "of note00" in meaning for meaning in meanings) == 4
    assert {host for message in messages for host in (message["from"], message["to"])} == {
        "rs",
        "peer1",
        "peer2",
        "peer3",
    }
    few = p2p("trace", "lines", trace, "--host", "peer3", "--method", "GET FILE", "--words", "asks").stdout.splitlines()
    assert len([line for line in few if "asks peer1 for" in line]) == len(few) == 4


def test_what_is_no_trace_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello\n")
    for verb in ("lines", "view"):
        result = p2p("trace", verb, tmp_path / "notes.txt")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == f"p2p: {tmp_path}/notes.txt is not a trace: 'hello\\n' is not an object of JSON\n"
    missing = p2p("trace", "lines", tmp_path / "none")
    assert missing.exit_code == 1
    assert missing.stderr.startswith(f"p2p: {tmp_path}/none cannot be read: ")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1920, "light")])
def test_one_steps_through_them_in_a_browser(browser: Any, trace: Path, width: int, scheme: str) -> None:
    made = p2p("trace", "view", trace, "--print")
    assert (made.exit_code, made.stderr) == (0, "")
    watched = Watched(browser, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = watched.page
    page.goto(Path(made.stdout.strip()).as_uri())
    total = page.locator("#messages .message").count()

    page.get_by_role("button", name="Next").click()
    assert page.get_by_role("status").inner_text() == f"1 of {total}"
    assert "registers at the RS." in page.locator("#sentence").inner_text()
    assert page.locator("#bytes").inner_text().startswith("Register NULL P2P_DI_1.1\nHost")
    assert page.locator("#parts tr", has_text="cookie:").first.inner_text().count("what the RS gave the peer") == 1
    page.keyboard.press("Tab")
    page.locator("#messages .message").nth(0).focus()
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("status").inner_text() == f"2 of {total}"

    page.get_by_role("button", name="Play").click()
    page.get_by_role("status").filter(has_text=f"4 of {total}").wait_for()
    page.get_by_role("button", name="Pause").click()
    assert violations(page) == []

    page.get_by_label("Host").select_option("peer2")
    page.get_by_label("Method").select_option("GET FILE")
    page.get_by_label("Document or words").fill("asks peer1 for note00")
    assert page.get_by_role("status").inner_text() == "4 messages"
    page.get_by_role("button", name="Next").click()
    assert page.locator("#sentence").inner_text().startswith("peer2 asks peer1 for note00")
    page.get_by_label("Document or words").fill("nothing of the kind")
    page.get_by_text("No message is left by these filters.").wait_for()
    assert watched.faults == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
