"""Values as JSON: what JSON cannot hold becomes its repr, with a note."""

from __future__ import annotations

import json
from enum import Enum
from types import CoroutineType
from typing import Any

__all__ = ["NotAwaited", "TooLarge", "has_begun", "plain"]

_DEPTH = 100
_ITEMS = 1_000_000
_BITS = 14_000
"""Python refuses to write or to read an int of many more digits."""
_TEXT = 2_000
_SIMPLE = frozenset({float, str, bool, type(None)})


class TooLarge(ValueError):
    """A value has too many parts to be passed as JSON."""


class NotAwaited(TypeError):
    """A coroutine, a task or the like was passed in place of the value that it will have."""


def plain(value: Any) -> tuple[Any, list[str]]:
    """Return a value as JSON can hold it, and a note for each kind of value that was changed.

    Scalars and arrays of numpy, and all that has `tolist`, become numbers and lists; dataclasses
    and the models of pydantic and attrs become dicts, and an Enum its value.

    Raises:
        TooLarge: It has too many parts.
        NotAwaited: It holds what must be awaited.
    """
    making = _Making()
    return making.make(value, 0), list(making.notes)


class _Making:
    def __init__(self) -> None:
        self.notes: dict[str, None] = {}  # in order, which a set would not keep
        self._items = 0
        self._inside: set[int] = set()

    def make(self, value: Any, depth: int) -> Any:
        self._count(1)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, int):
            number = int.__int__(value)
            return number if number.bit_length() <= _BITS else self._large(number)
        if id(value) in self._inside or depth >= _DEPTH:
            self._note("A value that holds itself, or is nested too deeply, was cut")
            return "..."
        self._inside.add(id(value))
        try:
            return self._container(value, depth + 1)
        except (TooLarge, NotAwaited, MemoryError):
            raise
        except Exception:  # of a method of the value, which need not be a good one
            return self._shown(value)
        finally:
            self._inside.discard(id(value))

    def _count(self, items: int) -> None:
        self._items += items
        if self._items > _ITEMS:
            raise TooLarge(f"A value has more than {_ITEMS:,} parts. Pass less of it.")

    def _container(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            return {self._key(key): self.make(item, depth) for key, item in value.items()}
        if isinstance(value, list | tuple):
            if _is_simple(value):  # long lists of numbers need not take long
                self._count(len(value))
                return list(value)
            return [self.make(item, depth) for item in value]
        if isinstance(value, set | frozenset):
            self._note(f"A {type(value).__name__} was passed as a list")
            return [self.make(item, depth) for item in value]
        if hasattr(type(value), "__await__"):
            raise NotAwaited(_not_awaited(value))
        if callable(getattr(value, "tolist", None)) and not isinstance(value, type):
            try:
                made = value.tolist()
            except Exception:  # its repr is passed instead
                made = value
            if type(made) is not type(value):
                return self.make(made, depth)
        if isinstance(value, Enum):
            return self.make(value.value, depth)
        fields = None if isinstance(value, type) else _fields(value)
        return self._shown(value) if fields is None else self.make(fields, depth)

    def _shown(self, value: Any) -> str:
        self._note(f"A value of type {type(value).__name__} was passed as its repr")
        return _repr(value)

    def _key(self, key: Any) -> str:
        if isinstance(key, str):
            return str.__str__(key)
        self._note("Keys of a dict that are no text were passed as text")
        made = self.make(key, _DEPTH - 1)
        return made if isinstance(made, str) else json.dumps(made)

    def _large(self, number: int) -> str:
        self._note("An int with too many digits was passed as a description")
        return f"<an int of {number.bit_length():,} bits>"

    def _note(self, what: str) -> None:
        self.notes[f"{what}, since JSON cannot hold it."] = None


def _fields(value: Any) -> dict[str, Any] | None:
    """Return the fields of a dataclass, a class of attrs or a model of pydantic; else None."""
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import fields  # where there is a dataclass, it is loaded

        names = [field.name for field in fields(value)]
    elif hasattr(kind, "__attrs_attrs__"):
        names = [field.name for field in kind.__attrs_attrs__]
    else:
        convert = getattr(kind, "model_dump", None)
        made = convert(value) if callable(convert) else None
        return made if isinstance(made, dict) else None
    return {name: getattr(value, name) for name in names}


def _is_simple(items: list[Any] | tuple[Any, ...]) -> bool:
    """Return whether all items are scalars that JSON can hold, without looking at each here."""
    kinds = set(map(type, items))
    if kinds == {int}:
        return max(map(int.bit_length, items)) <= _BITS
    return kinds <= _SIMPLE


def has_begun(call: Any) -> bool:
    """Return whether a coroutine has begun; one that has ended has."""
    return call.cr_running or call.cr_suspended or call.cr_frame is None


def _not_awaited(value: Any) -> str:
    if not isinstance(value, CoroutineType):
        kind = type(value).__name__
        return f"A value is a {kind}, which was not awaited. Write `await` before it."
    if not has_begun(value):
        value.close()  # lest Python warns that it never ran
    name = value.__name__
    return f"A value is a coroutine of {name}, which did not run. Write `await {name}(...)`."


def _repr(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # an error of a repr must not hide the value
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
