"""Drains: the wait until viewers have been told what waits for them."""

import threading
from collections.abc import Callable, Collection
from functools import partial

from ..streams.blocking import Patience
from ..streams.latch import Latch
from .viewer import Viewer

__all__ = ["Drain"]


class Drain:
    """The wait until some viewers have been told all that waited for them when it began."""

    def __init__(self) -> None:
        self._late: set[Viewer] = set()
        self._over = Latch()
        self._thread = threading.get_ident()
        self._refused = False

    def begin(self, viewers: Collection[Viewer]) -> None:
        """Wait for these; in the gate of their run."""
        self._refused = any(viewer.is_told_on(self._thread) for viewer in viewers)
        if self._refused:
            self._over.set()
            return
        self._late.update(viewers)
        for viewer in viewers:
            viewer.afterwards(partial(self._told, viewer))
        if not self._late:
            self._over.set()

    def _told(self, viewer: Viewer) -> None:
        self._late.discard(viewer)
        if not self._late:
            self._over.set()

    def wait(self, timeout: float | None, is_vain: Callable[[], bool]) -> None:
        """Block until all have been notified, or until that is in vain.

        Raises:
            TimeoutError: Some were not, within so many seconds.
            RuntimeError: One of them waits here for itself.
        """
        if not Patience().wait(self._over.wait, timeout, is_vain):
            late = ", ".join(sorted(repr(viewer.watching) for viewer in list(self._late)))
            raise TimeoutError(f"Not all has been told after {timeout} s to {late}.")
        if self._refused:
            raise RuntimeError("A viewer cannot wait until it has been told.")
