"""Frozen values: dicts and lists of JSON that cannot be changed.

They read like a dict and a list, are equal to plain ones, and work with json, pickle and `copy`.
To change one, change its copy: ``value.copy()`` is plain at every level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Never

from .arguments import mapping

__all__ = ["FrozenDict", "FrozenList", "freeze", "frozen_mapping", "plain_type", "thaw"]


_CONTAINERS = (dict, list, tuple, MappingProxyType)


def freeze(value: Any) -> Any:
    """Return a copy of a JSON value that cannot be changed.

    Dicts, lists and tuples are copied recursively; other values are kept.

    Raises:
        ValueError: It holds itself, or is nested too deeply for Python.
    """
    if type(value) in _PLAIN:
        return value
    try:
        return _frozen(value)
    except RecursionError:
        raise ValueError(
            f"This {type(value).__name__} holds itself, or is nested too deeply to be copied."
        ) from None


def frozen_mapping(name: str, value: Any) -> FrozenDict:
    """Return a frozen copy of a mapping that is an argument; an empty dict for None."""
    copied: FrozenDict = freeze(mapping(name, value))
    return copied


def thaw(value: Any) -> Any:
    """Return a plain, recursive copy of a frozen value; other values are returned unchanged."""
    if isinstance(value, FrozenDict):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, FrozenList):
        return [thaw(item) for item in value]
    if type(value) is tuple:
        return tuple(map(thaw, value))
    return value


def plain_type(value: Any) -> type[Any]:
    """Return the type of a value; `dict` or `list` for a frozen one."""
    kind = type(value)
    return _PLAIN.get(kind, kind)


def _frozen(value: Any) -> Any:
    if not isinstance(value, _CONTAINERS) or type(value) in _PLAIN:
        return value
    if isinstance(value, list):
        return FrozenList(value)
    if isinstance(value, tuple):
        return tuple(map(_frozen, value)) if type(value) is tuple else value
    return FrozenDict(value)


def _refusing(kind: str) -> Any:
    def refuse(self: Any, *_: Any, **__: Any) -> Never:
        raise TypeError(
            f"This {kind} cannot be changed, because it is shared. "
            "Change a copy of it: value.copy()."
        )

    return refuse


class FrozenDict(dict[Any, Any]):
    """A dict that cannot be changed, with frozen items."""

    __slots__ = ()

    def __new__(cls, items: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = ()) -> FrozenDict:
        """Freeze a dict, or its arguments."""
        made = super().__new__(cls)
        dict.update(made, items)
        for key, item in made.items():
            if isinstance(item, _CONTAINERS):
                dict.__setitem__(made, key, _frozen(item))
        return made

    def __init__(self, *_: Any) -> None:  # that of dict would add items
        pass

    __setitem__ = __delitem__ = __ior__ = _refusing("dict")
    clear = pop = popitem = setdefault = update = _refusing("dict")

    def copy(self) -> dict[Any, Any]:
        """Return a plain, recursive copy."""
        plain: dict[Any, Any] = thaw(self)
        return plain

    def __copy__(self) -> FrozenDict:
        return self

    def __reduce__(self) -> tuple[Any, ...]:  # also how `deepcopy` copies it
        return type(self), (thaw(self),)


class FrozenList(list[Any]):
    """A list that cannot be changed, with frozen items."""

    __slots__ = ()

    def __new__(cls, items: Iterable[Any] = ()) -> FrozenList:
        """Freeze a list, or its arguments."""
        made = super().__new__(cls)
        list.extend(made, map(_frozen, items))
        return made

    def __init__(self, *_: Any) -> None:  # that of list would replace the items
        pass

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refusing("list")
    append = clear = extend = insert = pop = remove = reverse = sort = _refusing("list")

    def copy(self) -> list[Any]:
        """Return a plain, recursive copy."""
        plain: list[Any] = thaw(self)
        return plain

    def __copy__(self) -> FrozenList:
        return self

    def __reduce__(self) -> tuple[Any, ...]:  # also how `deepcopy` copies it
        return type(self), (thaw(self),)


_PLAIN = {FrozenDict: dict, FrozenList: list}
