"""docs/check.rst has the checks that there are, and its examples are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.check.client import CHECKS as CLIENT_CHECKS
from p2p_twisted.check.model import Check
from p2p_twisted.check.peer import CHECKS as PEER_CHECKS
from p2p_twisted.check.profile_files import load
from p2p_twisted.check.profile_form import _KEYS
from p2p_twisted.check.rs import CHECKS as RS_CHECKS
from p2p_twisted.check.rubric import load_rubric, require_known
from p2p_twisted.check.runner import applicable
from tests.support.protocol_text import TEXT as PROTOCOL

TEXT = (Path(__file__).parents[2] / "docs" / "check.rst").read_text("utf-8")
EXAMPLES = [
    "\n".join(line[3:] for line in block.split("\n"))
    for block in re.findall(r"^\.\. code-block:: toml\n\n((?:   .*\n|\n)+)", TEXT, re.MULTILINE)
]
ROW = re.compile(r"^``([\w.-]+)`` +(\w+) +(yes|no)(?: +(1\.1))?  +(.+)$", re.MULTILINE)


def documented(title: str) -> list[tuple[str, ...]]:
    """Return the rows of the table below the heading `title`: id, group, mandatory, level, title of a check."""
    [section] = re.findall(rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n[-=]+\n(?!`)|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return [tuple(row) for row in ROW.findall(section)]


@pytest.mark.parametrize(
    ("title", "checks"),
    [("Of a registration server", RS_CHECKS), ("Of a peer", PEER_CHECKS), ("Of a client", CLIENT_CHECKS)],
)
def test_the_checks_are_listed(title: str, checks: tuple[Check[Any], ...]) -> None:
    wanted = [(c.id, c.group, "yes" if c.mandatory else "no", c.level, c.title) for c in checks]
    assert documented(title) == wanted, "\n".join(
        f"{f'``{id_}``':25}  {group:11}  {mandatory:9}  {level:5}  {text}"
        for id_, group, mandatory, level, text in wanted
    )


def test_sections_are_those_of_the_protocol() -> None:
    headings = set(re.findall(r"^(\S[^\n]*)\n(?:=+|-+)\n", PROTOCOL, re.MULTILINE)) | {"Central index"}
    assert {check.section for check in (*RS_CHECKS, *PEER_CHECKS, *CLIENT_CHECKS)} <= headings


def test_the_profile_of_the_docs(tmp_path: Path) -> None:
    path = tmp_path / "n101.toml"
    path.write_text(EXAMPLES[0], "utf-8")
    profile = load(str(path))
    assert profile.messages["register"].startswith("HELLO {port} N101\n") and profile.codes["unknown_cookie"] == 401
    named = profile.optional | profile.required | profile.skip
    assert named <= {check.id for check in RS_CHECKS}


def test_the_rubric_of_the_docs(tmp_path: Path) -> None:
    path = tmp_path / "rubric.toml"
    path.write_text(EXAMPLES[1], "utf-8")
    rubric = load_rubric(path)
    require_known(rubric, {check.id: check.group for check in applicable(RS_CHECKS, load("1.0"))})
    assert sum(rubric.points.values()) == 100


def test_every_key_of_a_profile_is_described() -> None:
    assert set(_KEYS) - {"name"} | {"like", "also"} == set(re.findall(r"^``([a-z_.]+)`` {2,}", TEXT, re.MULTILINE)) & (
        set(_KEYS) | {"like", "also"}
    )
