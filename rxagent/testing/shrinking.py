"""Shrinking: the fewest items of a list for which something still holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import comb
from typing import TypeVar

__all__ = ["shrink"]

_T = TypeVar("_T")

_MOST_TRIES = 20_000


def shrink(items: Sequence[_T], holds: Callable[[list[_T]], bool]) -> list[_T]:
    """Return the fewest items, in their order, for which a predicate holds.

    First parts are left out as long as it holds, until no item can be left out alone. Then all
    smaller selections are tried, the smallest first, as long as there are fewer than 20,000.

    Args:
        items: All items.
        holds: The predicate; an exception that it raises counts as False.

    Raises:
        ValueError: It does not hold for all items.
    """
    tried: dict[tuple[int, ...], bool] = {}

    def check(kept: tuple[int, ...]) -> bool:
        if kept not in tried:
            try:
                tried[kept] = bool(holds([items[at] for at in kept]))
            except Exception:
                tried[kept] = False
        return tried[kept]

    everything = tuple(range(len(items)))
    if not check(everything):
        raise ValueError("The predicate does not hold for all items, so nothing can be left out.")
    fewest = _fewer(everything, check)
    return [items[at] for at in _fewest(everything, fewest, check)]


def _fewer(kept: tuple[int, ...], check: Callable[[tuple[int, ...]], bool]) -> tuple[int, ...]:
    """Leave out parts, halves first, until no item can be left out alone."""
    size = len(kept)
    while size:
        at, is_shorter = 0, False
        while at < len(kept):
            without = kept[:at] + kept[at + size :]
            if check(without):
                kept, is_shorter = without, True
            else:
                at += size
        size = min(size, len(kept)) if is_shorter and size == 1 else size // 2
    return kept


def _fewest(
    everything: tuple[int, ...],
    found: tuple[int, ...],
    check: Callable[[tuple[int, ...]], bool],
) -> tuple[int, ...]:
    left = _MOST_TRIES
    for size in range(len(found)):
        if comb(len(everything), size) > left:
            break
        left -= comb(len(everything), size)
        smaller = next(filter(check, combinations(everything, size)), None)
        if smaller is not None:
            return smaller
    return found
