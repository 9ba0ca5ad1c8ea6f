"""The files in conf/ are understood, do not collide and run as they are; the manual has the options that there are."""

import os
import re
import shutil
import subprocess
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from p2p_twisted.experiment.run.cluster import wait_until
from p2p_twisted.experiment.run.processes import TWISTD, Loopback
from p2p_twisted.peer import tap as peer_tap
from p2p_twisted.rs import tap as rs_tap
from p2p_twisted.web.control_client import ControlClient, ControlError

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
PEERS = [f"peer{number}" for number in range(1, 7)]
UP = 60
"""Seconds that the processes may take until they know each other."""


def read(options, name):
    options.parseOptions(["--config", str(CONF / f"{name}.conf")])
    return options


@pytest.fixture
def peers(monkeypatch):
    monkeypatch.chdir(ROOT)
    return [read(peer_tap.Options(), name) for name in PEERS]


def test_conf_has_an_rs_and_six_peers():
    assert sorted(path.name for path in CONF.glob("*.conf")) == sorted(f"{name}.conf" for name in ["rs", *PEERS])


def test_nothing_of_one_peer_is_anothers(peers):
    for key in ("listen", "state-dir", "download-dir"):
        assert len({peer[key] for peer in peers}) == len(PEERS)


def test_the_shared_folders_are_in_the_checkout(peers):
    assert all(share.folder.is_dir() for peer in peers for share in peer["share"])


def test_peers_look_for_the_rs_where_it_listens(peers):
    listen = read(rs_tap.Options(), "rs")["listen"].split(":")
    assert {str(peer["rs-port"]) for peer in peers} == {listen[1]}


@pytest.mark.parametrize(("name", "options"), [("rs", rs_tap.Options), ("peer1", peer_tap.Options)])
def test_a_file_explains_every_setting(name, options):
    text = (CONF / f"{name}.conf").read_text("utf-8")
    lines = {line.lstrip("# ").partition("=")[0].strip() for line in text.splitlines() if "=" in line}
    assert {setting.name for setting in options.settings} <= lines


ROW = re.compile(r"^   \* - ``([a-z0-9-]+)``\n     - (.+)\n     - ((?:.|\n {7})+)", re.MULTILINE)
"""A row of an options table in docs/settings.rst: name, default, meaning."""


def default(setting):
    return "must be given" if setting.required else "none" if setting.default is None else f"``{setting.default}``"


def bounds(setting):
    """What the converter says of a value that cannot be: words that the manual has to have too."""
    try:
        setting.convert("?")
    except ValueError as error:
        return re.findall("[0-9]+ to [0-9]+", str(error))
    return []


@pytest.mark.parametrize(("section", "options"), [("rs", rs_tap.Options), ("peer", peer_tap.Options)])
def test_the_manual_has_every_option_with_its_default_and_range(section, options):
    manual = (ROOT / "docs" / "settings.rst").read_text("utf-8")
    part = manual.split(f"section ``[{section}]``\n")[1].split("``p2p-peer``, section")[0]
    rows = {name: (said, meaning) for name, said, meaning in ROW.findall(part)}
    settings = {setting.name: setting for setting in options.settings}
    assert list(rows) == list(settings)
    for name, setting in settings.items():
        said, meaning = rows[name]
        assert said == (f"``~/.local/state/p2p_twisted/{section}``" if name == "state-dir" else default(setting))
        assert all(meaning.startswith(f"{words}.") for words in bounds(setting))
        assert meaning.startswith("May be repeated.") == setting.repeatable


def checkout(folder):
    """What the files need of a checkout, in `folder`, but on ports that are free now."""
    ports = Loopback()
    free = {port: str(ports.port("")) for port in ("65423", "65401", "65402")}
    shutil.copytree(
        ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("_build")
    )  # `make docs` is not needed
    for path in CONF.glob("*.conf"):
        text = path.read_text("utf-8")
        for port in free:
            text = text.replace(port, free[port])
        (folder / "conf").mkdir(exist_ok=True)
        (folder / "conf" / path.name).write_text(text, "utf-8")


def start(stack, folder, verb, name):
    """``twistd`` with ``conf/NAME.conf`` in `folder`, until `stack` is left."""
    log = folder / f"{name}.log"
    command = [*TWISTD, verb, "--config", f"conf/{name}.conf"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    stack.callback(stop, process, log)


def stop(process, log):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    print(log.read_text("utf-8"))


def knows(folder, name, document):
    control = ControlClient(folder / "state" / name)
    try:
        control.post("refresh")
        return control.get("index", q=document)["total"] == 1
    except ControlError:
        return False
    finally:
        control.close()


def test_rs_and_peers_run_as_they_are(tmp_path):
    checkout(tmp_path)
    with ExitStack() as stack:
        start(stack, tmp_path, "p2p-rs", "rs")
        start(stack, tmp_path, "p2p-peer", "peer1")
        start(stack, tmp_path, "p2p-peer", "peer2")
        for name, document in (("peer1", "peer6.conf"), ("peer2", "protocol.rst")):
            complaint = f"{name} did not learn of {document}"
            wait_until(partial(knows, tmp_path, name, document), time.monotonic() + UP, complaint)
