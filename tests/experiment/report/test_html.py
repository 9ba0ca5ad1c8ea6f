"""The report: one file that loads nothing, in which strangers' words are words and nothing else."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="Jinja2 is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from p2p_twisted.experiment.report.figures import Plate, draw
from p2p_twisted.experiment.report.findings import findings
from p2p_twisted.experiment.report.html import render, write_report
from p2p_twisted.experiment.results import Results
from tests.support.made_results import cut_off, results_of, run_of

LOADING = ("src", "href", "xlink:href", "srcset", "data", "action", "poster", "background", "style", "formaction")
"""Attributes that can make a browser load something."""
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "ul", "li", "dl", "dt", "dd", "b", "code"),
    *("table", "thead", "tbody", "tr", "th", "td", "figure", "img", "figcaption"),
    *("nav", "a", "div", "h3", "details", "summary"),
}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</li></ul><iframe src=//evil.example>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &amp;",
    "javascript:alert(1)",
]
PLATE = Plate("task1", "All peers.", "<svg xmlns='http://www.w3.org/2000/svg'/>")


class Page(HTMLParser):
    """The tags, attributes, text and style sheets of a document."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.styles = ""
        self._in_style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False
        self.text += " "

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.styles += data
        else:
            self.text += data

    @property
    def loaded(self) -> list[str]:
        """All that a browser would fetch for it, or leave it for."""
        sheets = re.findall(r"url\(([^)]*)\)|(@import)", self.styles)
        named = [value for tag, name, value in self.attributes if name in LOADING and (tag, value[:1]) != ("a", "#")]
        return named + [a or b for a, b in sheets]


def whole() -> Results:
    runs = [run_of("task1", 9.0), run_of("task2-worst", 14.0, begins=4.0), run_of("swarm", 2.5)]
    return results_of(runs, setting={"command": "p2p experiment all", "seed": "7", "system": "Linux"})


def table(text: str) -> str:
    """The words of a page, one space apart."""
    return " ".join(text.split())


def test_the_report_is_one_file_without_external_resources(tmp_path: Path) -> None:
    results = results_of([run_of("task1", 9.0, slow={"peer2": 1e5})])
    plates = draw(results, tmp_path)
    path = write_report(results, plates, tmp_path)
    assert path == tmp_path / "report.html"
    page = Page(path.read_text("utf-8"))
    assert set(page.tags) <= TAGS
    figures = [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")]
    assert page.loaded == figures
    assert len(figures) == len(plates) == 4
    for figure, plate in zip(figures, plates, strict=True):
        kind, _, data = figure.partition(",")
        assert kind == "data:image/svg+xml;base64"
        svg = base64.b64decode(data, validate=True).decode()
        assert svg == plate.svg
        assert "<script" not in svg
        links = [value for _, name, value in Page(svg).attributes if name.endswith("href")]
        assert all(value.startswith(("#", "data:image/png;base64,")) for value in links)
        assert all(found.startswith("#") for found in re.findall(r"url\(([^)]*)\)", svg))


def test_the_contents_list_all_parts_and_tasks_are_folded() -> None:
    plates = [Plate("times", "Bars.", "<svg/>"), Plate("task1", "All peers.", "<svg/>", "task1")]
    page = Page(render(whole(), plates))
    there = {value for _, name, value in page.attributes if name == "id"}
    targets = [value.removeprefix("#") for tag, name, value in page.attributes if (tag, name) == ("a", "href")]
    assert targets[0] == "times"
    assert set(targets) <= there
    assert page.tags.index("nav") < page.tags.index("figure") < page.tags.index("details")
    assert page.tags.count("details") == 4, "three tasks, and the table of all runs"
    assert ("details", "open", "") not in page.attributes
    alone = Page(render(results_of([run_of("task1", 9.0)]), plates))
    assert alone.attributes.count(("details", "open", "")) == 1, "of one task there is nothing else to see"


def test_wide_tables_scroll_by_themselves() -> None:
    page = Page(render(whole(), [PLATE]))
    assert page.tags.count("table") == page.tags.count("div") + 1, "all tables but the setting, whose words wrap"


def test_every_figure_has_a_caption_that_is_read_aloud() -> None:
    page = Page(render(whole(), [PLATE]))
    assert [value for _, name, value in page.attributes if name == "alt"] == ["All peers."]
    assert page.text.count("All peers.") == 1


def test_findings_times_and_setting_are_in_it() -> None:
    results = whole()
    page = Page(render(results, []))
    text = table(page.text)
    for sentence in findings(results):
        assert sentence in text
    for name, value in results.setting.items():
        assert f"{name} {value}" in text
    named = results_of(results.runs, setting={"links": "20 Mbit/s up", "peers": "4", "seed": "7"})
    assert "distribution peers: 4; links: 20 Mbit/s up." in table(Page(render(named, [])).text)
    bound = results.runs[0].bound
    assert f"Task 1, centralised 4 1 9.00 9.00 9.00 {bound:.2f} {9 / bound:.2f} 39 of 39" in text
    assert f"Task 1, centralised 4 1 9.00 {9 / bound:.2f} 27 12 40 % 30 % 39 of 39" in text
    assert "One peer has all documents; the others fetch from it" in text
    assert "interrupted" not in text


def test_an_interrupted_run_is_marked_and_has_no_time() -> None:
    run = cut_off(run_of("task1", 9.0, busy=None, busiest=None), 4.0)
    text = table(Page(render(results_of([run]), [])).text)
    assert "The experiment was interrupted. These are the results until then." in text
    assert f"Task 1, centralised 4 1 - - - {run.bound:.2f} - {run.verified} of 39" in text
    assert "Task 1, centralised (interrupted) 4 1 - - " in text
    assert "unknown unknown" in text


@pytest.mark.parametrize("word", HOSTILE)
def test_words_of_strangers_are_only_words(word: str) -> None:
    run = run_of("task1", 9.0, failed={"peer2": {word: word}}, verified=3)
    setting = {"command": f"p2p experiment task1 --corpus {word}", "documents of task1": f"60, {word} to {word}"}
    results = replace(results_of([run]), setting=setting)
    html, plain = (render(one, [PLATE]) for one in (results, results_of([replace(run, failed={})], setting=setting)))
    page = Page(html)
    assert set(page.tags) <= TAGS
    assert page.tags.count("img") == 1
    assert page.tags.count("li") == Page(plain).tags.count("li") + 1
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert f"peer2 did not get 1 of its documents; {word}: {word}." in page.text
    assert f"--corpus {word}" in page.text


def test_captures_are_linked() -> None:
    path = 'captures/task1-4-1/pe"er1.pcapng'
    page = Page(render(results_of([run_of("task1", 9.0, captures=[path])]), [PLATE]))
    assert ("a", "href", "captures/task1-4-1/pe%22er1.pcapng") in page.attributes
    assert set(page.tags) <= TAGS
    assert 'run 1: pe"er1.pcapng' in table(page.text)
    assert "#captures" not in render(whole(), [])


def test_a_name_that_is_on_no_figure_cannot_harm_one(tmp_path: Path) -> None:
    plates = draw(results_of([run_of("task1", 9.0, failed={"peer2": {HOSTILE[0]: HOSTILE[1]}})]), tmp_path)
    assert not [plate.name for plate in plates if "alert" in plate.svg]
