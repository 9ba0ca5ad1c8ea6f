"""The URL of --registry."""

from __future__ import annotations

import pytest

from p2p_twisted.registry.redis.engine import Engine, parse_engine, parse_prefix


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        ("redis://h", Engine((("h", 6379),))),
        ("redis://192.0.2.1:7000/3", Engine((("192.0.2.1", 7000),), 3)),
        ("redis://[2001:db8::1]:7000/", Engine((("2001:db8::1", 7000),))),
        ("redis://:s%40%2fx@h", Engine((("h", 6379),), password="s@/x")),
        ("redis://joe:secret@h/1", Engine((("h", 6379),), 1, user="joe", password="secret")),
        ("rediss://h", Engine((("h", 6379),), tls=True)),
        ("redis+sentinel://a,b:7/main/2", Engine((("a", 26379), ("b", 7)), 2, "main")),
        ("redis+sentinel://a/main", Engine((("a", 26379),), 0, "main")),
    ],
)
def test_an_engine(text: str, engine: Engine) -> None:
    assert parse_engine(text) == engine
    assert parse_engine(str(engine)) == parse_engine(str(parse_engine(str(engine))))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("redis:h", "must be redis://HOST:PORT/DB"),
        ("http://h", "must be redis://HOST:PORT/DB"),
        ("redis://", "must be redis://HOST:PORT/DB"),
        ("redis://h:0", "must be a host"),
        ("redis://h h", "must be a host"),
        ("redis://h/x", "must have the number of a database"),
        ("redis://h/-1", "must have the number of a database"),
        ("redis://h/99999999999", "must have the number of a database"),
        ("redis://h/0/0", "must have the number of a database"),
        ("redis://a,b", "has several hosts"),
        ("redis://joe@h", "must have a password after the user"),
        ("redis+sentinel://a", "must name the engine as its sentinels do"),
        ("redis+sentinel://a/m m", "must name the engine as its sentinels do"),
    ],
)
def test_what_is_not_one(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_engine(text)


def test_an_engine_does_not_show_its_password() -> None:
    engine = parse_engine("redis://joe:secret@h/1")
    assert "secret" not in f"{engine} {engine!r}"
    assert str(engine) == "redis://h:6379/1"
    assert str(parse_engine("redis://[::1]/1")) == "redis://[::1]:6379/1"


def test_a_prefix() -> None:
    assert parse_prefix("campus-1:rs.") == "campus-1:rs."
    for text in "", "a*", "a b", "x" * 65, "ä":
        with pytest.raises(ValueError, match="must have 1 to 64 letters"):
            parse_prefix(text)
