"""What is checked in the folder of a member: that its files belong together, and that others would accept them."""

from __future__ import annotations

import os
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from p2p_twisted.net import certificates, pki
from p2p_twisted.net.credentials import read_credentials
from p2p_twisted.net.pki import PkiError
from tests.support.swarm_ca import DAY, SwarmCA


@pytest.fixture
def ca(tmp_path: Path) -> SwarmCA:
    return SwarmCA(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """The folder of a member of another swarm."""
    return SwarmCA(tmp_path / "theirs").issue("alice")


def test_a_folder_that_is_right(ca: SwarmCA) -> None:
    ca.issue("bob")
    ca.revoke("bob")
    credentials = read_credentials(ca.issue("alice"))
    assert certificates.name_of(credentials.certificate) == "alice"
    assert len(credentials.revoked) == 1


@pytest.mark.parametrize("name", [pki.CERTIFICATE, pki.KEY, pki.CA, pki.CRL])
def test_files_that_are_absent_or_of_another_swarm(ca: SwarmCA, theirs: Path, name: str) -> None:
    alice = ca.issue("alice")
    shutil.copy2(theirs / name, alice / name)
    with pytest.raises(PkiError, match="copy both again"):
        read_credentials(alice)
    (alice / name).unlink()
    with pytest.raises(PkiError, match=rf"{name}: No such file or directory; make the folder with 'p2p pki issue'"):
        read_credentials(alice)


def test_its_owner_is_warned_a_month_before_the_first_of_its_files_ends(ca: SwarmCA) -> None:
    credentials, at = read_credentials(ca.dated("alice", -DAY, 50 * DAY)), certificates.now()
    assert credentials.warning(at + 19 * DAY) is None
    line = credentials.warning(at + 21 * DAY)
    assert line is not None and re.match("cert.pem ends on [0-9-]{10}, .* --renew' makes another, read at SIGHUP", line)
    long = read_credentials(ca.dated("bob", -DAY, 200 * DAY))  # the CA of the tests has 100 days
    assert str(long.warning(at + 71 * DAY)).startswith("ca.pem ends on ")


def test_what_is_no_regular_file_is_not_waited_for(ca: SwarmCA) -> None:
    alice = ca.issue("alice")
    (alice / pki.CRL).unlink()
    os.mkfifo(alice / pki.CRL)
    with pytest.raises(PkiError, match=r"crl\.pem is not a regular file; copy it again"):
        read_credentials(alice)


def test_a_key_that_others_may_read(ca: SwarmCA) -> None:
    alice = ca.issue("alice")
    (alice / pki.KEY).chmod(0o644)
    with pytest.raises(PkiError, match="other users may read; 'chmod 600"):
        read_credentials(alice)


@pytest.mark.parametrize(
    ("begin", "end", "line"),
    [(-2 * DAY, -DAY, "expired on .* --renew"), (DAY, 2 * DAY, "is not valid before .*; set the clock right")],
)
def test_certificates_out_of_date(ca: SwarmCA, begin: timedelta, end: timedelta, line: str) -> None:
    with pytest.raises(PkiError, match=line):
        read_credentials(ca.dated("alice", begin, end))


def test_a_certificate_that_is_revoked(ca: SwarmCA) -> None:
    alice = ca.issue("alice")
    ca.revoke("alice", alice)
    with pytest.raises(PkiError, match=r"is revoked; 'p2p pki issue CA alice --renew' makes another"):
        read_credentials(alice)
