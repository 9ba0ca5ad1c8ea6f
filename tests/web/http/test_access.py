"""Links that can be used once, sessions, and the origin of a call."""

from __future__ import annotations

import pytest

from p2p_twisted.web.http.access import LINK_TIME, MAX_LINKS, SESSION_TIME, Access, check_origin, cookie_name
from p2p_twisted.web.http.errors import ApiError

KEY = "0123456789abcdef" * 4
PORT = 8080


class Clock:
    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def now() -> Clock:
    return Clock()


@pytest.fixture
def access(now: Clock) -> Access:
    return Access(KEY, now)


def cookie_of(access: Access, port: int = PORT) -> str:
    """The Cookie header of a browser that was given a session."""
    return access.cookie(port, secure=False).partition(";")[0]


def test_a_link_can_be_used_once(access: Access) -> None:
    token = access.new_link()
    assert access.use_link(token)
    assert not access.use_link(token)
    assert not access.use_link("invented")


def test_a_link_is_too_old_after_a_while(access: Access, now: Clock) -> None:
    token = access.new_link()
    now.time += LINK_TIME
    assert not access.use_link(token)


def test_of_too_many_links_the_oldest_is_forgotten(access: Access) -> None:
    tokens = [access.new_link() for _ in range(MAX_LINKS + 1)]
    assert [access.use_link(token) for token in tokens] == [False] + [True] * MAX_LINKS


def test_a_session_outlives_a_restart_but_not_its_time_nor_the_key(access: Access, now: Clock) -> None:
    cookie = cookie_of(access)
    assert Access(KEY, now).has_session([f"other=1; {cookie}"], PORT)
    assert not Access("f" * 64, now).has_session([cookie], PORT)
    now.time += SESSION_TIME
    assert not access.has_session([cookie], PORT)


def test_a_session_is_for_one_port(access: Access) -> None:
    name, _, value = cookie_of(access).partition("=")
    assert name == cookie_name(PORT)
    assert not access.has_session([f"{cookie_name(PORT + 1)}={value}"], PORT + 1)


@pytest.mark.parametrize("change", ["9", "0", ".", "", "x"])
def test_a_session_cannot_be_made_longer_or_invented(access: Access, change: str) -> None:
    name, _, value = cookie_of(access).partition("=")
    ends, _, signature = value.partition(".")
    longer = (f"{change}{ends}.{signature}", f"{ends}{change}.{signature}", f"{ends}.{signature[:-1]}{change}")
    for forged in (*longer, change):
        if forged != value:
            assert not access.has_session([f"{name}={forged}"], PORT)


def test_the_cookie_is_kept_from_scripts_and_other_sites(access: Access) -> None:
    words = access.cookie(PORT, secure=True).split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/"} <= set(words)
    assert "Secure" not in access.cookie(PORT, secure=False).split("; ")


def test_the_key_or_a_session(access: Access) -> None:
    cookie = cookie_of(access)
    access.check([f"Bearer {KEY}"], [], PORT)
    access.check([], [cookie], PORT)
    for authorization, cookies in ([], []), (["Bearer wrong"], [cookie]), ([], [cookie.upper()]):
        with pytest.raises(ApiError) as refused:
            access.check(authorization, cookies, PORT)
        assert refused.value.status == 401


@pytest.mark.parametrize(
    "origins",
    [
        [],
        ["null"],
        ["http://elsewhere.example"],
        ["http://127.0.0.1:8081"],
        ["http://127.0.0.1:8080@elsewhere.example"],
        ["http://127.0.0.1:8080", "http://elsewhere.example"],
    ],
)
def test_a_page_of_another_site_may_not_call(origins: list[str]) -> None:
    check_origin(["http://127.0.0.1:8080"], "127.0.0.1:8080")
    with pytest.raises(ApiError) as refused:
        check_origin(origins, "127.0.0.1:8080")
    assert refused.value.status == 403
