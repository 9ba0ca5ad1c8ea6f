"""Dataclasses that take a quarter of the time to make when their module is loaded: for modules that have many.

``dataclasses.dataclass`` writes and compiles six methods for each frozen class, about 0.3 ms; a program with hundreds
of them notices when it starts. Here only ``__init__`` is made for each class; the others share theirs. To the type
checker it is ``dataclass`` itself; so that a value is frozen is checked there, and nowhere at run time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass as quick_dataclass
else:
    from dataclasses import dataclass

    _T = TypeVar("_T")

    def quick_dataclass(*, frozen: bool):
        """Return a decorator like ``dataclass(frozen=True)``, for classes without slots."""
        assert frozen
        return _made

    def _made(cls: type[_T]) -> type[_T]:
        made = dataclass(eq=False, repr=False)(cls)
        made.__eq__, made.__hash__, made.__repr__ = _is_equal, _hash, _text
        return made

    def _is_equal(self: object, other: object) -> Any:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def _hash(self: object) -> int:
        return hash(tuple(vars(self).values()))

    def _text(self: object) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__qualname__}({values})"


__all__ = ["quick_dataclass"]
