"""The figures: there for few peers and many, legible, their axes with units, the same from the same numbers."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from p2p_twisted.experiment.report import growth_figure, task_figures
from p2p_twisted.experiment.report.comparison_figure import UNTIL, times
from p2p_twisted.experiment.report.figures import draw
from p2p_twisted.experiment.report.style import line, slim, style
from p2p_twisted.experiment.results import Event, Run
from p2p_twisted.experiment.summary import summarise
from tests.support.made_results import cut_off, results_of, run_of

pytestmark = pytest.mark.slow

TASKS = {"task1": 9.0, "task2-worst": 14.0, "task2-best": 3.0, "swarm": 2.5}
"""Every task, and how long it is to take."""


COMPARED = {"task1": 9.0, "task1-swarm": 2.6, "task2-worst": 14.0, "task2-best": 3.0, "task2-swarm": 3.1}
"""The tasks of ``p2p experiment all``, and their times."""


def run_for(task: str, peers: int = 4, **more: Any) -> Run:
    return run_of(task, TASKS.get(task, 5.0), peers, begins=4.0, **more)


def all_tasks(peers: int = 4) -> list[Run]:
    return [run_for(task, peers) for task in TASKS]


def grown(*peers: int) -> list[Run]:
    return [
        run_of(task, 1.5 * count if task == "central" else 2.1, count)
        for count in peers
        for task in ("central", "swarm")
    ]


FAULTY = {
    "a source that is killed": run_for("task1", events=[Event(4.0, "peer1", "peer1 killed")]),
    "downloaders that go and come": run_for(
        "task2-best", events=[Event(1.0, "peer2", "peer2 killed"), Event(1.4, "peer2", "peer2 back")]
    ),
    "killed at the start": run_for("swarm", events=[Event(0.01, "peer3", "peer3 killed")]),
    "killed at the end": run_for("swarm", events=[Event(2.5, "peer1", "peer1 killed")]),
    "slow": run_for("task1", slow={"peer3": 125_000.0}),
    "corrupt": run_for("swarm", corrupt=["peer5"], shares={"peer1": 1.0, "peer5": 0.4}),
    "interrupted": cut_off(run_for("task2-worst"), 6.0),
    "interrupted at once": cut_off(run_for("swarm"), 0.0),
    "everything": run_for(
        "swarm",
        8,
        corrupt=["peer9", "peer10"],
        slow={"peer2": 125_000.0, "peer1": 1e6},
        events=[
            Event(0.6, "peer1", "peer1 killed"),
            Event(1.0, "peer4", "peer4 killed"),
            Event(1.3, "peer4", "peer4 back"),
            Event(1.7, "peer5", "peer5 killed"),
        ],
    ),
}


def drawn(made: Figure) -> dict[Text, Bbox]:
    """Every word that can be seen in a figure, and where it is, in pixels."""
    made.canvas.draw()
    ticks = set()
    shown = set()
    for axis in (axis for axes in made.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            ticks |= {tick.label1, tick.label2}
            if low <= tick.get_loc() <= high:
                shown |= {tick.label1, tick.label2}
    texts = [text for text in made.findobj(Text) if text.get_text().strip() and text.get_visible()]
    there = [
        text for text in texts if (text not in ticks or text in shown) and (not text.axes or text.axes.get_visible())
    ]
    return {text: text.get_window_extent() for text in there}


def assert_legible(made: Figure) -> None:
    """No two words are on one another, none is cut off at the edge, and none is small."""
    words = drawn(made)
    width, height = made.canvas.get_width_height()
    for text, box in words.items():
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, f"{text} is cut off"
        assert float(text.get_fontsize()) >= 8.5, text
    for (one, here), (other, there) in combinations(words.items(), 2):
        meet = Bbox.intersection(here, there)
        assert meet is None or min(meet.width, meet.height) <= 1.0, f"{one} is on {other}"


def labels(made: Figure) -> set[str]:
    """Return the labels of the axes of a figure, with its own labels and those of colour bars."""
    own = {made.get_supxlabel(), made.get_supylabel()}
    return own.union(*({axes.get_xlabel(), axes.get_ylabel()} for axes in made.axes)) - {""}


def words(made: Figure) -> str:
    return "\n".join(text.get_text() for text in drawn(made))


@pytest.fixture(autouse=True)
def styled() -> Iterator[None]:
    with style():
        yield


def test_lines_can_be_distinguished() -> None:
    assert len({str(line(place)) for place in range(32)}) == 32


@pytest.mark.parametrize(("task", "peers"), [("task1", 2), ("task2-worst", 6), ("swarm", 17), ("task2-best", 32)])
def test_all_peers_on_one_plot(task: str, peers: int) -> None:
    run = run_for(task, peers)
    made: Any = task_figures.all_peers(run)
    assert_legible(made)
    [axes] = made.axes
    assert labels(made) == {"fetched (MB)" if task == "swarm" else "documents fetched", task_figures.TIME}
    assert [text.get_text() for text in axes.get_legend().get_texts()] == run.downloaders
    assert axes.get_position().width > 0.3, "the legend leaves no room for the curves"


@pytest.mark.parametrize(("task", "peers"), [("task2-worst", 2), ("swarm", 6), ("task2-best", 10), ("swarm", 17)])
def test_each_peer_in_a_panel(task: str, peers: int) -> None:
    run = run_for(task, peers)
    made: Any = task_figures.each_peer(run)
    assert_legible(made)
    seen = [axes for axes in made.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in seen] == run.downloaders
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in seen}) == 1
    assert task_figures.TIME in labels(made)


@pytest.mark.parametrize("peers", [2, 6, 12, 13, 32])
def test_transfers_between_peers_are_drawn(peers: int) -> None:
    run = run_for("task2-best", peers)
    made: Any = task_figures.who_to_whom(run)
    assert_legible(made)
    assert labels(made) == {"to peer", "from peer", "MB"}
    assert ("-" in words(made).splitlines()) is (peers <= task_figures.MAX_NUMBERED_PEERS)


@pytest.mark.parametrize("draw_one", [task_figures.all_peers, task_figures.each_peer])
@pytest.mark.parametrize("run", FAULTY.values(), ids=FAULTY)
def test_faults_are_drawn(run: Run, draw_one: Callable[[Run], Figure]) -> None:
    assert_legible(draw_one(run))


@pytest.mark.parametrize("draw_one", [task_figures.all_peers, task_figures.each_peer])
def test_events_are_on_the_plots(draw_one: Callable[[Run], Figure]) -> None:
    said = words(draw_one(FAULTY["a source that is killed"]))
    assert "peer1 killed" in said
    said = words(draw_one(FAULTY["downloaders that go and come"]))
    assert "killed" in said.splitlines()
    assert "back" in said.splitlines()
    assert "killed" not in words(draw_one(run_for("task1")))


def test_the_figure_and_its_caption_say_that_curves_coincide(tmp_path: Path) -> None:
    run = run_for("task1", 5)
    assert "all curves\ncoincide" in words(task_figures.all_peers(run))
    caption = draw(results_of([run]), tmp_path)[1].caption
    assert caption.endswith("The curves of peer2, peer3, peer4 and peer5 coincide.")
    late = [replace(found, at=1.2 * found.at) if found.peer == "peer3" else found for found in run.arrivals]
    assert "some curves\ncoincide" in words(task_figures.all_peers(replace(run, arrivals=late)))


def test_a_mark_is_where_its_curve_is() -> None:
    made: Any = task_figures.all_peers(FAULTY["downloaders that go and come"])
    marks = {
        (curve.get_xydata()[0][0], curve.get_xydata()[0][1])
        for curve in made.axes[0].get_lines()
        if curve.get_marker() in ("X", "o") and len(curve.get_xydata()) == 1
    }
    assert marks == {(3.0, 1.0), (4.0, 1.4)}  # of nine documents in three seconds


def test_slow_and_corrupt_peers_are_named() -> None:
    assert "peer3: 1 Mbit/s" in words(task_figures.all_peers(FAULTY["slow"])).splitlines()
    assert "peer3: 1 Mbit/s" in words(task_figures.each_peer(FAULTY["slow"])).splitlines()
    assert "peer5: garbage" in words(task_figures.all_peers(FAULTY["corrupt"])).splitlines()


@pytest.mark.parametrize("ratio", [0.2, 0.97, 1.0, 1.04, 5.0])
def test_the_bound_is_drawn_and_named_wherever_it_is(ratio: float) -> None:
    run = run_for("task1")
    run = run_of("task1", ratio * run.bound)
    made: Any
    for made in (task_figures.all_peers(run), task_figures.tasks([[run], [run_for("task2-best")]])):
        assert_legible(made)
        assert f"bound {run.bound:.2f} s" in words(made)
        assert any(curve.get_ydata()[0] == curve.get_ydata()[-1] == run.bound for curve in made.axes[0].get_lines())


@pytest.mark.parametrize(("count", "repeats"), [(1, 2), (2, 1), (3, 1), (3, 5), (5, 2)])
def test_tasks_side_by_side(count: int, repeats: int) -> None:
    cases = [
        [
            run_of(task, (TASKS | COMPARED)[task] * (1 + 0.1 * repeat), begins=4.0, repeat=repeat)
            for repeat in range(1, repeats + 1)
        ]
        for task in (COMPARED if count > 3 else list(TASKS)[:count])
    ]
    made: Any = task_figures.tasks(cases)
    assert_legible(made)
    assert labels(made) == {"documents that the last peer has", task_figures.TIME}
    seen = [axes for axes in made.axes if axes.get_visible()]
    assert [len(axes.collections) for axes in seen] == [repeats > 1] * count, "bands, where there are repeats"
    assert len({axes.get_ylim() for axes in made.axes}) == 1
    for axes, runs in zip(seen, cases, strict=True):
        curve: Any = axes.get_lines()[0]
        assert max(curve.get_ydata()) < axes.get_ylim()[1], f"{runs[0].task} runs out of its panel"
        assert max(curve.get_xdata()) < axes.get_xlim()[1]


@pytest.mark.parametrize(
    "draw_one", [task_figures.all_peers, task_figures.each_peer, lambda run: task_figures.tasks([[run], [run]])]
)
def test_an_axis_reaches_what_was_wanted_however_little_came(draw_one: Callable[[Run], Figure]) -> None:
    run = cut_off(run_for("task1"), 2.0)
    made: Any = draw_one(run)
    for axes in made.axes:
        assert not axes.get_visible() or axes.get_xlim()[1] > 9 > max(axes.get_lines()[0].get_xdata())


@pytest.mark.parametrize("runs", [all_tasks()[:1], all_tasks(), all_tasks(32)], ids=["one", "all", "many peers"])
def test_a_bar_for_each_task(runs: list[Run]) -> None:
    made: Any = times([[run] for run in runs])
    assert_legible(made)
    assert labels(made) == {UNTIL}
    for run in runs:
        assert f"{run.seconds:.2f} s, {run.ratio:.2f} times the bound" in words(made)


def test_an_incomplete_run_has_no_bar() -> None:
    made: Any = times([[run_for("task1")], [cut_off(run_for("task2-worst"), 6.0)]])
    assert_legible(made)
    assert "not completed" in words(made)
    assert [bar.get_width() for bar in made.axes[0].patches] == [9.0]


def compared(repeat: int = 1) -> list[Run]:
    return [run_of(task, seconds * (1 + 0.1 * repeat), begins=4.0, repeat=repeat) for task, seconds in COMPARED.items()]


def test_tasks_that_start_alike_stand_together_each_with_its_bound() -> None:
    cases = list(zip(compared(1), compared(2), compared(3), strict=True))
    made: Any = times(cases)
    assert_legible(made)
    said = [line for line in words(made).splitlines() if "documents" in line]
    assert said[:2] == [
        "One peer has all 12 documents, 3 others fetch 9 each: 27 copies",
        "Each of 4 peers has 3 of 12 documents and fetches 9: 36 copies",
    ]
    [axes] = made.axes
    assert [bar.get_width() for bar in axes.patches] == [pytest.approx(1.2 * seconds) for seconds in COMPARED.values()]
    points: list[Any] = [found for found in axes.collections if isinstance(found, PathCollection)]
    marks = [x for found in points for x, _ in found.get_offsets()]
    assert marks == [pytest.approx(runs[0].bound) for runs in cases]


def test_the_comparison_says_that_it_compares_the_same_work(tmp_path: Path) -> None:
    plates = draw(results_of(compared()), tmp_path)
    assert plates[0].name == "times"
    assert "All tasks have the same documents, peers and links." in plates[0].caption
    other = draw(results_of([run_for("task1"), run_for("swarm")]), tmp_path)
    assert "same documents" not in other[0].caption


@pytest.mark.parametrize("peers", [(2, 3), (2, 4, 8, 16, 32), (2, 4, 8, 16, 32, 64, 128), (30, 40)])
def test_growth(peers: tuple[int, ...], tmp_path: Path) -> None:
    runs = grown(*peers)
    made: Any = growth_of(runs)
    assert_legible(made)
    [axes] = made.axes
    assert labels(made) == {"peers (logarithmic)", "time until the last peer has everything (s, logarithmic)"}
    assert len(axes.get_lines()) == 4, "two tasks, and their bounds"
    assert [text.get_text() for text in axes.get_xticklabels()] == [str(count) for count in peers]


def test_growth_says_where_a_curve_is_on_its_bound() -> None:
    run = run_of("central", 1.0, 2)
    near = [run_of("central", 1.02 * run.bound, 2), run_of("central", 3.06 * run.bound, 4), *grown(2, 4)[1::2]]
    said = words(growth_of(near)).splitlines()
    assert "its bound, on the same line" in said
    assert "its bound" in said


def growth_of(runs: list[Run]) -> Figure:
    results = results_of(runs)
    summaries = [summarise(case) for case in results.cases.values()]
    return growth_figure.growth({task: [one for one in summaries if one.task == task] for task in results.tasks})


def test_growth_as_far_as_it_went() -> None:
    runs = grown(2, 4, 8)
    made: Any = growth_of([*runs[:-1], cut_off(runs[-1], 0.5)])
    assert_legible(made)
    assert [text.get_text() for text in made.axes[0].get_xticklabels()] == ["2", "4", "8"]
    assert [len(curve.get_xdata()) for curve in made.axes[0].get_lines()] == [3, 3, 2, 3]
    assert_legible(growth_of([cut_off(run, 0.0) for run in runs]))


def repeats(task: str) -> list[Run]:
    return [run_of(task, 9.0 + repeat, 2, repeat=repeat) for repeat in (1, 2, 3)]


def test_which_figures_there_are(tmp_path: Path) -> None:
    plates = draw(results_of([*repeats("task1"), *repeats("swarm"), *repeats("task2-best")]), tmp_path)
    per_task = ["", "-each-peer", "-who-to-whom"]
    shown = [task + end for task in ("task1", "swarm", "task2-best") for end in per_task]
    assert [plate.name for plate in plates] == ["times", "tasks", *shown]
    assert "Mean of 3 runs, with the 95 % confidence band." in plates[1].caption
    assert all("Run 2 of 3, the median." in plate.caption for plate in plates[2:])


def test_one_task_has_no_comparison_and_growth_has_one_figure(tmp_path: Path) -> None:
    alone, growing = (draw(results_of(runs), tmp_path) for runs in ([run_for("task1", 2)], grown(2, 3)))
    assert [plate.name for plate in alone] == ["times", "task1", "task1-each-peer", "task1-who-to-whom"]
    assert [plate.name for plate in growing] == ["growth"]


def test_figures_are_small(tmp_path: Path) -> None:
    """All of an experiment of six peers and 60 documents fit, three times over, into a megabyte."""
    draw(results_of(compared()), tmp_path)
    for path in tmp_path.iterdir():
        assert path.stat().st_size < 50_000, path.name


def test_an_svg_has_its_words_as_words(tmp_path: Path) -> None:
    [plate, *_] = draw(results_of([run_of("task1", 1.0)]), tmp_path)
    root = ElementTree.fromstring(plate.svg)
    said = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Task 1, centralised" in said
    assert "time until the last peer has everything (s)" in said
    assert "font-family: 'DejaVu Sans', 'Verdana', sans-serif" in plate.svg


def test_numbers_among_the_words_stay_whole() -> None:
    svg = """<style>*{stroke-linecap: butt}</style>\n  <text style="font-family: 'A'; " x="1.23456">0.00625 s</text>"""
    assert (
        slim(svg)
        == """<style>*{stroke-linecap: butt; font-family: 'A'}</style>\n<text style="" x="1.23">0.00625 s</text>"""
    )


def test_each_is_a_png_and_an_svg_the_same_from_the_same_numbers(tmp_path: Path) -> None:
    written = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        plates = draw(results_of([run_for("task1")]), tmp_path / name)
        assert all((tmp_path / name / f"{plate.name}.svg").read_text("utf-8") == plate.svg for plate in plates)
        written.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) == 2 * len(plates)
    for file, data in written[0].items():
        if file.endswith(".png"):
            assert data.startswith(b"\x89PNG\r\n\x1a\n")
        else:
            assert ElementTree.fromstring(data).tag == "{http://www.w3.org/2000/svg}svg"
