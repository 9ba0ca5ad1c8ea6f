"""``p2p config``: settings, and where each came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .options import UserPath, Where, for_all, for_peer
from .output import print_json, print_table
from .session import peer


@click.group()
@for_all
def config(**_: object) -> None:
    """Show settings and where each came from."""


@config.command()
@click.option(
    "--config",
    "file",
    metavar="FILE",
    type=UserPath(exists=True, dir_okay=False),
    help="Show the settings of a peer or RS started with this file, not those of the running peer.",
)
@for_peer
def show(where: Where, file: Path | None) -> None:
    """Show every setting of the running peer: its value, and whether it is from a flag, a file or the default."""
    if file is None:
        with peer(where) as session:
            items = session.client.get("config")["items"]
    else:
        items = _of_file(file)
    if where.as_json:
        print_json({"items": items})
        return
    print_table(("setting", "value", "from"), [(one["name"], _text(one["value"]), one["origin"]) for one in items])


def _of_file(file: Path) -> list[dict[str, Any]]:
    """Return the settings of a process started with `file`. A mistake in it ends the command, as it ends twistd."""
    from ..config.config_file import SettingsError, read_config
    from ..peer import tap as peer_tap
    from ..rs import tap as rs_tap
    from ..web.api.settings import describe_settings

    try:
        is_rs = read_config(file).has_section(rs_tap.Options.section)
    except SettingsError:
        is_rs = False  # whoever reads it next says what is wrong
    options = rs_tap.Options() if is_rs else peer_tap.Options()
    options.parseOptions(["--config", str(file)])
    return [vars(setting) for setting in describe_settings(options).items]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if isinstance(value, float):
        return f"{value:.0f}"
    return "-" if value is None else str(value)
