"""``p2p dissector``: where the Wireshark dissector of the protocol is."""

from __future__ import annotations

from pathlib import Path

import click

from .output import on_terminal, print_path, warn

DISSECTOR = Path(__file__).parents[1] / "share" / "wireshark" / "p2p-di.lua"


@click.command()
def dissector() -> None:
    """Print the path of the Wireshark dissector of the protocol.

    \b
    tshark -X lua_script:"$(p2p dissector)" -r FILE
    wireshark -X lua_script:"$(p2p dissector)" FILE

    Or copy the file into the folder of personal Lua plugins, which Wireshark names under Help, About, Folders.
    """
    print_path(str(DISSECTOR))
    if on_terminal():
        warn('use it so: tshark -X lua_script:"$(p2p dissector)" -r FILE')
