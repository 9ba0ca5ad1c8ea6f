"""``p2p pki``: what it prints, and its errors of one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from p2p_twisted.cli import exits
from p2p_twisted.net import certificates, pki
from tests.support.p2p_command import ENVIRONMENT, P2P, ROOT, p2p


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    assert p2p("pki", "init", tmp_path / "ca").exit_code == 0
    return tmp_path / "ca"


def test_init_issue_and_revoke(ca: Path, tmp_path: Path) -> None:
    out = tmp_path / "alice"
    done = p2p("pki", "issue", ca, "alice", "--host", "192.0.2.1", "alice.example", "--host", "::1", "--out", out)
    assert (done.exit_code, done.stderr) == (0, "")
    for name in ("cert.pem", "key.pem", "ca.pem", "crl.pem"):
        assert name in done.stdout
        assert (out / name).is_file()
    assert certificates.hosts_of(pki.read_certificate(out / "cert.pem")) == {"192.0.2.1", "alice.example", "::1"}
    done = p2p("pki", "revoke", ca, "alice")
    assert done.stdout == (
        f"1 certificate of alice revoked\n"
        f"copy {ca}/crl.pem into the --tls folder of the RS and of every peer, and send each SIGHUP\n"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["a,b", "--host", "::1"], "NAME must be 1 to 64 letters, digits"),
        (["../x", "--host", "::1"], "NAME must be 1 to 64 letters, digits"),
        (["a\nb", "--host", "::1"], "NAME 'a\\nb' holds a control character"),
        (["alice", "--host", "a b"], "--host must be an IP address or host name"),
        (["alice", "--host", "::1", "b*"], "--host must be an IP address or host name"),
        (["alice", "--host", "::1", "--days", "0"], "0 is not in the range"),
        (["alice", "--host", "::1", "--days", "3651"], "--days must be at most 3650: the CA itself ends on"),
        (["alice"], "Missing option '--host'"),
    ],
)
def test_bad_arguments_are_one_line(ca: Path, tmp_path: Path, arguments: list[str], line: str) -> None:
    done = p2p("pki", "issue", ca, *arguments, "--out", tmp_path / "out")
    assert done.exit_code == exits.USAGE
    assert line in done.stderr
    assert not (tmp_path / "out").exists()


def test_failures_are_one_line(ca: Path, tmp_path: Path) -> None:
    for arguments in (["init", ca], ["revoke", ca, "bob"], ["revoke", tmp_path / "none", "bob"]):
        done = p2p("pki", *arguments)
        assert (done.exit_code, done.stderr.count("\n")) == (exits.FAILED, 1)


def test_without_the_extra_it_says_how_to_install_it(tmp_path: Path) -> None:
    hide = f"import sys; sys.modules['OpenSSL'] = None; {P2P[2]}"
    command = [sys.executable, "-c", hide, "pki", "init", str(tmp_path / "ca")]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (exits.FAILED, "")
    assert done.stderr == f"p2p: pyOpenSSL is not installed: {sys.executable} -m pip install -e '{ROOT}[tls]'\n"
