"""Growing values: sequences and mappings that grow in linear time, with every state readable.

.. code-block:: text

    log    a  b  c  d          all states share it; only the latest one may append, others copy
    view   ──────┘ 3           a state is a length of the log
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

__all__ = ["ListView", "MapView"]

_K = TypeVar("_K")
_V = TypeVar("_V")
_T = TypeVar("_T")

_DROPPED: Any = object()
_NEVER: Any = object()
_new = object.__new__


class _Log(Generic[_T]):
    """The items that views share. Taking the end, which is atomic, gives the right to append."""

    __slots__ = ("items", "put_end", "take_end")

    def __init__(self, items: Iterable[_T] = ()) -> None:
        self.items: list[_T] = list(items)
        end = [len(self.items)]
        self.take_end, self.put_end = end.pop, end.append

    def takes(self, length: int) -> bool:
        """Take the end, unless another view has appended, or appends on another thread."""
        try:
            end = self.take_end()
        except IndexError:
            return False
        if end == length == len(self.items):
            return True
        self.put_end(end)
        return False


class ListView(Sequence[_T]):
    """A sequence to which `add` appends in constant time, by returning a new view."""

    __slots__ = ("_length", "_log")

    def __init__(self, items: Iterable[_T] = ()) -> None:
        self._log = _Log(items)
        self._length = len(self._log.items)

    def add(self, item: _T) -> ListView[_T]:
        """Return a view with one more item."""
        log, length = self._log, self._length
        if not length or not log.takes(length):  # an empty one may be a default that all share
            log = _Log(self)
            log.take_end()
        log.items.append(item)
        log.put_end(length + 1)
        view: ListView[_T] = _new(ListView)
        view._log, view._length = log, length + 1
        return view

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[_T, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return tuple(self)[index]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self._log.items[index % self._length]

    def __iter__(self) -> Iterator[_T]:
        return iter(self._log.items[: self._length])

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ListView) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"ListView({list(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return ListView, (tuple(self),)


class MapView(Mapping[_K, _V]):
    """A mapping that `set` and `drop` change in constant time, by returning a new view."""

    __slots__ = ("_changes", "_history", "_is_plain")

    def __init__(self, items: Mapping[_K, _V] | Iterable[tuple[_K, _V]] = ()) -> None:
        self._changes: ListView[tuple[_K, _V]] = ListView(dict(items).items())
        self._history = _history_of(self._changes)
        self._is_plain = True
        """Whether each key was set once, so that the changes are the items."""

    def set(self, key: _K, value: _V) -> MapView[_K, _V]:
        """Return a view in which a key has a value."""
        view: MapView[_K, _V] = _new(MapView)
        view._is_plain = self._is_plain and self._last(key) is _NEVER
        view._changes = changes = self._changes.add((key, value))
        if changes._log is self._changes._log:
            view._history = self._history
            self._history.setdefault(key, []).append((len(self._changes), value))
        else:
            view._history = _history_of(changes)
        return view

    def drop(self, key: _K) -> MapView[_K, _V]:
        """Return a view without a key."""
        return self.set(key, _DROPPED) if key in self else self

    def _last(self, key: Any) -> Any:
        """Return the latest value of a key in this view."""
        end = len(self._changes)
        for position, value in reversed(self._history.get(key, ())):
            if position < end:
                return value
        return _NEVER

    def _items(self) -> Iterable[tuple[_K, _V]]:
        if self._is_plain:
            return self._changes
        current = dict(self._changes)
        return [(key, value) for key, value in current.items() if value is not _DROPPED]

    def __getitem__(self, key: _K) -> _V:
        value = self._last(key)
        if value is _DROPPED or value is _NEVER:
            raise KeyError(key)
        return value  # type: ignore[no-any-return]  # by construction

    def __iter__(self) -> Iterator[_K]:
        return (key for key, _ in self._items())

    def __len__(self) -> int:
        return len(self._changes) if self._is_plain else sum(1 for _ in self._items())

    def in_order(self) -> Iterator[_V]:
        """Return the values in the order in which their keys were first set."""
        return (value for _, value in self._items())

    def __repr__(self) -> str:
        return f"MapView({dict(self._items())!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and dict(self._items()) == dict(other)

    __hash__ = None  # type: ignore[assignment]  # as a dict has none

    def __reduce__(self) -> tuple[Any, ...]:
        return MapView, (dict(self._items()),)


def _history_of(changes: Iterable[tuple[_K, _V]]) -> dict[_K, list[tuple[int, _V]]]:
    history: dict[_K, list[tuple[int, _V]]] = {}
    for position, (key, value) in enumerate(changes):
        history.setdefault(key, []).append((position, value))
    return history
