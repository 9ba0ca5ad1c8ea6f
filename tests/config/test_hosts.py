"""Hosts as people write them, and one line for what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2p_twisted.cli.options import _rs
from p2p_twisted.config.hosts import host, host_and_port
from p2p_twisted.peer import tap


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rs.example", ("rs.example", None)),
        ("rs.example.", ("rs.example.", None)),
        ("my_rs:65423", ("my_rs", 65423)),
        ("192.0.2.1", ("192.0.2.1", None)),
        ("192.0.2.1:1", ("192.0.2.1", 1)),
        ("::1", ("::1", None)),
        ("[::1]", ("::1", None)),
        ("[2001:DB8:0::1]:65535", ("2001:db8::1", 65535)),
        ("fe80::1%eth0", ("fe80::1%eth0", None)),
    ],
)
def test_a_host_with_a_port_or_without(text, found) -> None:
    assert host_and_port(text) == found


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "a:", ":1", "a:0", "a:65536", "a:+1", "a:x", "tcp:a:1", "1:2:3"),
        *("[::1", "::1]", "[a]", "[192.0.2.1]", "[::1]1", "[::1]:"),
        *("1.2.3", "1.2.3.4.5", "127..0.1", ".1", "1" * 64),
        *("a..b", "-a", "a b", "a\n", "é", "a" * 64, "a." * 140),
    ],
)
def test_the_message_for_an_invalid_host_has_an_example(text) -> None:
    expected = r"^must be a host such as rs.example, 192.0.2.1 or \[2001:db8::1\], with :PORT or without$"
    with pytest.raises(ValueError, match=expected):
        host_and_port(text)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("http://rs.example:65423/", ": 'rs.example:65423'"),
        ("p2p://me@[::1]", ": '[::1]'"),
        ("rs.example/x", ""),
        ("http://", ""),
        ("http://[/", ""),
    ],
)
def test_the_message_for_a_url_says_the_host_to_write(url, meant) -> None:
    with pytest.raises(ValueError, match="must be a host without the rest of a URL") as caught:
        host_and_port(url)
    assert str(caught.value).endswith(f"URL{meant}")


def test_where_no_port_belongs_one_is_refused() -> None:
    assert host("[::1]") == "::1"
    with pytest.raises(ValueError, match="without a port"):
        host("a:1")


def options(*arguments, file=None, folder=None):
    if file is not None:
        (folder / "c").write_text(f"[peer]\n{file}\n")
        arguments = ("--config", str(folder / "c"), *arguments)
    options = tap.Options()
    options.parseOptions(arguments)
    return options["rs-host"], options["rs-port"], options.origins["rs-port"]


def test_the_port_of_the_rs_stands_behind_its_host_or_apart(tmp_path: Path) -> None:
    assert options("--rs-host", "[::1]") == ("::1", 65423, "default")
    assert options("--rs-host", "[::1]:7") == ("::1", 7, "flag")
    assert options("--rs-host", "a:7", "--rs-port", "7") == ("a", 7, "flag")
    assert options("--rs-host", "a:7", file="rs-port = 8", folder=tmp_path) == ("a", 7, "flag")
    assert options("--rs-port", "8", file="rs-host = a:7", folder=tmp_path) == ("a", 8, "flag")
    assert options(file="rs-host = a:7", folder=tmp_path) == ("a", 7, str(tmp_path / "c"))


def test_two_ports_that_differ_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, file in ((["--rs-host", "a:7", "--rs-port", "8"], None), ([], "rs-host = a:7\nrs-port = 8")):
        with pytest.raises(SystemExit) as caught:
            options(*arguments, file=file, folder=tmp_path)
        assert caught.value.code == 2
        assert capsys.readouterr().err == "p2p-peer: rs-host names port 7 and rs-port 8; give one of them\n"


def test_the_command_understands_the_same() -> None:
    assert (_rs("[::1]", None), _rs("a:7", 7), _rs("a:7", None), _rs("a", 8)) == (
        ("::1", 65423),
        ("a", 7),
        ("a", 7),
        ("a", 8),
    )
    for text, port, line in (("a:7", 8, "--rs-host names port 7 and --rs-port 8"), ("http://a:7", None, "'a:7'")):
        with pytest.raises(Exception, match=line):
            _rs(text, port)
