"""``p2p completion``: the script with which a shell completes the verbs, options and paths of ``p2p``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .output import say

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that makes SHELL (bash, zsh or fish) complete the verbs and options of p2p.

    For the running bash: eval "$(p2p completion bash)"
    """
    found = get_completion_class(shell)
    assert found is not None
    maker = found(click.Command("p2p"), {}, "p2p", "_P2P_COMPLETE")
    say((maker.source_template % maker.source_vars()).strip())
