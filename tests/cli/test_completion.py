"""``p2p completion``: the scripts, and what the command answers them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from p2p_twisted.cli.completion import SHELLS
from p2p_twisted.cli.main import _VERBS
from tests.support.p2p_command import ENVIRONMENT, P2P, p2p

# what bash offers after Tab behind $LINE $WORD
BASH = """
eval "$SCRIPT"
COMP_WORDS=($LINE "$WORD")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_p2p_completion p2p
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_are_sound(shell: str) -> None:
    script = p2p("completion", shell)
    assert (script.exit_code, script.stderr) == (0, "")
    assert f"_P2P_COMPLETE={shell}_complete" in script.stdout
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n"], input=script.stdout, text=True, timeout=60, check=True)


def test_another_shell() -> None:
    result = p2p("completion", "csh")
    assert (result.exit_code, "'bash', 'zsh', 'fish'" in result.stderr) == (2, True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("line", "word", "found"), [("p2p", "comp", ["completion"]), ("p2p get", "--exp", ["--explain"])]
)
def test_bash_completes(tmp_path: Path, line: str, word: str, found: list[str]) -> None:
    command = tmp_path / "p2p"
    command.write_text(f"#!{sys.executable}\n{P2P[2]}\n")
    command.chmod(0o755)
    words = {"SCRIPT": p2p("completion", "bash").stdout, "LINE": line, "WORD": word}
    environment = {**ENVIRONMENT, **words, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", BASH], env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == found


def test_verbs_are_completed_without_importing_them() -> None:
    program = (
        "import sys\nfrom p2p_twisted.cli.main import main\n"
        "from click.shell_completion import ShellComplete\n"
        "found = ShellComplete(main, {}, 'p2p', '_P2P_COMPLETE').get_completions([], '')\n"
        "print(*(item.value for item in found))\n"
        "assert not {'twisted', 'p2p_twisted.cli.get', 'p2p_twisted.cli.show'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == list(_VERBS)
