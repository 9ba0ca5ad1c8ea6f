"""What the links between sites carried, in words and in a figure."""

from pathlib import Path

import pytest

from p2p_twisted.experiment.report.site_findings import carried, describe_links
from p2p_twisted.experiment.results import LinkBytes, Run
from tests.support.made_results import MIB, results_of, run_of

SIZE = 4 * MIB
"""Of the document in made runs."""


def sites_run(*links: tuple[float, float], repeat: int = 1) -> Run:
    carried = [LinkBytes(round(there * SIZE), round(back * SIZE)) for there, back in links]
    return run_of("sites", 9.0, repeat=repeat, swarm=True, sites=(2, 1, 1), links=carried)


def test_each_link_has_a_sentence() -> None:
    found = list(describe_links(results_of([sites_run((1.02, 0.03), (1.5, 0.0))])))
    assert found == [
        "The link between sites 1 and 2 carried the document 1.02 times away from the source, and 0.03 times back.",
        "The link between sites 2 and 3 carried the document 1.50 times away from the source, and 0.00 times back.",
    ]


def test_the_median_of_the_runs_counts() -> None:
    runs = [sites_run((multiple, 0.0), repeat=number) for number, multiple in enumerate((1.1, 1.0, 3.0), 1)]
    [(there, back)] = carried(runs)
    assert (round(there, 3), back) == (1.1, 0.0)


def test_without_sites_there_is_nothing_to_say() -> None:
    assert list(describe_links(results_of([run_of("swarm", 9.0)]))) == []


def test_the_report_has_a_figure_of_the_links(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from p2p_twisted.experiment.report.figures import draw

    plates = {plate.name: plate for plate in draw(results_of([sites_run((1.02, 0.03), (1.5, 0.0))]), tmp_path)}
    assert "sites 2 and 3" in plates["links"].svg
    assert "1.50" in plates["links"].svg
    assert (tmp_path / "links.png").exists()
