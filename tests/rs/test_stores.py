"""--registry redis://...: an RS that has its engine, waits for it, or ends with one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from p2p_twisted.config.startup import StartError
from p2p_twisted.rs.stores import check_store
from p2p_twisted.rs.tap import Options
from p2p_twisted.web.api.settings import describe_settings
from tests.support.redis_server import RedisServer
from tests.support.rs_process import RSProcess, free_port, run
from tests.support.rs_server import request

pytestmark = pytest.mark.slow


def options(*args: str) -> Options:
    parsed = Options()
    parsed.parseOptions(args)
    return parsed


def test_two_rs_share_a_registry_and_one_with_another_prefix_does_not(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("redis", "one", "two", "three")]
    for folder in folders:
        folder.mkdir()
    with RedisServer(folders[0], "--requirepass", "secret") as server:
        args = "--registry", f"redis://:secret@127.0.0.1:{server.port}/0"
        with (
            RSProcess(folders[1], *args) as one,
            RSProcess(folders[2], *args) as two,
            RSProcess(folders[3], *args, "--registry-prefix", "other:") as three,
        ):
            cookie = int(one.ask(request("Register", "cookie:", "port:9")).rpartition(b"cookie:")[2])
            query = request("PQuery", f"cookie:{cookie}", "port:9")
            assert two.ask(query).endswith(b"\n\n10.153.44.84 9\n")
            assert three.ask(query).startswith(b"403 ")
            logs = [rs.stop() for rs in (one, two, three)]
    assert not [log for log in logs if "Traceback" in log or "secret" in log]


def test_no_engine_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    port = free_port()
    ended = run("--registry", f"redis://127.0.0.1:{port}", "--state-dir", str(tmp_path / "state"))
    assert ended.returncode == 1
    assert ended.stderr == (
        f"p2p-rs: redis://127.0.0.1:{port}/0: Connection refused; start it, or wait for it with "
        "--registry-wait SECONDS\n"
    )


@pytest.mark.parametrize("url", ["redis", "redis:h", "redis://h/x", "mysql://h"])
def test_a_registry_that_cannot_be_is_exit_code_2(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options("--registry", url)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("p2p-rs: --registry must ")


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "OpenSSL", None)
    with pytest.raises(StartError, match=r"pyOpenSSL is not installed: .*\[tls\]"):
        check_store(options("--registry", "rediss://h"))
    monkeypatch.setitem(sys.modules, "txredisapi", None)
    monkeypatch.setitem(sys.modules, "hiredis", None)
    with pytest.raises(StartError, match=r"txredisapi and hiredis are not installed: .*\[redis\]"):
        check_store(options("--registry", "redis://h"))


def test_the_settings_do_not_show_the_password() -> None:
    shown = str(describe_settings(options("--registry", "redis://joe:secret@h/1")))
    assert "redis://h:6379/1" in shown and "secret" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "redis://:secret@h:1:2/0",
        "redis://secret@h",
        "redis://u:x/secret@h",
        "redis://u:secret@h/x",
        "redis:/u:secret@h",
    ],
)
def test_a_mistake_in_the_url_does_not_show_the_password(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Options().parseOptions(["--registry", text])
    line = capsys.readouterr().err
    assert line.startswith("p2p-rs: --registry must ") and "...@h" in line and "secret" not in line
