"""A watch over event loops: one that stops, or is closed, notifies no other."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from contextlib import suppress

from .background_loop import daemon_loop, is_daemon_loop, running_daemon_loop

__all__ = ["WATCH_SECONDS", "LoopWatch"]

WATCH_SECONDS = 0.1
"""Seconds after which what runs on several loops is looked at again."""


class LoopWatch:
    """Lets what several loops share be looked at now and then, from the process's own loop.

    That one never stops. While all runs are on one loop it is not needed: if that loop stops, no
    run is left that could go on.

    Args:
        look: Called on the thread of the process's own loop.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._one: weakref.ref[asyncio.AbstractEventLoop] | None = None
        self._are_several = False
        self._armed: asyncio.AbstractEventLoop | None = None

    def note(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note that a loop takes part, which goes on without the program."""
        if self._are_several:
            return
        one = None if self._one is None else self._one()
        if one is None:
            self._one = weakref.ref(loop)
        elif one is not loop:
            self._are_several = True
            daemon_loop()  # which must not be started in a finaliser

    def go_on(self) -> None:
        """Look again after a while, if several loops take part; in a finaliser, too."""
        if self._are_several and (self._armed is None or not is_daemon_loop(self._armed)):
            loop = self._armed = running_daemon_loop() or daemon_loop()
            with suppress(RuntimeError):  # the process ends
                loop.call_soon_threadsafe(loop.call_later, WATCH_SECONDS, self._tick)

    def _tick(self) -> None:
        self._armed = None
        self._look()
