"""The config file: an INI file as editors save it, its keys, and lists of values.

The values of one key are separated by commas or lines; a value that contains a comma is quoted.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from .names import is_name

_PART = re.compile(r"""\s*(?:"((?:[^"]|"")*)"|([^",\s][^,]*?)?)\s*(?:,|$)""")
"""One value of a list, quoted or plain, with the separator after it."""


class SettingsError(Exception):
    """A setting is invalid. The message is one line that names the setting and says what it must be."""


class _Parser(ConfigParser):
    """A parser that keeps the case of keys."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def read_config(path: Path) -> ConfigParser:
    """Read the INI file `path`, in UTF-8 or, as some editors save it, in UTF-16. Raises SettingsError."""
    parser = _Parser(delimiters=("=",), interpolation=None, default_section="")
    try:
        data = path.read_bytes()
        encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
        parser.read_file(StringIO(data.decode(encoding), newline=None), str(path))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; --config takes an INI file") from None
    except UnicodeDecodeError as error:
        text = f"byte {error.start} is no {error.encoding}; save it as UTF-8"
        raise SettingsError(f"{path}: not an INI file: {text}") from None
    except ConfigParserError as error:
        raise SettingsError(f"{path}: not an INI file: {' '.join(str(error).split())}") from None
    return parser


def read_section(path: Path, section: str, known: Sequence[str]) -> dict[str, str]:
    """Return ``[section]`` of the INI file `path` as a dict. Raises SettingsError, also for an unknown key."""
    parser = read_config(path)
    if not parser.has_section(section):
        raise SettingsError(f"{path}: has no section [{section}]")
    found = dict(parser.items(section))
    for key in found:
        if key not in known:
            raise SettingsError(f"{path}: unknown key {key!r} in [{section}]{suggestion(key, known)}")
    return found


def read_groups(path: Path) -> dict[str, frozenset[str]]:
    """Return the groups in the section ``[groups]`` of the INI file `path`: name -> peers. Raises SettingsError."""
    parser = read_config(path)
    groups = {}
    for name, text in parser.items("groups") if parser.has_section("groups") else ():
        try:
            peers = [peer for line in text.split("\n") for peer in split_values(line)]
        except ValueError as error:
            raise SettingsError(f"{path}: {name} in [groups] {error}, not {text!r}") from None
        if not is_name(name) or not peers or not all(map(is_name, peers)):
            raise SettingsError(f"{path}: {name} in [groups] must be a name, with the names of peers, not {text!r}")
        groups[name] = frozenset(peers)
    return groups


def split_values(line: str) -> list[str]:
    """Split `line` at its commas except those in quotation marks. Raises ValueError."""
    parts, at = [], 0
    while at < len(line):
        found = _PART.match(line, at)
        if found is None:
            raise ValueError('must have a quotation mark (") at both ends of a value or at none, and "" for one inside')
        quoted, plain = found.groups()
        if quoted is not None or plain:
            parts.append(plain if quoted is None else quoted.replace('""', '"'))
        at = found.end()
    return parts


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return the continuation of "unknown `word`": the most similar name in `known`, or all of them."""
    close = get_close_matches(word.lower().replace("_", "-"), known, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
