"""One table of settings: flag over file over default, and one line for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.config.config_file import read_section
from p2p_twisted.config.folders import folder
from p2p_twisted.config.settings import Setting, SettingsError, SettingsOptions, network, one_of, whole, yes_or_no

TABLE = (
    Setting("ttl", "Seconds.", whole(10, 100), "72"),
    Setting("kind", "What kind.", one_of("sqlite", "memory"), "sqlite"),
    Setting("share", "A folder.", folder, repeatable=True),
    Setting("trust", "A network.", network, "127.0.0.0/8, ::1/128", repeatable=True),
    Setting("web", "An endpoint."),
    Setting("rs-host", "Where the RS is.", required=True),
    Setting("lab", "With a laboratory.", yes_or_no, "no", flag=True),
)


class Options(SettingsOptions):
    verb = "p2p-test"
    section = "test"
    settings = TABLE


@pytest.fixture
def parse(tmp_path: Path):
    def parse(*args, file=None):
        options = Options()
        if file is not None:
            (tmp_path / "c.conf").write_text(file, "utf-8")
            args = ("--config", str(tmp_path / "c.conf"), *args)
        options.parseOptions(list(args))
        return options

    return parse


@pytest.fixture
def refused(parse, capsys: pytest.CaptureFixture[str]):
    """The one line that a mistake gets; the process would end with exit code 2."""

    def refused(*args, file=None):
        with pytest.raises(SystemExit) as caught:
            parse(*args, file=file)
        captured = capsys.readouterr()
        assert (caught.value.code, captured.out) == (2, "")
        assert captured.err.startswith("p2p-test: ") and captured.err.count("\n") == 1
        return captured.err

    return refused


def test_defaults(parse) -> None:
    options = parse("--rs-host", "h")
    assert (options["ttl"], options["kind"], options["web"], options["share"]) == (72, "sqlite", None, ())
    assert list(map(str, options["trust"])) == ["127.0.0.0/8", "::1/128"]


def test_a_flag_precedes_the_file_which_precedes_the_default(parse) -> None:
    options = parse("--ttl=12", file="[test]\nttl = 11\nkind = memory\nrs-host = h\n")
    assert (options["ttl"], options["kind"], options["rs-host"], options["web"]) == (12, "memory", "h", None)
    assert options.origins["ttl"] == "flag"
    assert options.origins["kind"].endswith("c.conf")
    assert options.origins["web"] == options.origins["trust"] == "default"


def test_a_repeated_flag_replaces_what_the_file_lists(parse) -> None:
    file = "[test]\nrs-host = h\nshare = /a, /b\n  /c d\ntrust = 10.0.0.0/8\n"
    assert parse(file=file)["share"] == (Path("/a"), Path("/b"), Path("/c d"))
    assert parse("--share", "/x", "--share", "/y,z", file=file)["share"] == (Path("/x"), Path("/y,z"))
    assert list(map(str, parse(file=file)["trust"])) == ["10.0.0.0/8"]


def test_a_value_with_a_comma_stands_in_quotation_marks(parse, refused) -> None:
    file = '[test]\nrs-host = h\nshare = "/a, b" ,/c,\n  "/d ""e"""\n\n  /5" f\nweb = "tcp:1,2"\n'
    options = parse(file=file)
    assert options["share"] == (Path("/a, b"), Path("/c"), Path('/d "e"'), Path('/5" f'))
    assert options["web"] == "tcp:1,2"
    for bad in ('"/a', '"/a" b', '/x, "/a, b'):
        line = refused(file=f"[test]\nrs-host = h\nshare = {bad}\n")
        assert 'share must have a quotation mark (") at both ends of a value or at none' in line
    assert "web takes one value, not" in refused(file='[test]\nrs-host = h\nweb = "a", "b"\n')


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_as_an_editor_on_windows_saves_it(parse, tmp_path: Path, encoding) -> None:
    file = tmp_path / "w.conf"
    file.write_bytes("[test]\r\nrs-host = h\r\nshare = /b\u00e9\r\n  /c, /d\r\n".encode(encoding))
    options = parse("--config", str(file))
    assert (options["rs-host"], options["share"]) == ("h", (Path("/b\u00e9"), Path("/c"), Path("/d")))


def test_the_last_of_a_flag_that_is_not_repeatable_counts(parse) -> None:
    assert parse("--rs-host", "a", "--rs-host", "b")["rs-host"] == "b"


