"""Settings of a twistd verb: one table that defines flags, config file, defaults and ``--help``.

A flag overrides the config file, and the file overrides the default. The file is an INI file; its keys are the names of
the flags without the dashes. The values of a repeatable flag are separated by commas or lines (`config_file`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from twisted.python import usage

from .config_file import SettingsError as SettingsError
from .config_file import read_section, split_values, suggestion
from .folders import expand, folder
from .passwords import quoted

Network = IPv4Network | IPv6Network
MAPPED_BITS = 96
"""The length of the prefix that maps IPv4 into IPv6, ``::ffff:0:0/96``."""


@dataclass(frozen=True)
class Setting:
    """One setting.

    `name`: the flag without its dashes. `help`: one sentence. `convert`: turns the text into the value, or raises
    ValueError, which says what it must be. `default`: a text, None for "not set". `repeatable`: the value is a tuple.
    `flag`: on the command line it has no value and means ``yes``. `never_empty`: an empty value is an error, because it
    could be taken for the opposite of what it does.
    """

    name: str
    help: str
    convert: Callable[[str], Any] = str
    default: str | None = None
    repeatable: bool = False
    required: bool = False
    flag: bool = False
    never_empty: bool = False

    def value(self, texts: Sequence[str]) -> Any:
        """Return the value of `texts`; only the last one counts if it is not repeatable. Raises ValueError."""
        values = tuple(self.convert(text) for text in texts)
        return values if self.repeatable else values[-1]

    def texts(self, text: str | None) -> list[str]:
        """Split the `text` of the config file into single values. Raises ValueError."""
        if text is None:
            return []
        if self.repeatable:
            return [part for line in text.split("\n") for part in split_values(line)]
        parts = split_values(text) if text.startswith('"') else [text]
        if len(parts) != 1:
            raise ValueError("takes one value")
        return parts


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a convert function for decimal numbers from `low` to `high`."""

    def convert(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return convert


def one_of(*words: str) -> Callable[[str], str]:
    """Return a convert function for one of `words`."""

    def convert(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return text

    return convert


def yes_or_no(text: str) -> bool:
    """Convert ``yes`` or ``no``. Raises ValueError."""
    if text not in ("yes", "no"):
        raise ValueError("must be yes or no")
    return text == "yes"


def network(text: str) -> Network:
    """Convert a network in CIDR notation, or a single address. Raises ValueError.

    A network of IPv4 addresses that are mapped into IPv6 becomes the IPv4 network.
    """
    try:
        found = ip_network(text)
    except ValueError:
        raise ValueError("must be a network such as 192.168.0.0/16 or 2001:db8::/32") from None
    if isinstance(found, IPv6Network) and found.prefixlen >= MAPPED_BITS and (v4 := found.network_address.ipv4_mapped):
        return IPv4Network((v4, found.prefixlen - MAPPED_BITS))
    return found


ADMISSION = (
    Setting(
        "allow",
        "Network in CIDR notation, or address, from which connections are accepted. Default: all.",
        network,
        repeatable=True,
        never_empty=True,
    ),
    Setting(
        "deny",
        "Network in CIDR notation, or address, from which no connection is accepted, not even with --allow.",
        network,
        repeatable=True,
    ),
)
"""The settings, of RS and peer alike, of the addresses that may connect to the port that serves peers."""

TLS = Setting(
    "tls",
    "Folder with the certificate of this member, made by 'p2p pki issue': all connections are mutual TLS then. "
    "Default: none of them is encrypted.",
    folder,
)


def exit_with(line: str, code: int) -> NoReturn:
    """Exit the process with one line on stderr."""
    print(line, file=sys.stderr)
    raise SystemExit(code)


class SettingsOptions(usage.Options):
    """The command line of a twistd verb, built from the table `settings`; ``options[name]`` is the value of a setting.

    An invalid option ends the process with one line on stderr and exit code 2.
    """

    verb: ClassVar[str]
    """The twistd verb, for messages."""
    section: ClassVar[str]
    """The section of the config file."""
    settings: ClassVar[tuple[Setting, ...]] = ()

    def __init_subclass__(cls) -> None:
        for setting in cls.settings:
            setattr(cls, f"opt_{setting.name.replace('-', '_')}", _handler(setting))

    def __init__(self) -> None:
        self.given: dict[str, list[str]] = {}
        self.config_file: Path | None = None
        self.origins: dict[str, str] = {}
        """The origin of each setting's value: "flag", "default", or the path of the config file."""
        super().__init__()

    def opt_config(self, path: str) -> None:
        """Read settings from this INI file; flags override it."""
        self.given["config"] = [path]

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse the command line and merge in the config file and the defaults."""
        try:
            super().parseOptions(options)
        except (usage.UsageError, SettingsError) as error:
            exit_with(f"{self.verb}: {error}{self._meant(str(error))}", 2)

    def _meant(self, error: str) -> str:
        """Return a suggestion to add to the message about an unknown option."""
        match = re.fullmatch(r"option (--\S+) not recognized", error)
        return suggestion(match[1], [f"--{setting.name}" for setting in self.settings]) if match else ""

    def parseArgs(self, *args: str) -> None:
        """Refuse arguments other than options."""
        if args:
            raise usage.UsageError(f"takes no arguments, only options: {quoted(args[0])}")

    def postOptions(self) -> None:
        """Merge flags, config file and defaults. Raises SettingsError."""
        config = self.given.pop("config", None)
        path = self.config_file = _config_file(config[-1]) if config else None
        file = read_section(path, self.section, [setting.name for setting in self.settings]) if path else {}
        for setting in self.settings:
            if texts := self.given.get(setting.name, []):
                origin, where = "flag", f"--{setting.name}"
            elif setting.name in file:
                origin, where = str(path), f"{path}: {setting.name}"
                texts = _taken_apart(setting, file[setting.name], where)
            else:
                texts, origin, where = setting.texts(setting.default), "default", f"--{setting.name}"
            self.origins[setting.name] = origin
            self[setting.name] = _value(setting, texts, where)


def _config_file(text: str) -> Path:
    try:
        return expand(text)
    except ValueError as error:
        raise SettingsError(f"--config {error}, not {text!r}") from None


def _taken_apart(setting: Setting, text: str, where: str) -> list[str]:
    try:
        texts = setting.texts(text)
    except ValueError as error:
        raise SettingsError(f"{where} {error}, not {quoted(text)}") from None
    if not texts and setting.never_empty:
        raise SettingsError(f"{where} must not be empty; leave it out for its default")
    return texts


def _value(setting: Setting, texts: Sequence[str], where: str) -> Any:
    if not texts and setting.required:
        raise SettingsError(f"{where} must be given, as a flag or in the config file")
    if not texts and not setting.repeatable:
        return None
    try:
        return setting.value(texts)
    except ValueError as error:
        raise SettingsError(f"{where} {error}, not {', '.join(map(quoted, texts))}") from None


def _handler(setting: Setting) -> Callable[..., None]:
    return _flag(setting) if setting.flag else _option(setting)


def _flag(setting: Setting) -> Callable[[SettingsOptions], None]:
    def opt(self: SettingsOptions) -> None:
        self.given[setting.name] = ["yes"]

    opt.__doc__ = setting.help
    return opt


def _option(setting: Setting) -> Callable[[SettingsOptions, str], None]:
    def opt(self: SettingsOptions, text: str) -> None:
        self.given.setdefault(setting.name, []).append(text)

    default = "" if setting.default is None else f" [default: {setting.default}]"
    opt.__doc__ = setting.help + (" May be repeated." if setting.repeatable else "") + default
    return opt
