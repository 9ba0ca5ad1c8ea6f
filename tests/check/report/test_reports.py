"""The same run in each form: nothing of it is lost, and nothing that a server sent is more than text."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree.ElementTree import fromstring

import pytest

from p2p_twisted.check.model import Result, Verdict
from p2p_twisted.check.report.gradescope import as_gradescope
from p2p_twisted.check.report.html import as_html
from p2p_twisted.check.report.json_text import as_json
from p2p_twisted.check.report.junit import as_junit
from p2p_twisted.check.report.run import Run
from p2p_twisted.check.report.table import bytes_of, headings, rows
from p2p_twisted.check.rubric import Rubric, score
from p2p_twisted.check.transcript import GOT, SENT, Entry
from tests.support.browser import Watched, browsing, violations

HOSTILE = "<script>alert(1)</script>&\u202e\x1b[2J\ud800"
SENT_BYTES = b"Register\n\0<b>\xff"
RESULTS = (
    Result("a", "messages", "A is right", "Register", True, Verdict.PASS, seconds=0.5),
    Result(
        *("b", "messages", "B is right", "Register", True, Verdict.FAIL, f"got {HOSTILE}", "mend it", 1.0),
        (
            Entry(0.0, 1, "opened"),
            Entry(0.1, 1, SENT, SENT_BYTES),
            Entry(0.2, 1, GOT, HOSTILE.encode("utf-8", "replace")),
        ),
    ),
    Result("c", "messages", "C is right", "Register", False, Verdict.FAIL, "seen", "mend"),
    Result("d", "state", "D is right", "Register", True, Verdict.UNKNOWN, "could not", "mend"),
    Result("e", "state", "E is right", "Register", True, Verdict.NOT_OFFERED, "has not"),
)
PLAIN = Run("rs", "127.0.0.1:1", "1.0", RESULTS)
SCORED = replace(PLAIN, score=score(Rubric("Ours", {"messages": 3.0, "state": 1.0}, {}), RESULTS))


def test_the_run_as_a_whole() -> None:
    assert not PLAIN.passed
    assert PLAIN.counts == {"pass": 1, "fail": 2, "not offered": 1, "could not tell": 1}
    assert PLAIN.summary == "2 of 4 mandatory checks not passed; 1 of 1 optional ones not"
    good = replace(PLAIN, results=RESULTS[:1])
    assert (good.passed, good.summary) == (True, "all 1 mandatory checks passed")


def test_the_table() -> None:
    found = list(rows(SCORED))
    assert headings(SCORED) == (*headings(PLAIN), "points")
    assert found[0] == ("pass", "messages", "a", "A is right", "", "1.5 of 1.5")
    assert found[2] == ("fail (optional)", "messages", "c", "seen", "mend", "")
    assert list(rows(PLAIN))[3] == ("could not tell", "state", "d", "could not", "mend")
    assert "    0.100 1 > \\x00<b>\\xff" in list(bytes_of(RESULTS[1]))


def test_json_has_every_byte() -> None:
    found = json.loads(json.dumps(as_json(SCORED)))
    assert [item["verdict"] for item in found["items"]] == ["pass", "fail", "fail", "could not tell", "not offered"]
    data = found["items"][1]["transcript"][1]["data"]
    assert data.encode().decode("unicode_escape").encode("latin-1") == SENT_BYTES
    assert found["points"]["got"] == 1.5 and found["points"]["groups"]["state"] == {"got": 0.0, "out_of": 1.0}
    assert "points" not in as_json(PLAIN) and found["passed"] is False


def test_junit() -> None:
    root = fromstring(as_junit(PLAIN).encode())
    assert {suite.get("name") for suite in root} == {"messages", "state"}
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("5", "1", "1", "2")
    failure = root.find("testsuite/testcase[@name='b']/failure")
    assert failure is not None and "<script>" in str(failure.get("message"))
    assert root.find("testsuite/testcase[@name='c']/skipped") is not None
    assert root.find("testsuite/testcase[@name='d']/error") is not None


def test_gradescope() -> None:
    found = json.loads(as_gradescope(SCORED))
    assert found["score"] == 1.5
    assert sum(test["max_score"] for test in found["tests"]) == 4.0
    assert [test["status"] for test in found["tests"]] == ["passed", *["failed"] * 4]
    plain = json.loads(as_gradescope(PLAIN))
    assert (plain["score"], [test["max_score"] for test in plain["tests"]]) == (1, [1.0, 1.0, 0.0, 1.0, 0.0])


class Tags(HTMLParser):
    """Collects the tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {name for name, _ in attrs} & {"src", "onload", "onclick"}
        assert all(str(value).startswith("#") for name, value in attrs if name == "href")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    page = Tags(as_html(SCORED))
    assert "script" not in page.tags and "b" not in page.tags
    assert "<script>alert(1)</script>" in page.text and "1.5 of 4 points" in page.text
    assert all(result.title in page.text for result in RESULTS)


@pytest.mark.slow
def test_the_page_can_be_read_by_everybody() -> None:
    with browsing() as browser:
        watched = Watched(browser, viewport={"width": 360, "height": 800})
        watched.page.set_content(as_html(SCORED))
        watched.page.click("summary")
        assert "Register" in watched.page.inner_text("pre")
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert (violations(watched.page), watched.faults) == ([], [])
