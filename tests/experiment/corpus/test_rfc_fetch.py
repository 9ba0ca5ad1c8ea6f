"""Fetching RFCs from a mirror: a local one that misbehaves as told. No pause is really waited for."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from p2p_twisted.cli.main import main
from p2p_twisted.experiment.corpus import rfc_fetch as fetch
from p2p_twisted.experiment.corpus.rfc_fetch import WORKERS, Fetcher, parse_numbers, paths_of

DATE = "Tue, 01 Jan 2019 00:00:00 GMT"
TEXT = b"Network Working Group\n\n            A Title\n" * 3000


@dataclass
class Answer:
    """One scripted answer; ``cut`` bytes are held back and the connection is closed instead."""

    status: int = 200
    body: bytes = TEXT
    headers: dict[str, str] = field(default_factory=lambda: {"Last-Modified": DATE})
    cut: int = 0


class FakeMirror(ThreadingHTTPServer):
    """Answers each path with its scripted answers in turn, the last one for ever; else 404. Knows Range."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.running = 0
        self.most = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/rfc"


class Handler(BaseHTTPRequestHandler):
    server: FakeMirror

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.running += 1
            self.server.most = max(self.server.most, self.server.running)
            self.server.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            script = self.server.script.get(self.path, [Answer(404)])
            answer = script.pop(0) if len(script) > 1 else script[0]
        self.send(answer)

    def send(self, answer: Answer) -> None:
        status, start = answer.status, 0
        wanted = self.headers.get("Range")
        if wanted and status == 200 and self.headers.get("If-Range") == answer.headers.get("Last-Modified"):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            status = 206 if start < len(answer.body) else 416
        self.send_response(status)
        body = answer.body[start:] if status in (200, 206) else b""
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(answer.body) - 1}/{len(answer.body)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with self.server.lock:
            self.server.running -= 1  # before its last byte: the downloader may start its next request at once then
        self.wfile.write(body[: len(body) - answer.cut])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def mirror() -> Iterator[FakeMirror]:
    with FakeMirror() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetcher(mirror: FakeMirror, directory: Path, kind: str = "txt") -> tuple[Fetcher, list[float]]:
    """A fetcher whose clock stands still, and the waits that it would have waited from its start on."""
    waits: list[float] = []
    return Fetcher(directory, mirror.url, kind, wait=waits.append, now=lambda: 0.0), waits


def test_missing_numbers_do_not_stop_the_others(mirror: FakeMirror, tmp_path: Path) -> None:
    for number in (1, 3, 5):
        mirror.script[f"/rfc/rfc{number}.txt"] = [Answer(body=b"RFC %d" % number)]
    outcome = fetcher(mirror, tmp_path / "new")[0].run([1, 2, 3, 4, 5])
    assert outcome.missing == [2, 4]
    assert sorted(path.name for path in outcome.fetched) == ["rfc1.txt", "rfc3.txt", "rfc5.txt"]
    assert (tmp_path / "new/rfc3.txt").read_bytes() == b"RFC 3"
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["rfc1.txt", "rfc3.txt", "rfc5.txt"]


def test_existing_files_are_not_requested(mirror: FakeMirror, tmp_path: Path) -> None:
    (tmp_path / "rfc1.txt").write_bytes(b"here")
    (tmp_path / "rfc2.pdf").write_bytes(b"here")
    assert fetcher(mirror, tmp_path)[0].run([1]).present == [tmp_path / "rfc1.txt"]
    assert fetcher(mirror, tmp_path, "pdf")[0].run([2]).present == [tmp_path / "rfc2.pdf"]
    assert mirror.requests == []


def test_it_says_who_it_is_and_asks_few_at_a_time_with_pauses(mirror: FakeMirror, tmp_path: Path) -> None:
    numbers = list(range(1, 13))
    mirror.script = {f"/rfc/rfc{number}.txt": [Answer()] for number in numbers}
    job, waits = fetcher(mirror, tmp_path)
    assert len(job.run(numbers).fetched) == len(numbers)
    assert {headers["user-agent"].split()[0] for _, headers in mirror.requests} == {"p2p-corpus"}
    assert 1 <= mirror.most <= WORKERS
    assert waits == [0.5 * turn for turn in range(len(numbers))]


def test_a_lost_connection_is_resumed_where_it_broke(mirror: FakeMirror, tmp_path: Path) -> None:
    mirror.script["/rfc/rfc1.txt"] = [Answer(cut=1000), Answer()]
    job, waits = fetcher(mirror, tmp_path)
    assert job.run([1]).fetched == [tmp_path / "rfc1.txt"]
    assert (tmp_path / "rfc1.txt").read_bytes() == TEXT
    assert [headers.get("range") for _, headers in mirror.requests] == [None, f"bytes={len(TEXT) - 1000}-"]
    assert waits == [0, 2.0]


def test_a_part_of_another_version_is_thrown_away(mirror: FakeMirror, tmp_path: Path) -> None:
    newer = Answer(body=b"newer " * 20_000, headers={"Last-Modified": "Wed, 02 Jan 2019 00:00:00 GMT"})
    mirror.script["/rfc/rfc1.txt"] = [Answer(cut=1000), newer]
    assert fetcher(mirror, tmp_path)[0].run([1]).fetched
    assert (tmp_path / "rfc1.txt").read_bytes() == newer.body


def test_without_a_date_nothing_is_resumed(mirror: FakeMirror, tmp_path: Path) -> None:
    mirror.script["/rfc/rfc1.txt"] = [Answer(cut=1000, headers={}), Answer()]
    assert fetcher(mirror, tmp_path)[0].run([1]).fetched
    assert [headers.get("range") for _, headers in mirror.requests] == [None, None]


def test_a_part_longer_than_the_document_is_thrown_away(mirror: FakeMirror, tmp_path: Path) -> None:
    mirror.script["/rfc/rfc1.txt"] = [Answer(cut=1000), Answer(body=b"short")]
    assert fetcher(mirror, tmp_path)[0].run([1]).fetched
    assert (tmp_path / "rfc1.txt").read_bytes() == b"short"


def test_retry_after_is_honoured_and_holds_everybody_back(mirror: FakeMirror, tmp_path: Path) -> None:
    mirror.script["/rfc/rfc1.txt"] = [Answer(503, headers={"Retry-After": "17"}), Answer()]
    job, waits = fetcher(mirror, tmp_path)
    assert job.run([1]).fetched
    assert waits == [0, 17]


@pytest.mark.parametrize("value", ["3600", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_mirror_that_asks_for_an_hour_is_left_alone(mirror: FakeMirror, tmp_path: Path, value: str) -> None:
    mirror.script["/rfc/rfc1.txt"] = [Answer(429, headers={"Retry-After": value})]
    assert "429" in fetcher(mirror, tmp_path)[0].run([1]).failed[1]
    assert len(mirror.requests) == 1


def test_a_mirror_that_keeps_failing_is_given_up(mirror: FakeMirror, tmp_path: Path) -> None:
    mirror.script = {f"/rfc/rfc{number}.txt": [Answer(500)] for number in range(1, 31)}
    failed = fetcher(mirror, tmp_path)[0].run(list(range(1, 31))).failed
    assert len(failed) == 30
    assert failed[30] == "not requested: the mirror does not answer"
    assert len(mirror.requests) <= 3 * (3 + WORKERS)


def test_nobody_listens(mirror: FakeMirror, tmp_path: Path) -> None:
    job = Fetcher(tmp_path, "http://127.0.0.1:1/", wait=lambda seconds: None)
    assert job.run([1]).failed[1].startswith("127.0.0.1:1: ")


@pytest.mark.parametrize(
    ("kind", "path", "body"),
    [("txt", "/rfc/rfc1.txt", b"<!DOCTYPE html><p>Sign in"), ("pdf", "/rfc/pdfrfc/rfc1.txt.pdf", b"Not here")],
)
def test_an_error_page_is_not_saved_as_a_document(
    mirror: FakeMirror, tmp_path: Path, kind: str, path: str, body: bytes
) -> None:
    mirror.script[path] = [Answer(body=body)]
    assert fetcher(mirror, tmp_path, kind)[0].run([1]).failed == {1: f"the mirror sent something that is not a {kind}"}
    assert list(tmp_path.iterdir()) == []


def test_pdfs_are_where_the_rfc_editor_keeps_them(mirror: FakeMirror, tmp_path: Path) -> None:
    mirror.script = {
        "/rfc/pdfrfc/rfc8446.txt.pdf": [Answer(body=b"%PDF-1.4 old")],
        "/rfc/rfc9000.pdf": [Answer(body=b"%PDF-1.4 new")],
        "/rfc/rfc8640.pdf": [Answer(body=b"%PDF-1.4 at the other path")],
    }
    outcome = fetcher(mirror, tmp_path, "pdf")[0].run([8446, 9000, 8640])
    assert sorted(path.name for path in outcome.fetched) == ["rfc8446.txt.pdf", "rfc8640.pdf", "rfc9000.pdf"]
    assert paths_of(9000, "pdf") == ("rfc9000.pdf", "pdfrfc/rfc9000.txt.pdf")


def test_an_interruption_keeps_what_came_and_ends_every_thread(mirror: FakeMirror, tmp_path: Path) -> None:
    mirror.script = {f"/rfc/rfc{number}.txt": [Answer(cut=1000)] for number in range(1, 10)}

    def interrupted(seconds: float) -> None:
        if len(mirror.requests) >= 2:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        Fetcher(tmp_path, mirror.url, wait=interrupted).run(list(range(1, 10)))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")], before
    assert {path.suffix for path in tmp_path.iterdir()} == {".part"}


def test_numbers() -> None:
    assert parse_numbers("8423-8425,791, 8424") == [8423, 8424, 8425, 791]


@pytest.mark.parametrize("text", ["", "a", "5-3", "0", "-4", "1-2-3", "1,,2", "+4", "٣", "1-999999", "4294967296"])
def test_bad_numbers_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|documents"):
        parse_numbers(text)


def test_a_mirror_is_http() -> None:
    with pytest.raises(ValueError, match="http"):
        Fetcher(Path(), "file:///etc/")


def command(mirror: FakeMirror, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["corpus", "fetch", "--mirror", mirror.url, *arguments])


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "REQUEST_INTERVAL", 0)
    monkeypatch.setattr(fetch, "RETRY_INTERVAL", 0)


@pytest.mark.usefixtures("at_once")
def test_the_command_lists_what_is_missing_and_exits_12(mirror: FakeMirror, tmp_path: Path) -> None:
    mirror.script = {f"/rfc/rfc{number}.txt": [Answer(body=b"RFC")] for number in (7, 9)}
    (tmp_path / "rfc8.txt").write_bytes(b"RFC")
    done = command(mirror, "7-10", str(tmp_path))
    assert done.exit_code == 12
    assert done.stdout == (f"2 of 4 fetched (6 bytes), 1 existed already, in {tmp_path}\nnot on the mirror: 10\n")
    again = command(mirror, "7-9", str(tmp_path), "--json")
    assert again.exit_code == 0
    names = [str(tmp_path / f"rfc{number}.txt") for number in (7, 8, 9)]
    assert json.loads(again.stdout) == {"fetched": [], "present": names, "missing": [], "failed": {}}


@pytest.mark.usefixtures("at_once")
def test_the_command_says_what_failed(mirror: FakeMirror, tmp_path: Path) -> None:
    mirror.script["/rfc/rfc7.txt"] = [Answer(403)]
    done = command(mirror, "7", str(tmp_path))
    assert done.exit_code == 12
    assert "rfc7: the mirror answered 403 Forbidden" in done.stdout


def test_the_command_says_that_it_was_interrupted(
    mirror: FakeMirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Fetcher, numbers: list[int]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Fetcher, "run", interrupted)
    done = command(mirror, "7", str(tmp_path))
    assert (done.exit_code, done.stderr) == (
        7,
        "p2p: interrupted; the same command resumes\n",
    )


@pytest.mark.parametrize("arguments", [["7-", "x"], ["7", "x", "--mirror", "file:///etc"], ["7", "x", "--type", "ps"]])
def test_bad_arguments_are_usage_errors(mirror: FakeMirror, arguments: list[str]) -> None:
    assert command(mirror, *arguments).exit_code == 2
