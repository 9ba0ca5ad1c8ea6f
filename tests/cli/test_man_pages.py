"""The man pages: made of the help as it is, one for each verb, and read by groff without a complaint."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from p2p_twisted.cli.main import _VERBS
from p2p_twisted.cli.man_pages import _paragraph, _plain, pages, write

FOLDER = Path(__file__).parents[2] / "man"


def test_they_are_those_of_this_help() -> None:
    found = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}
    assert found == pages(), "the help has changed: make man"


def test_each_verb_has_one() -> None:
    assert set(pages()) == {"p2p.1", *(f"p2p-{verb}.1" for verb in _VERBS)}
    main = pages()["p2p.1"]
    assert all(f".BR p2p\\-{verb} (1)\n" in main for verb in _VERBS)
    assert "  3  no peer has it\n" in main


def test_a_verb_below_a_verb_and_its_options() -> None:
    page = pages()["p2p-rs.1"]
    assert ".SS p2p rs top\n" in page and ".SS p2p rs peers\n" in page
    assert ".B \\-o, \\-\\-output DIR\n" in pages()["p2p-get.1"]


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff; apt-get install groff-base")
@pytest.mark.parametrize("name", sorted(pages()))
def test_groff_has_no_complaint(name: str, tmp_path: Path) -> None:
    command = ["groff", "-man", "-ww", "-Tutf8", str(FOLDER / name)]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (rendered.stderr, rendered.stdout.split("(")[0]) == ("", name.removesuffix(".1").upper())


def test_what_roff_would_obey_is_text() -> None:
    assert _plain(".SH a\\b-c") == "\\&.SH a\\(rsb\\-c" and _plain("'x") == "\\&'x"
    assert _paragraph("\b\n  a\n.b") == ".nf\n  a\n\\&.b\n.fi\n"


def test_a_page_that_is_no_longer_made_goes(tmp_path: Path) -> None:
    (tmp_path / "p2p-old.1").write_text("")
    write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(pages())
