"""Names by which a stranger may mislead: not for everybody who fetches all that there is."""

from __future__ import annotations

import pytest

from p2p_twisted.library.paths import same_elsewhere, why_tricky


@pytest.mark.parametrize(
    "name",
    [
        "rfc8446.txt.pdf",
        "a-b/c~d.txt",
        "Müll/schön.txt",
        "日本語.txt",
        "❤️.png",
        "a b/c d.txt",
        "console.txt",
        "com.txt",
        "com10.txt",
        "nullable/aux1",
        "a" * 255,
        "/".join(["d" * 200] * 5),
        "/".join("d" * 32),
        "$(reboot)",
    ],
)
def test_harmless_names_are_accepted(name) -> None:
    assert why_tricky(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("-rf", "begins with -"),
        ("sub/--help", "begins with -"),
        ("-/x", "begins with -"),
        ("~/x", "begins with ~"),
        ("~root", "begins with ~"),
        ("photo\u202egpj.exe", "invisible characters, or characters that change the direction of the text"),
        ("pay\u200bpal.txt", "invisible characters, or characters that change the direction of the text"),
        ("a\u2066b", "invisible characters, or characters that change the direction of the text"),
        ("\ufeffREADME", "invisible characters, or characters that change the direction of the text"),
        ("soft\xadhyphen", "invisible characters, or characters that change the direction of the text"),
        ("\u3164", "invisible characters, or characters that change the direction of the text"),
        ("tag\U000e0041", "invisible characters, or characters that change the direction of the text"),
        ('<a>:"b|c?*', "no name has on Windows"),
        ("sub:/a", "no name has on Windows"),
        ("what?", "no name has on Windows"),
        ("tone\U0001d173", "invisible characters, or characters that change the direction of the text"),
        ("a.txt ", "space"),
        (" a.txt", "space"),
        ("sub /a.txt", "space"),
        ("a.txt\xa0", "space"),
        ("a.txt.", "ends with a dot"),
        ("sub./a", "ends with a dot"),
        ("nul", "device"),
        ("sub/NUL.txt", "device"),
        ("Aux/main.c", "device"),
        ("com1", "device"),
        ("LPT9.tar.gz", "device"),
        ("COM\xb9.txt", "device"),
        ("con .txt", "device"),
        ("CONIN$", "device"),
        ("n" * 256, "longer than 255 bytes"),
        ("ü" * 128, "longer than 255 bytes"),
        ("../up", "no part of a name is empty, hidden"),
        (".ssh/authorized_keys", "hidden"),
        ("/etc/passwd", "no part of a name is empty"),
        ("a\\b", "backslashes"),
        ("x.part", "unfinished"),
        ("x.PART", "unfinished"),
        ("x.Part.State/y", "unfinished"),
        ("/".join("d" * 33), "more than 31 folders deep"),
        ("", "1 to 1024 bytes"),
    ],
)
def test_tricky_names_are_explained(name, why) -> None:
    assert why in (why_tricky(name) or "")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("README", "readme"),
        ("\xe9t\xe9", "e\u0301te\u0301"),
        ("\xc9T\xc9", "e\u0301te\u0301"),
        ("stra\xdfe", "STRASSE"),
        ("\u212bngstr\xf6m", "\xe5ngstr\xf6m"),
        ("\u2764\ufe0f.png", "\u2764.png"),
        ("\u845b\U000e0100", "\u845b"),
        ("Sub/A", "sub/a"),
    ],
)
def test_names_that_are_one_on_other_systems(name: str, other: str) -> None:
    assert name != other
    assert same_elsewhere(name) == same_elsewhere(other)


@pytest.mark.parametrize(("name", "other"), [("a", "b"), ("e", "\xe9"), ("a/b", "a"), ("\xb2", "2"), ("\uff41", "a")])
def test_other_names_stay_apart(name: str, other: str) -> None:
    assert same_elsewhere(name) != same_elsewhere(other)
