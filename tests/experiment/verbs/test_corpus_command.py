"""``p2p corpus make``."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from p2p_twisted.cli.main import main


def test_the_command_makes_documents_and_says_how_many(tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["corpus", "make", str(tmp_path), "--count", "3", "--total", "90000", "--json"])
    assert made.exit_code == 0
    result = json.loads(made.stdout)
    assert result["files"] == sorted(path.name for path in tmp_path.iterdir())
    assert result["bytes"] == pytest.approx(90_000, rel=0.02)
    again = CliRunner().invoke(main, ["corpus", "make", str(tmp_path), "--count", "3", "--total", "90000"])
    assert again.stdout == f"3 documents, {result['bytes']:,} bytes, in {tmp_path}\n"


@pytest.mark.parametrize(
    "arguments",
    [["--sizes", "5000"], ["--sizes", "9000-2000"], ["--sizes", "2000-9000", "--total", "5"], ["--count", "0"]],
)
def test_bad_arguments_of_the_command_are_usage_errors(tmp_path: Path, arguments: list[str]) -> None:
    assert CliRunner().invoke(main, ["corpus", "make", str(tmp_path / "new"), *arguments]).exit_code == 2
    assert not (tmp_path / "new").exists()


def test_the_command_leaves_other_files_alone_and_exits_11(tmp_path: Path) -> None:
    (tmp_path / "note001.txt").write_text("somebody's own")
    made = CliRunner().invoke(main, ["corpus", "make", str(tmp_path), "--count", "3"])
    assert made.exit_code == 11
    assert made.stderr.startswith(f"p2p: {tmp_path / 'note001.txt'} exists already")
