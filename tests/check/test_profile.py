"""Profiles: those of the package, and those that a teacher writes, with their mistakes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p2p_twisted.check.peer import CHECKS as PEER_CHECKS
from p2p_twisted.check.profile import FIELDS, PLACE, ProfileError, matches
from p2p_twisted.check.profile_files import NAMES, load
from p2p_twisted.check.rs import CHECKS
from tests.support.protocol_text import GRAMMAR

MINIMAL = """
title = "Ours"
[messages]
register = "REG {port}\\n"
[answer]
status = "{code} {phrase}"
[codes]
ok = 200
"""


def write(folder: Path, text: str) -> str:
    path = folder / "ours.toml"
    path.write_text(text, "utf-8")
    return str(path)


@pytest.mark.parametrize("name", NAMES)
def test_the_profiles_of_the_package(name: str) -> None:
    profile = load(name)
    assert profile.name == name and profile.title and profile.codes["ok"] == 200
    assert all(set(PLACE.findall(text)) <= FIELDS for text in profile.messages.values())
    assert profile.optional | profile.required | profile.skip <= {check.id for check in (*CHECKS, *PEER_CHECKS)}
    for change in (*profile.same, *profile.malformed, *profile.strict):
        assert change.old in profile.messages[change.message], change.name


@pytest.mark.parametrize("name", ["1.0", "1.1"])
@pytest.mark.parametrize("message", ["register", "keepalive", "pquery", "leave", "index", "file"])
def test_messages_are_as_the_grammar_has_them(name: str, message: str) -> None:
    values = {"host": "10.0.0.1", "os": "p2p check", "cookie": "4", "port": "4394", "stem": "README", "type": ""}
    text = PLACE.sub(lambda found: values[found[1]], load(name).messages[message])
    assert GRAMMAR.pattern("request").fullmatch(text.encode())


def test_1_1_adds_to_1_0() -> None:
    profile = load("1.1")
    assert profile.also == load("1.0")
    assert (profile.end, profile.length, profile.stays_open) == ("length", "Length", True)
    assert profile.codes == load("1.0").codes


def test_a_profile_of_ones_own_takes_the_rest_from_the_one_it_is_like(tmp_path: Path) -> None:
    text = """
like = "1.0"
title = "Our course"
[request]
line_end = "crlf"
[messages]
leave = "BYE {cookie}\\n"
[codes]
not_active = 404
[checks]
optional = ["leave-data"]
required = ["strict"]
skip = ["closes"]
"""
    profile, base = load(write(tmp_path, text)), load("1.0")
    assert (profile.name, profile.title, profile.line_end) == ("ours", "Our course", b"\r\n")
    assert profile.messages == {**base.messages, "leave": "BYE {cookie}\n"}
    assert profile.codes == {**base.codes, "not_active": 404}
    assert (profile.status, profile.same, profile.headers) == (base.status, base.same, base.headers)
    wanted = {"leave-data": False, "leave": True, "strict": True, "list-order": False}
    usually = {"leave-data": True, "leave": True, "strict": False, "list-order": False}
    assert {id_: profile.is_mandatory(id_, usually[id_]) for id_ in wanted} == wanted
    assert "closes" in profile.skip


def test_a_minimal_profile(tmp_path: Path) -> None:
    profile = load(write(tmp_path, MINIMAL))
    assert (profile.end, profile.port, profile.answer_line_end, profile.also) == ("close", 0, "any", None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title = ", "not TOML in UTF-8"),
        ('title = "x"', "messages is missing"),
        (MINIMAL + "no_such = 1", "codes must be a table of numbers of three digits"),
        (
            MINIMAL + "[same.x]\nmessage = 'register'\nold = 'PORT'\nput = 'P'",
            "same 'x' changes what is not in the message",
        ),
        (MINIMAL + "[colours]\nred = 1", "colours is no key of a profile; there are answer.end"),
        (MINIMAL.replace("{port}", "{prot}"), "messages has {prot}; in braces there may be cookie"),
        (MINIMAL.replace("{phrase}", "{prase}"), "answer.status has {prase}"),
        (MINIMAL.replace("200", '"200"'), "codes must be a table of numbers of three digits"),
        (MINIMAL + '[request]\nline_end = "cr"', "request.line_end must be one of lf, crlf"),
        (MINIMAL.replace("[answer]", '[answer]\nend = "never"'), "answer.end must be one of close, length, quiet"),
        (MINIMAL.replace("[answer]", '[answer]\nheaders = "Host"'), "answer.headers must be a list of texts"),
        ("port = 0\n" + MINIMAL, "port must be a number from 1 to 65535"),
        ('like = "9.9"\n' + MINIMAL, "'like' and 'also' must be one of 1.0"),
        (MINIMAL + "[phrases]\nok = 'x'", "phrases must be a table of status codes"),
        (MINIMAL + "[same]\nx = {old = 'a'}", "same 'x' must have message, old and put"),
        (MINIMAL + "[malformed]\nx = 1", "malformed 'x' must have message, old and put"),
        (MINIMAL + "[checks]\nskip = [1]", "checks.skip must be a list of texts"),
        (MINIMAL.replace("ok =", "fine ="), "codes has no ok"),
        (MINIMAL + "[bodies]\nx = '{port} {port}'", "bodies has the same word in braces twice"),
        ('messages = 3\ntitle = "x"', "messages must be a table"),
    ],
)
def test_mistakes_are_one_line_that_names_them(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ProfileError, match=re.escape(told)) as caught:
        load(path)
    assert path in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told_with_the_names(tmp_path: Path) -> None:
    for name in (str(tmp_path / "none.toml"), str(tmp_path)):
        with pytest.raises(
            ProfileError, match=r"is not a profile; there are 1\.0, 1\.1, p2p-di, p2p-ci, or name a file"
        ):
            load(name)


def test_a_file_that_is_too_big_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="has more than"):
        load(write(tmp_path, "#" * 300_000))


def test_patterns_match_exactly() -> None:
    def status(line: str) -> bool:
        return matches("{version} {code} {phrase}", line, "A+B/1.0", "Not Found") is not None

    assert status("A+B/1.0 404 Not Found") and not status("AAB/1.0 404 Not Found")
    assert matches("{code} {phrase}", "404 anything")
    assert matches("cookie:{cookie}", "cookie:12")
    assert not matches("cookie:{cookie}", "cookie:\u0661")  # a digit, but not of ASCII
    assert not matches("{text}", "x" * 70_000)
