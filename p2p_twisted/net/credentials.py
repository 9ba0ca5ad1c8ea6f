"""What a member has in its folder, read once and checked: certificate, key, CA, and the list of the revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

from . import certificates, pki
from .pki import PkiError

WARNING_TIME = timedelta(days=30)
"""How long before the end of a file its owner is warned."""


@dataclass(frozen=True)
class Credentials:
    """The files of a member, which belong together."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey
    ca: x509.Certificate
    crl: x509.CertificateRevocationList
    revoked: frozenset[int]
    """The serial numbers in `crl`."""

    def warning(self, at: datetime) -> str | None:
        """Return what to do about a file that ends within WARNING_TIME after `at`, in one line; None if none does."""
        dated = [(self.certificate.not_valid_after_utc, pki.CERTIFICATE), (self.ca.not_valid_after_utc, pki.CA)]
        if self.crl.next_update_utc is not None:
            dated.append((self.crl.next_update_utc, pki.CRL))
        end, file = min(dated)
        if at + WARNING_TIME < end:
            return None
        remedy = "'p2p pki issue --renew' makes another" if file == pki.CERTIFICATE else "the swarm needs a new one"
        return f"{file} ends on {end:%Y-%m-%d}, and all connections with it: {remedy}, read at SIGHUP"

    def check_replaces(self, old: Credentials) -> None:
        """Raise PkiError if the list of the revoked is older than that of `old`."""
        numbers = certificates.crl_number(self.crl), certificates.crl_number(old.crl)
        if self.ca == old.ca and numbers[0] < numbers[1]:
            raise PkiError(f"{pki.CRL} is number {numbers[0]}, older than {numbers[1]} in use; copy the newest")


def read_credentials(folder: Path) -> Credentials:
    """Read the `folder` of a member. Raises PkiError, also for a certificate that no other member would accept."""
    ca = pki.read_certificate(folder / pki.CA)
    crl = pki.read_crl(folder / pki.CRL)
    certificate = pki.read_certificate(folder / pki.CERTIFICATE)
    key = pki.read_key(folder / pki.KEY)
    if key.public_key() != certificate.public_key():
        raise PkiError(f"{folder / pki.KEY} is not the key of {pki.CERTIFICATE}; copy both again")
    revoked = _check_ca(folder, ca, certificate, crl)
    _check_own(folder, certificate, revoked)
    return Credentials(certificate, key, ca, crl, revoked)


def _check_ca(
    folder: Path, ca: x509.Certificate, certificate: x509.Certificate, crl: x509.CertificateRevocationList
) -> frozenset[int]:
    """Return the serial numbers in `crl`. Raises PkiError if it or `certificate` are not of `ca`."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        raise PkiError(f"{folder / pki.CERTIFICATE} is not from the CA in {pki.CA}; copy both again") from None
    try:
        key = ca.public_key()
        if isinstance(key, EllipticCurvePublicKey) and crl.issuer == ca.subject and crl.is_signature_valid(key):
            certificates.crl_number(crl)
            return certificates.serials_of(crl)
    except (ValueError, TypeError, x509.ExtensionNotFound):
        pass
    raise PkiError(f"{folder / pki.CRL} is not from the CA in {pki.CA}; copy both again")


def _check_own(folder: Path, certificate: x509.Certificate, revoked: frozenset[int]) -> None:
    path, at = folder / pki.CERTIFICATE, certificates.now()
    try:
        name = certificates.name_of(certificate)
    except ValueError as error:
        raise PkiError(f"{path}: its name {error}; 'p2p pki issue' makes one") from None
    remedy = f"'p2p pki issue CA {name} --renew' makes another"
    if certificate.serial_number in revoked:
        raise PkiError(f"{path} is revoked; {remedy}")
    if certificate.not_valid_after_utc <= at:
        raise PkiError(f"{path} expired on {certificate.not_valid_after_utc:%Y-%m-%d}; {remedy}")
    if certificate.not_valid_before_utc > at:
        raise PkiError(f"{path} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}; set the clock right")
