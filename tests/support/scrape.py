"""What a process answers on its control socket beside the API: metrics and health."""

from __future__ import annotations

import socket
from http.client import HTTPConnection
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from p2p_twisted.web.control_client import KEY_FILE, SOCKET_FILE

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""The value of each series: by its name and its labels."""


def get(state: Path, path: str) -> tuple[int, str]:
    """Return status and body of the answer to a GET, with the key, of the process on the folder `state`."""
    connection = HTTPConnection("localhost", timeout=30)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(state / SOCKET_FILE))
    connection.request("GET", path, headers={"Authorization": f"Bearer {(state / KEY_FILE).read_text().strip()}"})
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def scrape(state: Path) -> Samples:
    """Return the metrics of the process on the folder `state`."""
    status, body = get(state, "/metrics")
    assert status == 200, body
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """Return the value of one series."""
    return samples[name, frozenset(labels.items())]
