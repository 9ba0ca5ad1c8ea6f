"""The certificates themselves, without files: names, hosts, dates, and what other programs check in them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from p2p_twisted.net import certificates
from p2p_twisted.net.certificates import hosts_of, make_ca, make_certificate, make_crl, member_host, member_name

CA_KEY = certificates.new_key()
NOW = certificates.now()
CA = make_ca(CA_KEY, 100, NOW)


def issued(name: str = "alice", hosts: tuple[str, ...] = ("192.0.2.1",)) -> x509.Certificate:
    return make_certificate(CA, CA_KEY, certificates.new_key(), name, hosts, NOW, NOW + timedelta(days=1))


@pytest.mark.parametrize("name", ["a", "alice", "library-2.example", "A_1", "x" * 64])
def test_names_that_a_member_may_have(name: str) -> None:
    assert certificates.name_of(issued(member_name(name))) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 65,
        "a,b",
        "a:b",
        "a/b",
        "a b",
        ".",
        "..",
        "-a",
        "~a",
        "@readers",
        "a\n",
        "a\u202eb",
        "\u0430",
        "\ud800",
    ],
)
def test_names_that_no_member_may_have(name: str) -> None:
    with pytest.raises(ValueError, match="must be 1 to 64 letters, digits"):
        member_name(name)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("RS.Example", "rs.example"),
    ],
)
def test_hosts_are_in_one_spelling(text: str, host: str) -> None:
    assert member_host(text) == host
    assert hosts_of(issued(hosts=(host, host))) == {host}


@pytest.mark.parametrize(
    "text", ["", "*.example", "a b", "192.0.2.1:65400", "0.0.0.0", "fe80::1%eth0", "http://a", "1.2"]
)
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match="must be an IP address or host name"):
        member_host(text)


def test_a_certificate_serves_for_both_ends_and_signs_nothing() -> None:
    made = issued()
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not made.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    made.verify_directly_issued_by(CA)


def test_a_certificate_ends_no_later_than_its_ca() -> None:
    assert certificates.end_of(CA, 100, NOW) == CA.not_valid_after_utc
    with pytest.raises(ValueError, match="must be at most 100: the CA itself ends on"):
        certificates.end_of(CA, 101, NOW)


def test_the_list_of_the_revoked() -> None:
    crl = make_crl(CA, CA_KEY, {7, 5}, 3, NOW)
    assert certificates.serials_of(crl) == {5, 7}
    assert certificates.crl_number(crl) == 3
    assert crl.is_signature_valid(CA_KEY.public_key())
    assert crl.next_update_utc == CA.not_valid_after_utc


def test_a_certificate_without_hosts_or_with_two_names() -> None:
    both = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name) for name in ("alice", "bob")])
    key = certificates.new_key()
    builder = x509.CertificateBuilder(CA.subject, both, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    made = builder.sign(CA_KEY, SHA256())
    assert hosts_of(made) == frozenset()
    with pytest.raises(ValueError, match="one member"):
        certificates.name_of(made)
