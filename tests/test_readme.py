"""What a reader sees first: the README says what this is for, its links lead somewhere, and the example is small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.rst").read_text("utf-8")
EXAMPLE = ROOT / "docs/example"
MEGABYTE = 1_000_000


@pytest.mark.parametrize("other", ["python -m http.server", "BitTorrent", "Syncthing"])
def test_the_first_ten_lines_say_why_not_something_else(other: str) -> None:
    assert f"Why not {other}?" in "\n".join(README.splitlines()[:10]).replace("``", "")


def test_the_main_commands_come_in_the_order_in_which_they_are_tried() -> None:
    places = [README.index(command) for command in ("make demo", "make test", "p2p demo --keep", "p2p experiment all")]
    assert places == sorted(places)


def test_every_link_and_picture_is_there() -> None:
    targets = re.findall(r"<([\w./-]+)>`__", README) + re.findall(r"\.\. image:: (\S+)", README)
    assert len(targets) > 10
    assert [target for target in targets if not (ROOT / target).is_file()] == []


def test_no_two_processes_of_the_walk_want_one_port_or_folder() -> None:
    """All start lines of the README may be typed one after the other, each in its terminal."""
    lines = re.findall(r"twistd -n (p2p-.*)", README)
    assert len(lines) == 4
    settings = [_settings(line) for line in lines]
    for key in ("listen", "state-dir"):
        values = [setting[key] for setting in settings]
        assert len(set(values)) == len(values), key


def _settings(line: str) -> dict[str, str]:
    """What a start line sets, on itself or in its file."""
    config = re.search(r"--config (\S+)", line)
    if config:
        return dict(re.findall(r"^(\S+) = (.*)$", (ROOT / config[1]).read_text("utf-8"), re.MULTILINE))
    return dict(re.findall(r"--(\S+) (\S+)", line))


def test_the_example_weighs_less_than_a_megabyte() -> None:
    assert sum(path.stat().st_size for path in EXAMPLE.rglob("*") if path.is_file()) < MEGABYTE
