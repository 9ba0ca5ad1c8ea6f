"""docs/api.rst, the schema and the answers of a real peer and a real RS say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from p2p_twisted.experiment.run.cluster import Cluster
from p2p_twisted.web.api import download_schema, rs, rs_schema, schema, search_schema, want_schema
from p2p_twisted.web.api.event_log import event_name
from p2p_twisted.web.api.events import EVENTS, MADE
from p2p_twisted.web.control_client import ControlClient, ControlError
from tests.support.answers import from_json

TEXT = (Path(__file__).parents[3] / "docs" / "api.rst").read_text("utf-8")
OF_PEER, OF_RS = TEXT.partition("Experiments on an RS")[0].partition("Of a peer\n====")[2].split("Of an RS\n====")

ANSWERS: dict[str, type] = {
    "GET status": schema.PeerStatus,
    "GET peers": schema.OtherPeers,
    "GET index": schema.IndexPage,
    "GET search": search_schema.SearchPage,
    "POST downloads": download_schema.DownloadId,
    "GET downloads/ID": download_schema.DownloadDetails,
    "GET downloads": download_schema.DownloadList,
    "DELETE downloads/ID": schema.ErrorAnswer,
    "POST downloads/ID/pause": download_schema.DownloadDetails,
    "POST downloads/ID/resume": download_schema.DownloadDetails,
    "POST downloads/ID/retry": schema.ErrorAnswer,
    "GET wants": want_schema.WantList,
    "POST wants": want_schema.Want,
    "DELETE wants/ID": want_schema.WantList,
    "GET shares": schema.SharedFolders,
    "POST shares": schema.PeerStatus,
    "DELETE shares": schema.PeerStatus,
    "PUT files": schema.FileReceived,
    "GET limits": schema.Limits,
    "PUT limits": schema.Limits,
    "POST refresh": schema.PeerStatus,
    "POST web": schema.WebLink,
    "GET config": schema.Settings,
}
"""Calls of a peer -> the answer in the example: of DELETE, the refusal."""
ANSWERS_OF_RS: dict[str, type] = {
    "GET status": rs_schema.RsStatus,
    "GET peers": rs_schema.PeerRecordPage,
    "POST web": schema.WebLink,
    "GET config": schema.Settings,
}


def sections(text: str) -> dict[str, str]:
    """Return heading -> text of the calls in `text`."""
    parts = re.split(r"^([A-Z]+ [a-zA-Z/]+)\n-+$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def example(section: str) -> str:
    """Return the JSON that a call is answered with in its section, on one line."""
    found = re.search(r"^    (\{(?:.*\n)+?)(?=\n|\Z)", section, re.MULTILINE)
    assert found is not None, section
    return " ".join(line.strip() for line in found[1].splitlines())


def terms(section: str) -> Iterator[str]:
    """The names that the definition list of a section explains."""
    for line in re.findall(r"^``\S.*``$", section, re.MULTILINE):
        yield from re.findall(r"``([\w.]+)``", line)


def inner(kind: Any) -> Iterator[type]:
    """The dataclasses that `kind`, an annotation, is or holds, at any depth."""
    if is_dataclass(kind) and isinstance(kind, type):
        yield kind
        for hint in get_type_hints(kind).values():
            yield from inner(hint)
    for argument in get_args(kind):
        yield from inner(argument)


CALLS = [
    *((kind, sections(OF_PEER)[call]) for call, kind in ANSWERS.items()),
    *((kind, sections(OF_RS)[call]) for call, kind in ANSWERS_OF_RS.items()),
]


def test_every_call_has_an_answer_of_the_schema() -> None:
    assert set(sections(OF_PEER)) == set(ANSWERS) | {"GET events", "GET files"}
    assert set(sections(OF_RS)) == set(ANSWERS_OF_RS) | {"GET events"}


@pytest.mark.parametrize(("kind", "section"), CALLS)
def test_the_examples_have_the_fields_of_the_schema(kind: type, section: str) -> None:
    text = example(section)
    if "..." in text:  # the rest is as in another example
        known = {field.name for one in inner(kind) for field in fields(one)}
        assert set(re.findall(r'"(\w+)":', text)) <= known
    else:
        from_json(kind, json.loads(text))


@pytest.mark.parametrize(("kind", "section"), CALLS)
def test_the_text_names_fields_of_the_schema(kind: type, section: str) -> None:
    known = {field.name for one in inner(kind) for field in fields(one)}
    assert {part for term in terms(section) for part in term.split(".")} <= known


def test_every_class_of_the_schema_is_in_an_answer() -> None:
    found = {one for kind in (*ANSWERS.values(), *ANSWERS_OF_RS.values()) for one in inner(kind)}
    modules = (schema, rs_schema, download_schema, search_schema, want_schema)
    defined = [one for module in modules for one in vars(module).values()]
    assert found == {one for one in defined if isinstance(one, type) and is_dataclass(one)}


EVENT_TYPES = {event_name(kind): kind for kind in (*EVENTS, *MADE)}


def documented_events(section: str) -> dict[str, list[str]]:
    """Return the name of each event in the text of `section`, and its fields."""
    documented: dict[str, list[str]] = {}
    for line in re.findall(r"^``.*\)$", section, re.MULTILINE):
        names, _, members = line.partition(" (")
        documented |= {name: re.findall(r"``(\w+)``", members) for name in re.findall(r"``([a-z-]+)``", names)}
    return documented


def test_every_event_is_documented_with_its_fields() -> None:
    documented = documented_events(sections(OF_PEER)["GET events"])
    assert documented.pop("reset") == []
    assert documented == {name: [field.name for field in fields(kind)] for name, kind in EVENT_TYPES.items()}
    of_rs = {event_name(kind): [field.name for field in fields(kind)] for kind in rs.EVENTS}
    assert documented_events(sections(OF_RS)["GET events"]) == of_rs


def test_the_example_of_events() -> None:
    found = re.findall(r"event: (.+)\n +data: (.+)", sections(OF_PEER)["GET events"])
    assert len(found) >= 4
    for name, data in found:
        assert list(json.loads(data)) == [field.name for field in fields(EVENT_TYPES[name])]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(2) as cluster:
        (cluster.peers[0].share_dir / "a.txt").write_bytes(b"a document\n" * 1000)
        (cluster.peers[0].share_dir / "link").symlink_to("a.txt")
        cluster.start()
        cluster.wait_for_documents(1)
        yield cluster


def test_the_answers_of_a_peer(cluster: Cluster, tmp_path: Path) -> None:
    control = cluster.peers[1].control
    for call, kind in ANSWERS.items():
        method, path = call.split()
        if method == "GET" and path != "downloads/ID":
            from_json(kind, control.get(path, q="document") if path == "search" else control.get(path))
    started = from_json(download_schema.DownloadId, control.post("downloads", {"names": ["a.txt", "b.txt"]}))
    for id_ in started.id, control.post("downloads", {"all": True, "swarm": False, "dir": str(tmp_path)})["id"]:
        details = from_json(download_schema.DownloadDetails, ended(control, id_))
        assert details.ended is not None
    from_json(schema.PeerStatus, control.post("refresh"))
    from_json(schema.PeerStatus, control.post("shares", {"dir": str(tmp_path)}))
    from_json(schema.Limits, control.put("limits", {"up_rate": 1e9}))
    from_json(schema.PeerStatus, cluster.peers[0].control.get("status"))
    with pytest.raises(ControlError, match="it is over"):
        control.delete(f"downloads/{started.id}")


def ended(control: ControlClient, id_: str) -> Any:
    """Return the download when it has ended, each state before having been checked too."""
    while True:
        download = control.get(f"downloads/{id_}")
        from_json(download_schema.DownloadDetails, download)
        from_json(download_schema.DownloadList, control.get("downloads"))
        if download["ended"] is not None:
            return download


def test_the_answers_of_an_rs(cluster: Cluster) -> None:
    control = cluster.rs.control
    for call, kind in ANSWERS_OF_RS.items():
        method, path = call.split()
        from_json(kind, control.get(path) if method == "GET" else control.post(path))
