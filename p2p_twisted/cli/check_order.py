"""The options that all verbs of ``p2p check`` have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from ..check.profile import Profile, ProfileError
from ..check.profile_files import NAMES, load
from ..check.report.gradescope import as_gradescope
from ..check.report.html import as_html
from ..check.report.junit import as_junit
from ..check.report.run import Run
from ..check.rubric import Rubric, load_rubric
from ..check.server import TIMEOUT
from .options import JSON_VARIABLE, UserPath

_FILE = UserPath(dir_okay=False)
MAX_TIMEOUT = 3600


@dataclass(frozen=True)
class Order:
    """What to check and by what, and where the results go. `kind` is "rs", for example."""

    kind: str
    profile: Profile
    rubric: Rubric | None
    only: tuple[str, ...]
    with_bytes: bool
    as_json: bool
    files: tuple[tuple[Path, Callable[[Run], str]], ...]


def for_check(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `command`, which takes an Order first, the options of all verbs of ``p2p check``."""

    @click.option(
        "--profile",
        "name",
        metavar="NAME|FILE",
        default=NAMES[0],
        show_default=True,
        help=f"What the server should speak: {', '.join(NAMES)}, or a profile in a file.",
    )
    @click.option("--level", metavar="VERSION", help="Check this version as well: 1.1.")
    @click.option("--only", metavar="ID,...", default="", help="Run only these checks.")
    @click.option("--list", "is_list", is_flag=True, help="List the checks, and run none.")
    @click.option("--bytes", "with_bytes", is_flag=True, help="Print what was sent and got in those not passed.")
    @click.option("--json", "as_json", is_flag=True, envvar=JSON_VARIABLE, show_envvar=True, help="Print JSON.")
    @click.option("--junit", type=_FILE, metavar="FILE", help="Write JUnit's XML.")
    @click.option("--gradescope", type=_FILE, metavar="FILE", help="Write Gradescope's results.json.")
    @click.option("--html", type=_FILE, metavar="FILE", help="Write a page.")
    @click.option("--rubric", type=_FILE, metavar="FILE", help="Give points, by the rubric in this file.")
    @wraps(command)
    def verb(
        name: str,
        level: str | None,
        only: str,
        is_list: bool,
        with_bytes: bool,
        as_json: bool,
        junit: Path | None,
        gradescope: Path | None,
        html: Path | None,
        rubric: Path | None,
        **rest: Any,
    ) -> Any:
        try:
            profile = _profile(name, level)
            points = None if rubric is None else load_rubric(rubric)
        except ProfileError as error:
            raise click.UsageError(str(error)) from None
        reports = ((junit, as_junit), (gradescope, as_gradescope), (html, as_html))
        files = tuple((path, form) for path, form in reports if path is not None)
        ids = tuple(filter(None, only.split(",")))
        return command(Order("", profile, points, ids, with_bytes, as_json, files), is_list=is_list, **rest)

    return verb


def for_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `command` the address of a server, and how long it may take."""
    command = click.argument("address", metavar="HOST[:PORT]", required=False)(command)
    command = click.option(
        "--ttl",
        type=click.FloatRange(0.5, 86_400),
        metavar="SECONDS",
        help="TTL that the server was started with; without it, no check waits for one to run out.",
    )(command)
    return click.option(
        "--timeout",
        type=click.FloatRange(0.1, MAX_TIMEOUT),
        metavar="SECONDS",
        default=TIMEOUT,
        show_default=True,
        help="Seconds that an answer may take.",
    )(command)


def _profile(name: str, level: str | None) -> Profile:
    """Return the profile `name`, or the one that adds `level` to it. Raises ProfileError."""
    profile = load(name)
    if level in (None, profile.level, profile.name):
        return profile
    if level in NAMES:
        higher = load(str(level))
        if higher.also is not None and higher.also.name == profile.name:
            return higher
    raise ProfileError(f"the profile {profile.name} has no level {level}; --level 1.1 adds to 1.0")
