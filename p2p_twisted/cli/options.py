"""The options that many verbs share, and arguments as text for a peer: in UTF-8 and on one line."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..config.folders import default_state_dir, expand, folder
from ..wire.limits import RS_PORT
from .output import clean

STATE_DIR_VARIABLE = "P2P_STATE_DIR"
JSON_VARIABLE = "P2P_JSON"
RS_VARIABLE = "P2P_RS"
TLS_VARIABLE = "P2P_TLS"

Command = Callable[..., Any]
Rs = tuple[str, int | None]
"""Host and port of an RS; no port: the one that DNS names."""


@dataclass(frozen=True)
class Where:
    """Whom a verb talks to, and how it answers.

    If no peer is running, `rs` (host, and port if it is given) are the RS of one to be, and `tls` the folder with its
    certificate.
    """

    state_dir: Path
    as_json: bool
    rs: tuple[Rs, ...] = ()
    tls: Path | None = None


class UserPath(click.Path):
    """A path, with ``~`` expanded where the shell left it: it does so in ``--out ~/x``, but not in ``--out=~/x``."""

    def __init__(self, **options: Any) -> None:
        """`options` are those of click.Path; the value is a Path."""
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the Path. Fails as click's types do."""
        try:
            return super().convert(expand(os.fspath(value)), param, ctx)
        except ValueError as error:
            self.fail(f"{error}, not {str(value)!r}", param, ctx)


def for_all(command: Command) -> Command:
    """Give `command` --state-dir and --json; they may stand before the verb or behind it."""
    option = click.option("--json", "as_json", is_flag=True, envvar=JSON_VARIABLE, show_envvar=True, help="Print JSON.")
    return option(
        click.option(
            "--state-dir",
            type=UserPath(file_okay=False, resolve_path=True),
            metavar="DIR",
            allow_from_autoenv=False,
            help=f"State folder of the running peer or RS. Default: {STATE_DIR_VARIABLE}, or the user's own.",
        )(command)
    )


def for_peer(command: Command) -> Command:
    """Give `command`, which takes a Where first, the options of the verbs that talk to a peer."""

    @for_all
    @click.option(
        "--rs",
        metavar="HOST[:PORT]",
        multiple=True,
        envvar=RS_VARIABLE,
        show_envvar=True,
        help="If no peer is running, become one, registered with this RS, or with one of several.",
    )
    @click.option(
        "--rs-host",
        metavar="HOST[:PORT]",
        allow_from_autoenv=False,
        help="The same, for one RS whose port may be in --rs-port.",
    )
    @click.option(
        "--rs-port",
        metavar="PORT",
        type=click.IntRange(1, 65535),
        allow_from_autoenv=False,
        help=f"Port of that RS, if not {RS_PORT}.",
    )
    @click.option(
        "--tls",
        type=UserPath(exists=True, file_okay=False, resolve_path=True),
        metavar="DIR",
        envvar=TLS_VARIABLE,
        show_envvar=True,
        help="Folder with the certificate of that peer, made by 'p2p pki issue'.",
    )
    @wraps(command)
    def verb(
        state_dir: Path | None,
        as_json: bool,
        rs: Sequence[str],
        rs_host: str | None,
        rs_port: int | None,
        tls: Path | None,
        **rest: Any,
    ) -> Any:
        if rs_host is not None and _is_from_environment("rs"):
            rs = ()
        given = (*(_host_and_port(text, "--rs") for text in rs), *([] if rs_host is None else [_rs(rs_host, rs_port)]))
        return command(replace(_where("peer", state_dir, as_json), rs=given, tls=tls), **rest)

    return verb


def for_rs(command: Command) -> Command:
    """Give `command`, which takes a Where first, the options of the verbs that talk to an RS."""
    return _for_running("rs", command)


def for_running(command: Command) -> Command:
    """Give `command`, which takes a Where first, the options of the verbs that talk to a process that runs already."""
    return _for_running("peer", command)


def _for_running(role: str, command: Command) -> Command:
    @for_all
    @wraps(command)
    def verb(state_dir: Path | None, as_json: bool, **rest: Any) -> Any:
        return command(_where(role, state_dir, as_json), **rest)

    return verb


def _where(role: str, state_dir: Path | None, as_json: bool) -> Where:
    path = state_dir or _before("state_dir") or _from_environment(role) or _default(role)
    return Where(path, as_json or bool(_before("as_json")))


def _before(option: str) -> Any:
    """Return what `option` was given before the verb, or before the word that the verb stands behind (``p2p rs``)."""
    context = click.get_current_context().parent
    while context is not None and not context.params.get(option):
        context = context.parent
    return context and context.params[option]


def _is_from_environment(option: str) -> bool:
    return click.get_current_context().get_parameter_source(option) is ParameterSource.ENVIRONMENT


def _from_environment(role: str) -> Path | None:
    text = os.environ.get(STATE_DIR_VARIABLE) if role == "peer" else None
    return _folder(STATE_DIR_VARIABLE, text) if text else None


def _default(role: str) -> Path:
    return _folder("--state-dir", default_state_dir(role))


def _folder(name: str, text: str) -> Path:
    """Return the folder `text`, which was given as `name`. Raises UsageError."""
    try:
        return folder(text)
    except ValueError as error:
        raise click.UsageError(f"{name} {error}, not {text!r}") from None


def _rs(text: str, given: int | None) -> tuple[str, int]:
    """Return the RS that ``--rs-host`` names, `given` being ``--rs-port``. Raises UsageError."""
    host, port = _host_and_port(text, "--rs-host")
    if None not in (port, given) and port != given:
        raise click.UsageError(f"--rs-host names port {port} and --rs-port {given}; give one of them")
    return host, port or given or RS_PORT


def _host_and_port(text: str, option: str) -> Rs:
    from ..config.hosts import host_and_port

    try:
        return host_and_port(text)
    except ValueError as error:
        raise click.UsageError(f"{option} {error}, not {text!r}") from None


def text(value: str, argument: str) -> str:
    """Return `value` read as UTF-8, in any locale.

    Raises UsageError, naming the `argument` and what is wrong, for what is not UTF-8 or holds a control character.
    """
    from ..wire.fields import has_control

    raw = os.fsencode(value)
    try:
        found = raw.decode()
    except UnicodeDecodeError as error:
        byte = raw[error.start : error.start + 1].decode("ascii", "backslashreplace")
        named = _named(raw, argument)
        raise click.UsageError(f"{named} is not UTF-8 (at {byte}), as the names of documents and folders are") from None
    if has_control(found):
        control = next(clean(character) for character in found if has_control(character))
        raise click.UsageError(f"{_named(raw, argument)} holds a control character ({control}), which no name may")
    return found


def _named(raw: bytes, argument: str) -> str:
    return f"{argument} '{clean(raw.decode('utf-8', 'backslashreplace'))}'"


def texts(values: Sequence[str], argument: str) -> list[str]:
    """Return each of `values` as `text` does."""
    return [text(value, argument) for value in values]


def is_several(argument: str) -> bool:
    """Return whether `argument` may mean several documents: it holds ``*`` or ``?``, or ends in ``/``."""
    return "*" in argument or "?" in argument or argument.endswith("/")


def address(value: str, option: str) -> str:
    """Return the address of a peer, HOST:PORT. Raises UsageError, naming the `option`."""
    host, port = _host_and_port(value, option)
    if port is None:
        raise click.UsageError(f"{option} must be HOST:PORT, as 'p2p peers' shows it, not {value!r}")
    return f"{host}:{port}"
