"""A closed swarm's CA for tests, folders of its members, and certificates that no member should accept."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256

from p2p_twisted.net import certificates, pki

DAY = timedelta(days=1)


class SwarmCA:
    """A CA in the folder `folder`/ca; the folder of each member is beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = folder / "ca"
        pki.create_authority(self.ca, 100)

    def issue(self, name: str, hosts: Sequence[str] = ("127.0.0.1",)) -> Path:
        """Return the folder of a new member."""
        with pki.open_authority(self.ca) as authority:
            authority.issue(name, hosts, self.folder / name, 30, renew=True)
        return self.folder / name

    def revoke(self, name: str, *members: Path) -> None:
        """Revoke the certificates of `name`, and copy the list to the folders of `members`."""
        with pki.open_authority(self.ca) as authority:
            authority.revoke(name)
        for member in members:
            shutil.copy(self.ca / pki.CRL, member / pki.CRL)

    def dated(self, name: str, begin: timedelta, end: timedelta, hosts: Sequence[str] = ("127.0.0.1",)) -> Path:
        """Return the folder of a member whose certificate is valid from `begin` to `end` from now on."""
        folder, now = self.issue(name), certificates.now()
        ca, ca_key = pki.read_certificate(self.ca / pki.CA), pki.read_key(self.ca / pki.CA_KEY)
        key = pki.read_key(folder / pki.KEY)
        made = certificates.make_certificate(ca, ca_key, key, name, hosts, now + begin, now + end)
        pki.write(folder / pki.CERTIFICATE, pki._pem(made), pki.PUBLIC)
        return folder

    def self_signed(self, name: str) -> Path:
        """Return the folder of one who has signed its own certificate, in the name of the CA."""
        folder, now = self.issue(name), certificates.now()
        ca, key = pki.read_certificate(self.ca / pki.CA), pki.read_key(folder / pki.KEY)
        made = certificates.make_certificate(ca, key, key, name, ["127.0.0.1"], now - DAY, now + DAY)
        pki.write(folder / pki.CERTIFICATE, pki._pem(made), pki.PUBLIC)
        builder = certificates._builder(made.subject, made.subject, key, now - DAY, now + DAY)
        pki.write(folder / pki.CERTIFICATE, pki._pem(builder.sign(key, SHA256())), pki.PUBLIC)
        return folder
