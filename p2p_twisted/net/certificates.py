"""The certificates of a closed swarm: its own CA, a certificate for each member, and the list of the revoked (a CRL).

Pure: makes objects, and reads no file and no network. A certificate names its member (common name) and the hosts at
which that one may be reached (IP and DNS subject alternative names); it serves for both ends of a connection.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..config.names import is_name
from ..wire.fields import clean_host, parse_address

CLOCK_SKEW = timedelta(hours=1)
"""A new certificate is valid from so long ago, for members whose clocks are slow."""


def member_name(text: str) -> str:
    """Return the name of a member. Raises ValueError, which says what it must be."""
    if not is_name(text):
        raise ValueError("must be 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit")
    return text


def member_host(text: str) -> str:
    """Return the host of a member in its one spelling. Raises ValueError, which says what it must be."""
    host = clean_host(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    if host is None:
        raise ValueError("must be an IP address or host name at which the others reach the member, without a port")
    return host


def new_key() -> EllipticCurvePrivateKey:
    """Return a new private key (ECDSA, P-256)."""
    return generate_private_key(SECP256R1())


def now() -> datetime:
    """Return the time with which certificates begin: whole seconds, UTC."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def make_ca(key: EllipticCurvePrivateKey, days: int, at: datetime) -> x509.Certificate:
    """Return the certificate of a new CA with `key`, valid for `days` from `at` on. Raises ValueError: too many."""
    name = _common_name(f"p2p swarm {x509.random_serial_number() % 2**32:08x}")
    builder = _builder(name, name, key, at - CLOCK_SKEW, _after(at, days))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return builder.sign(key, SHA256())


def make_certificate(
    ca: x509.Certificate,
    ca_key: EllipticCurvePrivateKey,
    key: EllipticCurvePrivateKey,
    name: str,
    hosts: Sequence[str],
    begin: datetime,
    end: datetime,
) -> x509.Certificate:
    """Return the certificate of the member `name`, who has `key` and is reached at `hosts`, all of them clean."""
    builder = _builder(_common_name(name), ca.subject, key, begin, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    alternatives = x509.SubjectAlternativeName([_alternative(host) for host in dict.fromkeys(hosts)])
    builder = builder.add_extension(alternatives, critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return builder.add_extension(authority, critical=False).sign(ca_key, SHA256())


def make_crl(
    ca: x509.Certificate, ca_key: EllipticCurvePrivateKey, revoked: Collection[int], number: int, at: datetime
) -> x509.CertificateRevocationList:
    """Return the list `number` of the serial numbers `revoked`. It holds as long as the CA: a newer one is copied."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(ca.subject)
    builder = builder.last_update(at - CLOCK_SKEW).next_update(ca.not_valid_after_utc)
    for serial in sorted(revoked):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
        builder = builder.add_revoked_certificate(entry.build())
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return builder.add_extension(authority, critical=False).sign(ca_key, SHA256())


def crl_number(crl: x509.CertificateRevocationList) -> int:
    """Return the number of `crl`."""
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def name_of(certificate: x509.Certificate) -> str:
    """Return the name of the member whose `certificate` it is. Raises ValueError if it has none that one may have."""
    names = [str(part.value) for part in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if len(names) != 1:
        raise ValueError("the certificate must name one member")
    return member_name(names[0])


def hosts_of(certificate: x509.Certificate) -> frozenset[str]:
    """Return the hosts in `certificate`, each in its one spelling."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    names = found.get_values_for_type(x509.DNSName)
    return frozenset(host for text in (*addresses, *names) if (host := clean_host(text)) is not None)


def serials_of(crl: x509.CertificateRevocationList) -> frozenset[int]:
    """Return the serial numbers in `crl`."""
    return frozenset(entry.serial_number for entry in crl)


def end_of(ca: x509.Certificate, days: int, at: datetime) -> datetime:
    """Return when a certificate made at `at` for `days` ends. Raises ValueError when `ca` ends before."""
    end = _after(at, days)
    if end > ca.not_valid_after_utc:
        left = max(0, (ca.not_valid_after_utc - at).days)
        raise ValueError(f"must be at most {left}: the CA itself ends on {ca.not_valid_after_utc:%Y-%m-%d}")
    return end


def _after(at: datetime, days: int) -> datetime:
    try:
        return at + timedelta(days=days)
    except OverflowError:
        raise ValueError("must be fewer") from None


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    return x509.DNSName(host) if parse_address(host) is None else x509.IPAddress(ip_address(host))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), begin, end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _key_usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
