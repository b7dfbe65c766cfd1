"""Recorded runs: what belongs to one run and one recording, however many operators use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from ..streams import RunIdentity

__all__ = ["PerRunAndFile"]

_T = TypeVar("_T")


class PerRunAndFile(Generic[_T]):
    """A value for each run and each file, for as long as there is the run.

    Args:
        make: Makes the value of a run and a file that have none.
    """

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self._runs: WeakKeyDictionary[RunIdentity, dict[Path, _T]] = WeakKeyDictionary()

    def of(self, run: RunIdentity, file: Path) -> _T:
        """Return the value of a run and a file, which is given as its resolved path."""
        files = self._runs.setdefault(run, {})
        return files.setdefault(file, self._make())
