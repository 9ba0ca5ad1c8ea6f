"""Environment variables for the options of the verbs: ``P2P_GET_TIMEOUT`` for ``p2p get --timeout``."""

from __future__ import annotations

import click

PREFIX = "P2P"


def name_variables(command: click.Command, verb: str) -> None:
    """Let each option of `command`, which is the verb `verb`, have its value from the environment too.

    The options that many verbs share name their variable themselves, or have none.
    """
    prefix = f"{PREFIX}_{verb}"
    for option in command.params:
        if isinstance(option, click.Option) and option.envvar is None and option.allow_from_autoenv:
            option.envvar = _variable(f"{prefix}_{max(option.opts, key=len).lstrip('-')}")
            option.show_envvar = True
    if isinstance(command, click.Group):
        for name, part in command.commands.items():
            name_variables(part, f"{verb}_{name}")


def _variable(text: str) -> str:
    return text.replace("-", "_").upper()
