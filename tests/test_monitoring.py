"""Real processes are scraped: the numbers are right, and the manual explains every metric that there is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from p2p_twisted.web.control_client import ControlClient
from tests.support.scrape import Samples, get, scrape, value
from tests.support.twistd import Home, home, wait_for

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
GRAFANA = ROOT / "conf" / "grafana"
DOCUMENT = b"a document of two pieces\n" * 20_000


@dataclass
class Scraped:
    """The processes, and what they answered after one document went from one peer to the other."""

    user: Home
    rs: Samples
    holder: Samples
    downloader: Samples


def state(user: Home, name: str) -> Path:
    return user.home / name / "state"


def start_peer(user: Home, name: str, share: Path) -> None:
    share.mkdir(parents=True)
    user.start(state(user, name), *user.peer("--state-dir", str(state(user, name)), "--share", str(share)))


def fetch(folder: Path, name: str) -> None:
    """Fetch a document by the peer on the state folder `folder`, once it is known."""
    client = ControlClient(folder)
    wait_for(lambda: client.post("refresh") and client.get("index", q=name)["total"])
    client.post("downloads", {"names": [name]})
    wait_for(lambda: all(one["ended"] for one in client.get("downloads")["items"]))
    client.close()


@pytest.fixture(scope="module")
def scraped() -> Iterator[Scraped]:
    with home() as user:
        user.start(state(user, "rs"), *user.rs(), "--state-dir", str(state(user, "rs")))
        shares = {name: user.home / f"{name}-documents" for name in ("holder", "downloader")}
        for name, share in shares.items():
            start_peer(user, name, share)
        (shares["holder"] / "document.txt").write_bytes(DOCUMENT)
        fetch(state(user, "downloader"), "document.txt")
        yield Scraped(user, *(scrape(state(user, name)) for name in ("rs", *shares)))


def test_the_rs_counts_its_peers_and_their_requests(scraped: Scraped) -> None:
    assert value(scraped.rs, "p2p_rs_peers_active") == 2
    assert value(scraped.rs, "p2p_rs_requests_total", method="Register", status="200") == 2
    assert value(scraped.rs, "p2p_rs_request_duration_seconds_count", method="Register") == 2
    assert value(scraped.rs, "p2p_rs_commits_total") >= 2
    assert value(scraped.rs, "p2p_rs_limits_hit_total", limit="connections") == 0


def test_the_peers_count_what_went_from_one_to_the_other(scraped: Scraped) -> None:
    assert value(scraped.holder, "p2p_peer_served_bytes_total") == len(DOCUMENT)
    assert value(scraped.downloader, "p2p_peer_fetched_bytes_total") == len(DOCUMENT)
    assert value(scraped.downloader, "p2p_peer_files_ended_total", state="done") == 1
    assert value(scraped.downloader, "p2p_peer_pieces_verified_total") > 1
    assert value(scraped.downloader, "p2p_peer_hash_failures_total") == 0
    assert value(scraped.holder, "p2p_peer_registered") == 1
    asked = [
        number
        for (name, labels), number in scraped.holder.items()
        if name == "p2p_peer_requests_total" and dict(labels)["method"] in ("GetFile", "GetNext", "GetTurn")
    ]
    assert sum(asked) > 1


def test_all_are_ready(scraped: Scraped) -> None:
    for name in ("rs", "holder", "downloader"):
        for path in ("/healthz", "/readyz"):
            assert get(state(scraped.user, name), path) == (200, '{"ok":true}\n')


def test_a_peer_without_an_rs_is_healthy_and_not_ready() -> None:
    with home() as user:
        start_peer(user, "alone", user.home / "documents")
        assert get(state(user, "alone"), "/healthz")[0] == 200
        found, body = get(state(user, "alone"), "/readyz")
        assert (found, body) == (503, '{"error":"this peer is not registered with the RS"}\n')


def expressions() -> list[str]:
    """Return the expressions of the dashboard and of the alert rules."""
    dashboard = json.loads((GRAFANA / "dashboard.json").read_text("utf-8"))
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    rules = (GRAFANA / "alerts.yml").read_text("utf-8")
    alerts = re.findall(r"^ +expr: (?!\|)(.+)$", rules, re.MULTILINE)
    alerts += re.findall(r"^ +expr: \|\n((?: {10}.+\n)+)", rules, re.MULTILINE)
    assert len(shown) > 20 and len(alerts) == rules.count("expr:")
    return shown + alerts


def test_the_dashboard_and_the_alerts_name_series_that_there_are(scraped: Scraped) -> None:
    samples = scraped.rs | scraped.holder
    for expression in expressions():
        for name, selector in re.findall(r"\b((?:p2p|process)_\w+)(?:\{([^}]*)\})?", expression):
            wanted = {
                (label, value)
                for label, value in re.findall(r'(\w+)="([^"$]+)"', selector)
                if (name, value) != ("p2p_rs_requests_total", "failed")  # a bug, which has not happened
            }
            assert any(found == name and labels >= wanted for found, labels in samples), expression


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of the package prometheus")
def test_prometheus_takes_the_rules() -> None:
    subprocess.run(["promtool", "check", "rules", str(GRAFANA / "alerts.yml")], check=True, timeout=60)


def names(samples: Samples) -> set[str]:
    """Return the names of the metrics of this project, those of histograms once."""
    found = {re.sub(r"(?<=_seconds)_(bucket|sum|count)$", "", name) for name, _ in samples}
    return {name for name in found if name.startswith("p2p_") and not name.endswith("_created")}


def test_the_manual_has_every_metric_and_no_other(scraped: Scraped) -> None:
    manual = (ROOT / "docs" / "operating.rst").read_text("utf-8")
    cells = re.findall(r"^   \* - (``p2p_(?:rs|peer)_.+)$", manual, re.MULTILINE)
    listed = re.findall(r"``(\w+)``", " ".join(cells))
    assert len(listed) == len(set(listed))
    assert set(listed) == names(scraped.rs) | names(scraped.holder)
