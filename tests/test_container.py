"""The container files: what they run is understood, and they agree with each other."""

from __future__ import annotations

import json
import re
from configparser import ConfigParser
from pathlib import Path

import pytest

from p2p_twisted.config.settings import SettingsOptions
from p2p_twisted.peer.tap import Options as PeerOptions
from p2p_twisted.rs.tap import Options as RSOptions

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "conf" / "container"
COMPOSE = (FOLDER / "compose.yml").read_text("utf-8")
CONTAINERFILE = (FOLDER / "Containerfile").read_text("utf-8")
COMMANDS = [json.loads(line) for line in re.findall(r"^ +command: (\[.*\])$", COMPOSE, re.MULTILINE)]
VERBS: dict[str, type[SettingsOptions]] = {"p2p-rs": RSOptions, "p2p-peer": PeerOptions}


@pytest.mark.parametrize("command", [command for command in COMMANDS if command[0] in VERBS])
def test_the_commands_are_understood(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    arguments = [word.replace("/srv/documents", str(tmp_path / "documents")) for word in command[1:]]
    options = VERBS[command[0]]()
    options.parseOptions(arguments)
    assert str(options["state-dir"]) in CONTAINERFILE


def test_there_are_two_rs_with_one_registry_and_three_peers_of_both() -> None:
    services = re.findall(r"^  (\w+):\n(?:    #.*\n)?    (?:image|<<)", COMPOSE, re.MULTILINE)
    assert services == ["redis", "rs1", "rs2", "peer1", "peer2", "peer3"]
    for command in COMMANDS:
        named = [command[place + 1] for place, word in enumerate(command) if word in ("--rs", "--registry")]
        expected = {"p2p-rs": ["redis://redis:6379/0"], "p2p-peer": ["rs1", "rs2"], "redis-server": []}
        assert named == expected[command[0]]


def test_the_image_has_extras_that_there_are() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    [extras] = re.findall(r"/src\[([\w,]+)\]", CONTAINERFILE)
    assert set(extras.split(",")) <= set(setup["options.extras_require"])
