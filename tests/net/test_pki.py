"""The folders of a CA and of its members, on a real disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from p2p_twisted.net import certificates, pki
from p2p_twisted.net.pki import PkiError, create_authority, open_authority


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def issue(ca: Path, name: str, out: Path, renew: bool = False, hosts: tuple[str, ...] = ("127.0.0.1",)) -> int:
    with open_authority(ca) as authority:
        return authority.issue(name, hosts, out, 30, renew).serial_number


def revoke(ca: Path, name: str) -> int:
    with open_authority(ca) as authority:
        return authority.revoke(name)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("mask", [0, 0o22, 0o77, 0o177])
def test_keys_are_their_owners_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    ca, alice = tmp_path / "ca", tmp_path / "alice"
    with umask(mask):
        create_authority(ca, 100)
        issue(ca, "alice", alice)
    assert modes(ca) == {"ca.pem": 0o644, "ca-key.pem": 0o600, "crl.pem": 0o644}
    assert modes(alice) == {"ca.pem": 0o644, "cert.pem": 0o644, "crl.pem": 0o644, "key.pem": 0o600}
    assert alice.stat().st_mode & 0o077 == 0


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    ca, alice = tmp_path / "ca", tmp_path / "alice"
    create_authority(ca, 100)
    issue(ca, "alice", alice)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.pem")}
    for refused in (
        lambda: create_authority(ca, 100),
        lambda: create_authority(alice, 100),
        lambda: issue(ca, "bob", alice),
        lambda: issue(ca, "bob", alice, renew=True),
        lambda: issue(ca, "bob", ca),
        lambda: issue(ca, "alice", ca, renew=True),
    ):
        with pytest.raises(PkiError, match="exists and is not overwritten"):
            refused()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.pem")} == before


def test_one_certificate_for_each_member_unless_renewed(tmp_path: Path) -> None:
    ca, alice = tmp_path / "ca", tmp_path / "alice"
    create_authority(ca, 100)
    first = issue(ca, "alice", alice)
    for name in ("alice", "Alice"):
        with pytest.raises(PkiError, match=r"'alice' has a certificate until .* --renew"):
            issue(ca, name, tmp_path / "other")
    second = issue(ca, "alice", alice, renew=True)
    assert pki.read_certificate(alice / pki.CERTIFICATE).serial_number == second != first
    assert pki.read_key(alice / pki.KEY).public_key() == pki.read_certificate(alice / pki.CERTIFICATE).public_key()


def test_revoke_takes_all_certificates_of_a_name_and_keeps_the_others(tmp_path: Path) -> None:
    ca = tmp_path / "ca"
    create_authority(ca, 100)
    alice = {issue(ca, "alice", tmp_path / "1"), issue(ca, "alice", tmp_path / "2", renew=True)}
    bob = issue(ca, "bob", tmp_path / "bob")
    assert (revoke(ca, "alice"), revoke(ca, "alice")) == (2, 0)
    assert certificates.serials_of(pki.read_crl(ca / pki.CRL)) == alice
    assert revoke(ca, "bob") == 1
    assert certificates.serials_of(pki.read_crl(ca / pki.CRL)) == alice | {bob}
    issue(ca, "alice", tmp_path / "3")
    assert certificates.serials_of(pki.read_crl(tmp_path / "3" / pki.CRL)) == alice | {bob}


def test_revocations_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    ca, names = tmp_path / "ca", [f"m{number}" for number in range(8)]
    create_authority(ca, 100)
    serials = {issue(ca, name, tmp_path / name) for name in names}
    threads = [Thread(target=revoke, args=(ca, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert certificates.serials_of(pki.read_crl(ca / pki.CRL)) == serials


def test_a_member_that_nobody_knows(tmp_path: Path) -> None:
    create_authority(tmp_path / "ca", 100)
    with pytest.raises(PkiError, match="has issued no certificate to 'bob'"):
        revoke(tmp_path / "ca", "bob")


def test_more_days_than_the_ca_has(tmp_path: Path) -> None:
    create_authority(tmp_path / "ca", 10)
    with pytest.raises(ValueError, match=r"must be at most (9|10): the CA itself ends on "):
        issue(tmp_path / "ca", "alice", tmp_path / "alice")
    assert not (tmp_path / "alice").exists()


def test_a_folder_that_cannot_be_made_costs_no_certificate(tmp_path: Path) -> None:
    create_authority(tmp_path / "ca", 100)
    (tmp_path / "file").touch()
    with pytest.raises(PkiError, match=r"file/alice: Not a directory; name a folder that can be made"):
        issue(tmp_path / "ca", "alice", tmp_path / "file" / "alice")
    issue(tmp_path / "ca", "alice", tmp_path / "alice")


def test_what_is_not_a_folder_of_a_ca(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(PkiError, match="make a CA there with 'p2p pki init"):
            revoke(folder, "alice")


def test_files_that_are_broken(tmp_path: Path) -> None:
    create_authority(tmp_path, 100)
    create_authority(tmp_path / "other", 100)
    for name, text in ((pki.CA, "not a certificate"), (pki.CRL, "not a list"), (pki.CA_KEY, "not a private key")):
        path = tmp_path / name
        good = path.read_bytes()
        path.write_bytes(b"rubbish")
        with pytest.raises(PkiError, match=text):
            revoke(tmp_path, "alice")
        path.write_bytes(good)
    (tmp_path / pki.CA_KEY).write_bytes((tmp_path / "other" / pki.CA_KEY).read_bytes())
    with pytest.raises(PkiError, match="is not the key of"):
        revoke(tmp_path, "alice")
    (tmp_path / pki.CA_KEY).chmod(0o640)
    with pytest.raises(PkiError, match="other users may read; 'chmod 600"):
        revoke(tmp_path, "alice")


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pki, "MAX_FILE", 100)
    (tmp_path / "x").write_bytes(bytes(101))
    with pytest.raises(PkiError, match="more than 100 bytes"):
        pki.read_certificate(tmp_path / "x")


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "crl.pem"
    pki.write(path, b"old", pki.PUBLIC)

    def fails(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(PkiError, match="No space left"):
        pki.write(path, b"new", pki.PUBLIC)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("crl.pem", b"old")]
