"""The folder of a swarm's CA, and the folders of its members: what ``p2p pki`` writes.

The folder of the CA has ``ca.pem``, ``ca-key.pem``, ``crl.pem`` (the list of the revoked) and ``issued``, with each
certificate under its serial number. The folder of a member, for ``--tls``, has ``cert.pem``, ``key.pem``, ``ca.pem``
and ``crl.pem``. Keys are readable by their owner only; each file is written whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ..config.platform import optional_module
from . import certificates

fcntl = optional_module("fcntl")

CA, CA_KEY, CERTIFICATE, KEY, CRL = "ca.pem", "ca-key.pem", "cert.pem", "key.pem", "crl.pem"
ISSUED = "issued"
MAX_FILE = 16 * 1024 * 1024
"""Bytes of a file that is read at most: enough for a list of 300 000 revoked."""
PRIVATE, PUBLIC = 0o600, 0o644


class PkiError(Exception):
    """A certificate, key or list cannot be made, read or used. The message is one line with the remedy."""


class Authority:
    """The CA in a folder: `create` makes it, `open_authority` opens it."""

    def __init__(self, folder: Path) -> None:
        """Read the CA. Raises PkiError."""
        self.folder = folder
        if not (folder / CA_KEY).is_file():
            raise PkiError(f"{folder} has no {CA_KEY}: make a CA there with 'p2p pki init {folder}'")
        self.certificate = read_certificate(folder / CA)
        self._key = read_key(folder / CA_KEY)
        self.crl = read_crl(folder / CRL)
        if self._key.public_key() != self.certificate.public_key():
            raise PkiError(f"{folder / CA_KEY} is not the key of {folder / CA}; restore both from a backup")

    def issue(self, name: str, hosts: Sequence[str], out: Path, days: int, renew: bool) -> x509.Certificate:
        """Write a key and a certificate for the member `name`, reached at `hosts`, into the folder `out`.

        With `renew`, the member may have a certificate already, which `out` may hold. Raises PkiError; ValueError if
        `days` are more than the CA has.
        """
        at = certificates.now()
        end = certificates.end_of(self.certificate, days, at)
        self._check_free(name, out, renew)
        if not renew:
            self._check_new(name)
        key = certificates.new_key()
        begin = max(at - certificates.CLOCK_SKEW, self.certificate.not_valid_before_utc)
        made = certificates.make_certificate(self.certificate, self._key, key, name, hosts, begin, end)
        make_folder(out)
        make_folder(self.folder / ISSUED)
        write(self.folder / ISSUED / f"{made.serial_number:040x}.pem", _pem(made), PUBLIC)
        write(out / CA, _pem(self.certificate), PUBLIC)
        write(out / CRL, _pem(self.crl), PUBLIC)
        write(out / KEY, _key_pem(key), PRIVATE)
        write(out / CERTIFICATE, _pem(made), PUBLIC)
        return made

    def revoke(self, name: str) -> int:
        """Put all certificates of the member `name` on the list; return how many were not on it. Raises PkiError."""
        listed = certificates.serials_of(self.crl)
        serials = {
            certificate.serial_number for certificate in self._issued() if certificates.name_of(certificate) == name
        }
        if not serials:
            raise PkiError(f"{self.folder} has issued no certificate to {name!r}; the name is that of 'p2p pki issue'")
        at, number = certificates.now(), certificates.crl_number(self.crl) + 1
        self.crl = certificates.make_crl(self.certificate, self._key, listed | serials, number, at)
        write(self.folder / CRL, _pem(self.crl), PUBLIC)
        return len(serials - listed)

    def _check_free(self, name: str, out: Path, renew: bool) -> None:
        """Raise PkiError if files in `out` would be overwritten, except, with `renew`, those of the same member."""
        existing = [one for one in (CA_KEY, KEY, CERTIFICATE) if (out / one).exists()]
        if existing and (existing[0] == CA_KEY or not renew or _owner(out) != name):
            raise PkiError(f"{out / existing[0]} exists and is not overwritten; name another folder with --out")

    def _check_new(self, name: str) -> None:
        """Raise PkiError if the member has a certificate that counts."""
        listed, at = certificates.serials_of(self.crl), certificates.now()
        for one in self._issued():
            owner = certificates.name_of(one)
            if owner.casefold() == name.casefold() and one.serial_number not in listed and one.not_valid_after_utc > at:
                raise PkiError(
                    f"{owner!r} has a certificate until {one.not_valid_after_utc:%Y-%m-%d}; add --renew if this is "
                    "another one for the same member, or revoke the old one first with 'p2p pki revoke'"
                )

    def _issued(self) -> Iterator[x509.Certificate]:
        for path in sorted((self.folder / ISSUED).glob("*.pem")):
            yield read_certificate(path)


def create_authority(folder: Path, days: int) -> None:
    """Make a CA in `folder`, valid for `days`. Raises PkiError if there is one, ValueError if `days` are too many."""
    at, key = certificates.now(), certificates.new_key()
    certificate = certificates.make_ca(key, days, at)
    for name in (CA_KEY, CA, CRL, KEY):
        if (folder / name).exists():
            raise PkiError(f"{folder / name} exists and is not overwritten; name another folder")
    make_folder(folder)
    write(folder / CRL, _pem(certificates.make_crl(certificate, key, (), 1, at)), PUBLIC)
    write(folder / CA, _pem(certificate), PUBLIC)
    write(folder / CA_KEY, _key_pem(key), PRIVATE)


@contextmanager
def open_authority(folder: Path) -> Iterator[Authority]:
    """Open the CA in `folder`, alone: another ``p2p pki`` on it waits. Raises PkiError."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise PkiError(f"{folder}: {error.strerror}; make a CA there with 'p2p pki init {folder}'") from None
    try:
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield Authority(folder)
    finally:
        os.close(handle)


