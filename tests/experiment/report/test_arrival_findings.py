"""What is said of downloaders that arrived one by one."""

from p2p_twisted.experiment.report.arrival_findings import describe_arrivals
from p2p_twisted.experiment.report.findings import findings
from tests.support.made_results import results_of, run_of


def test_the_clock_of_each_counts_from_its_arrival() -> None:
    run = run_of("swarm", 8.0, arrive=2.0, began={"peer2": 0.0, "peer3": 2.0, "peer4": 4.0})
    assert [*describe_arrivals(results_of([run]))] == [
        "Swarm, one document, 4 peers: downloaders arrived one every 2 s. From its own arrival, a peer needed 6.00 s "
        "(median); peer2 needed the longest, 8.00 s."
    ]
    said = findings(results_of([run]))
    assert not [sentence for sentence in said if "started within" in sentence]
    assert not [sentence for sentence in said if "source alone" in sentence]


def test_nothing_where_all_started_together() -> None:
    assert [*describe_arrivals(results_of([run_of("swarm", 8.0)]))] == []
