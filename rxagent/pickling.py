"""Pickling: functions are pickled by name; values that cannot be are refused with a clear error.

Pickle stores a function as its module and name. If a decorator such as `tool` has put another
object under that name, the function is found through its ``__wrapped__``.
"""

from __future__ import annotations

import pickle
import threading
from functools import partial
from importlib import import_module
from types import FunctionType
from typing import Any, Self

from attrs import frozen

from .arguments import shorten

__all__ = ["PicklingError", "Shared", "named", "portable"]

_MOST_WRAPPERS = 100


class Shared:
    """A value that never changes: copies are the object itself, as those of a function are."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self


class _Tried(threading.local):
    """The values that a thread is trying to pickle or has tried, by id."""

    def __init__(self) -> None:
        self.passed: dict[int, Any] = {}


_tried = _Tried()


def named(thing: Any, like: Any) -> tuple[Any, ...] | None:
    """Return how pickle finds an object by the name of a function; None if it cannot."""
    module, name = getattr(like, "__module__", None), getattr(like, "__qualname__", None)
    try:
        found = _find(module, name, 0)
    except Exception:  # an import may raise anything
        return None
    depth = 0
    while found is not thing:
        found, depth = getattr(found, "__wrapped__", None), depth + 1
        if found is None or depth > _MOST_WRAPPERS:
            return None
    return _find, (module, name, depth)


def portable(owner: str, part: str, value: Any) -> Any:
    """Return a part of an object in a form that can be pickled.

    Args:
        owner: The object, as the start of the error: ``"The tool 'add'"``.
        part: The part in words: ``"its function"``.
        value: The part itself.

    Raises:
        PicklingError: It cannot be pickled; the message says why, and what to do.
    """
    if not isinstance(value, FunctionType):
        _try(owner, part, value)
        return value
    where = named(value, value)
    if where is None:
        raise PicklingError(
            f"{owner} cannot be pickled, because {part} {_why(value)}. Define it with `def` at the "
            "top of a module, under its own name, so that another process can import it."
        )
    _, (_, _, depth) = where
    return value if depth == 0 else _Behind(where)


class PicklingError(pickle.PicklingError):
    """An object cannot be pickled; the message names the part and the reason."""


@frozen
class _Behind:
    """Stands for a function that is wrapped by another object of its name."""

    where: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return self.where


class _Nowhere:
    def write(self, data: Any) -> int:
        return len(data)


def _find(module: Any, name: Any, depth: int) -> Any:
    found: Any = import_module(module)
    for step in name.split("."):
        found = getattr(found, step)
    for _ in range(depth):
        found = found.__wrapped__
    return found


def _try(owner: str, part: str, value: Any) -> None:
    """Pickle a value and drop the result; the error names the innermost cause.

    `__reduce__` cannot catch the errors of the real pickling, since pickle raises them itself.
    """
    passed, is_outermost = _tried.passed, not _tried.passed
    if id(value) in passed:
        return
    passed[id(value)] = value
    try:
        pickle.Pickler(_Nowhere(), pickle.HIGHEST_PROTOCOL).dump(value)
    except PicklingError:
        raise
    except RecursionError:
        raise PicklingError(
            f"{owner} cannot be pickled, because {part} is nested too deeply for Python's pickle."
        ) from None
    except Exception as error:
        raise PicklingError(
            f"{owner} cannot be pickled, because {part}, {_short(value)}, cannot be: "
            f"{str(error) or type(error).__name__}. Open files, connections, locks and clients "
            "where they are used, and define functions at the top of a module, so that another "
            "process can import them."
        ) from error
    finally:
        if is_outermost:
            passed.clear()


def _why(function: FunctionType) -> str:
    *outer, name = function.__qualname__.split(".")
    if name == "<lambda>":
        return "is a lambda, which has no name"
    if "<locals>" in outer:
        return f"{name!r} is defined within the function {outer[outer.index('<locals>') - 1]!r}"
    return f"{name!r} is not the object named {function.__module__}.{function.__qualname__}"


def _short(value: Any) -> str:
    return shorten(repr(value.func if isinstance(value, partial) else value))