def test_a_flag_stands_alone_and_is_yes_or_no_in_the_file(parse, refused) -> None:
    off, on, file = ("--rs-host", "h"), ("--rs-host", "h", "--lab", "--lab"), "[test]\nlab = yes\n"
    assert [parse(*off)["lab"], parse(*on)["lab"], parse(*off, file=file)["lab"]] == [False, True, True]
    assert parse(*on).origins["lab"] == "flag"
    assert "lab must be yes or no, not 'true'" in refused(*off, file="[test]\nlab = true\n")
    assert "option --lab must not have an argument" in refused(*off, "--lab=yes")


def test_values_stand_as_they_are_in_the_file(parse) -> None:
    options = parse(file="# c\n; c\n[other]\nx = 1\n[test]\nrs-host = %(a)s ; b\nweb = tcp:80:interface=::1\n")
    assert options["rs-host"] == "%(a)s ; b"
    assert options["web"] == "tcp:80:interface=::1"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--ttl", "5"], "--ttl must be a whole number from 10 to 100, not '5'"),
        (["--ttl", "1e2"], "--ttl must be a whole number from 10 to 100, not '1e2'"),
        (["--ttl", "redis://u:secret@h"], "--ttl must be a whole number from 10 to 100, not 'redis://...@h'"),
        (["--kind", "redis"], "--kind must be sqlite or memory, not 'redis'"),
        (
            ["--trust", "10.0.0.1/8"],
            "--trust must be a network such as 192.168.0.0/16 or 2001:db8::/32, not '10.0.0.1/8'",
        ),
        (["--share", ""], "--share must be the path of a folder, not ''"),
        (["--tll", "5"], "option --tll not recognized; did you mean '--ttl'?"),
        (["--ttl"], "option --ttl requires argument"),
        (["x"], "takes no arguments, only options: 'x'"),
        (["--config", "/no/such/file"], "/no/such/file: No such file or directory; --config takes an INI file"),
        ([], "--rs-host must be given, as a flag or in the config file"),
    ],
)
def test_a_mistake_on_the_command_line(refused, args, line) -> None:
    assert refused(*args) == f"p2p-test: {line}\n"


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("[test]\nrs_host = h\n", "unknown key 'rs_host' in [test]; did you mean 'rs-host'?"),
        ("[test]\nTTL = 12\n", "unknown key 'TTL' in [test]; did you mean 'ttl'?"),
        ("[test]\nqqqq = 12\n", "unknown key 'qqqq' in [test]; known are ttl, kind, share, trust, web, rs-host, lab"),
        ("[test]\nrs-host = h\nttl = 5\n", "ttl must be a whole number from 10 to 100, not '5'"),
        ("[tset]\nttl = 12\n", "has no section [test]"),
        ("ttl = 12\n", "not an INI file: File contains no section headers."),
        ("[test]\nttl = 12\nttl = 13\n", "not an INI file: While reading from"),
        ("[test]\nttl\n", "not an INI file: Source contains parsing errors"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_the_file(refused, tmp_path: Path, file, line) -> None:
    said = refused(file=file)
    assert said.startswith(f"p2p-test: {tmp_path / 'c.conf'}: {line}")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"[test]\nttl = \xff\n")
    with pytest.raises(SettingsError, match="not an INI file: byte 13 is no utf-8; save it as UTF-8"):
        read_section(tmp_path / "c", "test", [setting.name for setting in TABLE])


def test_help_has_every_setting_with_its_default(parse, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse("--help")
    assert caught.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    for wanted in (
        "--ttl= Seconds. [default: 72]",
        "--trust= A network. May be repeated. [default: 127.0.0.0/8, ::1/128]",
        "--web= An endpoint. ",
        "--lab With a laboratory. ",
        "--config= ",
    ):
        assert wanted in said + " "


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:db8::7", "2001:db8::7/128"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("::/96", "::/96"),
    ],
)
def test_a_network_of_mapped_addresses_is_the_ipv4_network(text: str, wanted: str) -> None:
    assert str(network(text)) == wanted


@given(st.text(max_size=6) | st.integers(-200, 200).map(str))
def test_a_whole_number_is_plain_digits_within_the_range(text) -> None:
    digits = text != "" and all(c in "0123456789" for c in text)
    try:
        assert whole(10, 100)(text) == int(text)
        assert digits
    except ValueError:
        assert not digits or not 10 <= int(text) <= 100
