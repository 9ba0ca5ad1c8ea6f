"""A command that lacks an optional dependency says which, and how to install it from a checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from p2p_twisted.cli import exits
from p2p_twisted.cli.extras import missing_extra, need_extra
from p2p_twisted.config.extras import DISTRIBUTIONS

ROOT = Path(__file__).parents[2]
WITHOUT = """
import sys
for name in {names!r}:
    sys.modules[name] = None
from p2p_twisted.cli.main import main
main()
"""


def without(names: list[str], *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = WITHOUT.format(names=names)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *args]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("args", [["demo"], ["corpus", "make", "x", "--count", "2"]])
def test_sample_pdfs_without_their_library_are_one_line_with_a_remedy(tmp_path: Path, args: list[str]) -> None:
    done = without(["fpdf"], *args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (exits.FAILED, "")
    assert done.stderr == f"p2p: fpdf2 is not installed: {sys.executable} -m pip install -e '{ROOT}[experiment]'\n"


def test_without_pdfs_nothing_is_missing(tmp_path: Path) -> None:
    done = without(["fpdf"], "corpus", "make", "x", "--count", "2", "--sizes", "1024-2000", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (exits.OK, "")


def test_a_missing_package_is_named_as_pip_names_it() -> None:
    assert missing_extra("matplotlib", "jinja2").text.startswith("matplotlib and Jinja2 are not installed: ")


def test_an_installed_package_is_not_missing() -> None:
    need_extra(*DISTRIBUTIONS)


@pytest.mark.parametrize("args", [["experiment", "swarm"], ["experiment", "scale", "--peers", "2"]])
def test_an_experiment_without_its_extra_is_one_line_with_a_remedy(tmp_path: Path, args: list[str]) -> None:
    done = without(["matplotlib", "jinja2"], *args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (exits.FAILED, "")
    remedy = f"{sys.executable} -m pip install -e '{ROOT}[experiment]'"
    assert done.stderr == f"p2p: Jinja2 and matplotlib are not installed: {remedy}\n"
    assert list(tmp_path.iterdir()) == []
