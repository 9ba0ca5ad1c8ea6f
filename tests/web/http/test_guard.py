"""The Host header and the key."""

from __future__ import annotations

import pytest

from p2p_twisted.web.http.errors import ApiError
from p2p_twisted.web.http.guard import check_host, check_key


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "localhost:8080", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8080"),
        *("[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"),
    ],
)
@pytest.mark.parametrize("own", [None, "127.0.0.1", "10.1.2.3"])
def test_this_machine_by_its_usual_names(host: str, own: str | None) -> None:
    check_host([host], own)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("10.1.2.3:80", "10.1.2.3"),
        ("10.1.2.3", "::ffff:10.1.2.3"),
        ("[2001:DB8::5]:80", "2001:db8:0:0:0:0:0:5"),
        ("[fe80::1]", "fe80::1"),
    ],
)
def test_the_address_that_the_connection_came_in_on(host: str, own: str) -> None:
    check_host([host], own)


@pytest.mark.parametrize(
    "host",
    [
        "elsewhere.example",
        "localhost.elsewhere.example",
        "localhost.",
        "127.0.0.1.nip.io",
        "127.0.0.2",
        "2130706433",
        "0x7f000001",
        "127.1",
        "10.1.2.4",
        "[::2]",
    ],
)
@pytest.mark.parametrize("own", [None, "10.1.2.3", "::ffff:10.1.2.3"])
def test_every_other_name_is_forbidden(host: str, own: str | None) -> None:
    with pytest.raises(ApiError) as refused:
        check_host([host], own)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        ["localhost", "localhost"],
        ["localhost", "elsewhere.example"],
        ["user@localhost"],
        ["localhost:"],
        ["localhost:80:80"],
        ["localhost:999999"],
        ["localhost/x"],
        ["local\u212aost"],
        ["::1"],
        ["[::1"],
        ["localhost, elsewhere.example"],
    ],
)
def test_invalid_hosts_are_refused(headers: list[str]) -> None:
    with pytest.raises(ApiError) as refused:
        check_host(headers, None)
    assert refused.value.status == 400


@pytest.mark.parametrize("header", ["Bearer secret", "bearer secret", "BEARER  secret"])
def test_the_key(header: str) -> None:
    check_key([header], "secret")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        ["secret"],
        ["Bearer"],
        ["Bearer "],
        ["Bearer secre"],
        ["Bearer secret2"],
        ["Bearer SECRET"],
        ["Basic secret"],
        ["Bearer secret", "Bearer secret"],
        ["Bearer s\u00e9cret"],
    ],
)
def test_anything_else_is_not_the_key(headers: list[str]) -> None:
    with pytest.raises(ApiError) as refused:
        check_key(headers, "secret")
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")
    assert "secret" not in refused.value.text
