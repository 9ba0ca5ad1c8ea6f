"""Profiles are data, read from TOML: those of this package in ``profiles``, and files that docs/check.rst describes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .profile import Change, Profile, ProfileError
from .profile_form import values_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).with_name("profiles")
NAMES = ("1.0", "1.1", "p2p-di", "p2p-ci")
"""The profiles of this package."""

MAX_FILE = 262_144
"""Bytes of a profile or rubric that are read."""


def load(name: str) -> Profile:
    """Return the profile of this package called `name`, or the one in the file `name`. Raises ProfileError."""
    path = FOLDER / f"{name}.toml" if name in NAMES else Path(name)
    tables = read_toml(path, f"a profile; there are {', '.join(NAMES)}, or name a file")
    known = {"name": name if name in NAMES else path.stem, **tables}
    return _profile(known, str(path.name if name in NAMES else path))


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return the tables in the file `path`. Raises ProfileError; `what` says what it should be."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ProfileError(f"{path} is not {what} ({error.strerror})") from None
    if len(data) > MAX_FILE:
        raise ProfileError(f"{path} has more than {MAX_FILE} bytes")
    try:
        tables: dict[str, Any] = tomllib.loads(data.decode())
    except ValueError as error:
        raise ProfileError(f"{path}: not TOML in UTF-8: {str(error).splitlines()[0]}") from None
    return tables


def _profile(tables: Mapping[str, Any], source: str) -> Profile:
    """Return what `tables` say, on top of the profile that they are `like`."""
    like = load(_known(tables.get("like"), source)) if "like" in tables else None
    values = {**(vars(like) if like is not None else {}), **values_of(tables, like, source)}
    if "also" in tables:
        values["also"] = load(_known(tables["also"], source))
    missing = [name for name in ("title", "messages", "status", "codes") if not values.get(name)]
    if missing:
        raise ProfileError(f"{source}: {missing[0]} is missing, and no 'like' names a profile to take it from")
    if "ok" not in values["codes"]:
        raise ProfileError(f"{source}: codes has no ok, the status code of what is granted")
    for table in ("same", "malformed", "strict"):
        own = _keep(values.get(table, ()), values["messages"])
        if table in tables and len(own) < len(values[table]):
            missed = next(change for change in values[table] if change not in own)
            raise ProfileError(f"{source}: {table} '{missed.name}' changes what is not in the message {missed.message}")
        values[table] = own
    return Profile(**values)


def _keep(changes: tuple[Change, ...], messages: Mapping[str, str]) -> tuple[Change, ...]:
    """Return those of `changes` that change something: one taken over from another profile need not."""
    return tuple(change for change in changes if change.old in messages.get(change.message, ""))


def _known(name: object, source: str) -> str:
    if name not in NAMES:
        raise ProfileError(f"{source}: 'like' and 'also' must be one of {', '.join(NAMES)}, not {name!r}")
    return str(name)
