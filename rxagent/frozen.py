"""Frozen values: JSON's dicts and lists, which cannot be changed.

They are read like any dict and list, are equal to plain ones, and go through json, pickle and
`copy` as such. What is to be changed is a copy: ``value.copy()`` is plain all the way down.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Never

from .arguments import mapping

__all__ = ["FrozenDict", "FrozenList", "freeze", "frozen_mapping", "plain_type", "thaw"]


def freeze(value: Any) -> Any:
    """Return a copy of a JSON-shaped value that cannot be changed.

    Dicts, lists and tuples are copied, with all that they hold; anything else stays as it is.

    Raises:
        ValueError: It holds itself, or is nested more deeply than Python can follow.
    """
    if type(value) in _PLAIN:
        return value
    try:
        return _frozen(value)
    except RecursionError:
        raise ValueError(
            f"This {type(value).__name__} holds itself, or is nested too deeply to be copied."
        ) from None


def frozen_mapping(name: str, value: Any) -> "FrozenDict":
    """Return a frozen copy of an argument that is a dict, or alike; an empty one for None."""
    copied: FrozenDict = freeze(mapping(name, value))
    return copied


def thaw(value: Any) -> Any:
    """Return a frozen value as a plain one, copied all the way down; any other as it is."""
    if isinstance(value, FrozenDict):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, FrozenList):
        return [thaw(item) for item in value]
    if type(value) is tuple:
        return tuple(map(thaw, value))
    return value


def plain_type(value: Any) -> type[Any]:
    """Return the type of a value; of a frozen one, that of its plain twin."""
    kind = type(value)
    return _PLAIN.get(kind, kind)


def _frozen(value: Any) -> Any:
    match value:
        case FrozenDict() | FrozenList():
            return value
        case dict() | MappingProxyType():
            return FrozenDict(value)
        case list():
            return FrozenList(value)
        case tuple() if type(value) is tuple:
            return tuple(map(_frozen, value))
    return value


def _refusing(kind: str) -> Any:
    def refuse(self: Any, *_: Any, **__: Any) -> Never:
        raise TypeError(
            f"This {kind} cannot be changed, since others read it too. "
            "Change a copy of it: value.copy()."
        )

    return refuse


class FrozenDict(dict[Any, Any]):
    """A dict that cannot be changed, nor what it holds."""

    __slots__ = ()

    def __new__(cls, items: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = ()) -> "FrozenDict":
        """Freeze a dict, or what makes one."""
        made = super().__new__(cls)
        dict.update(made, {key: _frozen(item) for key, item in dict(items).items()})
        return made

    def __init__(self, *_: Any) -> None:  # dict's own would add to it
        pass

    __setitem__ = __delitem__ = __ior__ = _refusing("dict")
    clear = pop = popitem = setdefault = update = _refusing("dict")

    def copy(self) -> dict[Any, Any]:
        """Return a plain copy, all the way down."""
        plain: dict[Any, Any] = thaw(self)
        return plain

    def __copy__(self) -> "FrozenDict":
        return self

    def __reduce__(self) -> tuple[Any, ...]:  # also how `deepcopy` copies it
        return type(self), (thaw(self),)


class FrozenList(list[Any]):
    """A list that cannot be changed, nor what it holds."""

    __slots__ = ()

    def __new__(cls, items: Iterable[Any] = ()) -> "FrozenList":
        """Freeze a list, or what makes one."""
        made = super().__new__(cls)
        list.extend(made, map(_frozen, items))
        return made

    def __init__(self, *_: Any) -> None:  # list's own would fill it anew
        pass

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refusing("list")
    append = clear = extend = insert = pop = remove = reverse = sort = _refusing("list")

    def copy(self) -> list[Any]:
        """Return a plain copy, all the way down."""
        plain: list[Any] = thaw(self)
        return plain

    def __copy__(self) -> "FrozenList":
        return self

    def __reduce__(self) -> tuple[Any, ...]:  # also how `deepcopy` copies it
        return type(self), (thaw(self),)


_PLAIN = {FrozenDict: dict, FrozenList: list}
