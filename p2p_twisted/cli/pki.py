"""``p2p pki``: the certificates of a closed swarm, made on the machine of whoever runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ..config.extras import TLS
from . import exits
from .extras import need_extra
from .options import UserPath, text
from .output import clean, count, say

CA_DAYS = 3650
DAYS = 365
MAX_DAYS = 36500

_FOLDER = UserPath(file_okay=False, resolve_path=True)


def _days(default: int) -> Callable[..., click.Command]:
    kind = click.IntRange(1, MAX_DAYS)
    return click.option("--days", type=kind, default=default, show_default=True, help="Days until it expires.")


@click.group()
def pki() -> None:
    """Make the certificates of a closed swarm.

    The RS and every peer get a folder each, for --tls. Keep the folder of the CA on a machine that serves nobody.
    """


@pki.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@_days(CA_DAYS)
def init(folder: Path, days: int) -> None:
    """Make the CA of a swarm in the folder DIR."""
    with _errors():
        from ..net.pki import create_authority

        create_authority(folder, days)
    say(f"{clean(folder)} is the CA of a new swarm; next: p2p pki issue {clean(folder)} NAME --host HOST --out DIR2")


@pki.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.argument("name")
@click.argument("more", metavar="[HOST]...", nargs=-1)
@click.option(
    "--host",
    "hosts",
    metavar="HOST...",
    multiple=True,
    required=True,
    help="IP address or name at which the others reach the member. Several may follow, or repeat it.",
)
@click.option("--out", metavar="DIR2", type=_FOLDER, required=True, help="Folder for the member: its --tls.")
@click.option("--renew", is_flag=True, help="The member has a certificate already, in DIR2 or elsewhere.")
@_days(DAYS)
def issue(
    folder: Path, name: str, more: tuple[str, ...], hosts: tuple[str, ...], out: Path, renew: bool, days: int
) -> None:
    """Issue a certificate to the member NAME, reached at HOST, by the CA in DIR."""
    with _errors():
        from ..net.certificates import member_host, member_name
        from ..net.pki import open_authority

        name = _checked(member_name, text(name, "NAME"), "NAME")
        clear = [_checked(member_host, host, "--host") for host in (*hosts, *more)]
        with open_authority(folder) as authority:
            try:
                made = authority.issue(name, clear, out, days, renew)
            except ValueError as error:
                raise click.UsageError(f"--days {error}, not {days}") from None
    say(f"{clean(out)} is the folder of {clean(name)} for --tls, until {made.not_valid_after_utc:%Y-%m-%d}")
    say(f"copy all of it ({', '.join(_MEMBER_FILES)}) to the member's machine, the key for nobody else to read")


_MEMBER_FILES = ("cert.pem", "key.pem", "ca.pem", "crl.pem")


@pki.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.argument("name")
def revoke(folder: Path, name: str) -> None:
    """Revoke all certificates of the member NAME, by the CA in DIR."""
    with _errors():
        from ..net.pki import open_authority

        with open_authority(folder) as authority:
            new = authority.revoke(text(name, "NAME"))
    say(f"{count(new, 'certificate')} of {clean(name)} revoked")
    say(f"copy {clean(folder / 'crl.pem')} into the --tls folder of the RS and of every peer, and send each SIGHUP")


def _checked(check: Callable[[str], str], value: str, argument: str) -> str:
    try:
        return check(value)
    except ValueError as error:
        raise click.UsageError(f"{argument} {error}, not {clean(value)!r}") from None


@contextmanager
def _errors() -> Iterator[None]:
    """End the command with one line at a PkiError, or where an optional dependency is missing."""
    need_extra(*TLS)
    from ..net.pki import PkiError

    try:
        yield
    except PkiError as error:
        raise exits.Failure(exits.FAILED, str(error)) from None