def read_certificate(path: Path) -> x509.Certificate:
    """Return the certificate in the file `path`. Raises PkiError."""
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError:
        raise PkiError(f"{path} is not a certificate in PEM form; copy it again") from None


def read_crl(path: Path) -> x509.CertificateRevocationList:
    """Return the list of the revoked in the file `path`. Raises PkiError."""
    try:
        return x509.load_pem_x509_crl(_read(path))
    except ValueError:
        raise PkiError(f"{path} is not a list of the revoked (CRL) in PEM form; copy it again") from None


def read_key(path: Path) -> EllipticCurvePrivateKey:
    """Return the private key in the file `path`. Raises PkiError, also if others may read it."""
    data = _read(path)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise PkiError(f"{path} is a private key that other users may read; 'chmod 600 {path}' restricts it")
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey):
        raise PkiError(f"{path} is not a private key of 'p2p pki'; copy it again")
    return key


def make_folder(folder: Path) -> None:
    """Make `folder` for this user only, if it does not exist. Raises PkiError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PkiError(f"{folder}: {error.strerror}; name a folder that can be made") from None


def write(path: Path, data: bytes, mode: int) -> None:
    """Write the file `path` beside its place, with exactly the rights `mode`, and rename it. Raises PkiError."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as file:
                file.write(data)
                file.flush()
                draft.chmod(mode)
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise PkiError(f"{path}: {error.strerror}; name a folder that this user can write to") from None


def _read(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise PkiError(f"{path} is not a regular file; copy it again")
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise PkiError(f"{path}: {error.strerror}; make the folder with 'p2p pki issue'") from None
    if len(data) > MAX_FILE:
        raise PkiError(f"{path} has more than {MAX_FILE} bytes; copy it again")
    return data


def _owner(folder: Path) -> str:
    try:
        return certificates.name_of(read_certificate(folder / CERTIFICATE))
    except (PkiError, ValueError):
        return ""


def _pem(made: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    return made.public_bytes(Encoding.PEM)


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
