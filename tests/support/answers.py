"""Answers of the control API: JSON checked against the schema, and made from it."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from p2p_twisted.web.api.schema import encode

T = TypeVar("T")


def as_json(answer: object) -> Any:
    """Return `answer` as a client reads it."""
    return json.loads(encode(answer))


def from_json(kind: type[T], data: Any) -> T:
    """Return the `kind` of the schema that `data` is. Raises AssertionError unless all its fields are there, in order,
    nothing else is, and every value is of the type of its field."""
    value: T = _value(kind, data, kind.__name__)
    return value


def _value(kind: Any, data: Any, path: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _object(kind, data, path)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, data, path)
    if origin is list:
        assert isinstance(data, list), f"{path}: {data!r}"
        return [_value(arguments[0], one, f"{path}[]") for one in data]
    if origin is not None:
        assert issubclass(origin, Mapping) and isinstance(data, dict), f"{path}: {data!r}"
        return {name: _value(arguments[1], one, f"{path}.*") for name, one in data.items()}
    is_number = kind is float and type(data) is int
    assert is_number or type(data) is kind or data is kind, f"{path}: {data!r} is not {kind}"
    return data


def _object(kind: Any, data: Any, path: str) -> Any:
    names = [field.name for field in fields(kind)]
    assert isinstance(data, dict) and list(data) == names, f"{path}: {data!r} has not the members {names}"
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], data[name], f"{path}.{name}") for name in names})


def _one_of(kinds: tuple[Any, ...], data: Any, path: str) -> Any:
    if data is None:
        assert type(None) in kinds, f"{path} is null"
        return None
    problems = []
    for kind in kinds:
        try:
            return _value(kind, data, path)
        except AssertionError as error:
            problems.append(str(error))
    raise AssertionError(problems)
