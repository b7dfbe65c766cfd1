"""Timers: the time-outs of a run, which stand still while it does."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from reactivex import abc

from .loop import closing, opening

if TYPE_CHECKING:
    from .home import Home

__all__ = ["Timer"]


class Timer(abc.DisposableBase):
    """A time-out of a run; it stands still while the run is held.

    Args:
        home: The run's.
        timers: Those that are running there, among which it is until it is over.
        seconds: How long it takes.
        action: What is done then, in the gate.
    """

    def __init__(
        self,
        home: "Home",
        timers: dict["Timer", None],
        seconds: float,
        action: Callable[[], None],
    ) -> None:
        self._home = home
        self._timers = timers
        self._left = max(0.0, seconds)
        self._due: float | None = None
        self._action = action
        self._handle: asyncio.TimerHandle | None = None
        self._ticket = opening("timer", home.loop, self.dispose)
        timers[self] = None

    def start(self) -> None:
        """Let the time run, unless the run is held."""
        if not self._home.is_held:
            self._due = self._home.loop.time() + self._left
            self._on_loop(self._arm)

    def stop(self) -> None:
        """Let the time stand still."""
        if self._due is not None:
            self._left = max(0.0, self._due - self._home.loop.time())
            self._due = None
            self._on_loop(self._disarm)

    def dispose(self) -> None:
        """Let nothing be done."""
        self._timers.pop(self, None)
        closing(self._ticket)
        self._on_loop(self._disarm)

    def _on_loop(self, action: Callable[[], None]) -> None:
        if self._home.is_here:
            action()
        else:
            self._home.soon(action)

    def _arm(self) -> None:
        self._disarm()
        if self in self._timers and self._due is not None:
            self._handle = self._home.loop.call_at(
                self._due, self._home.gate, self._fire, context=self._home.context.copy()
            )

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        if self in self._timers and not self._home.is_held:
            self._timers.pop(self, None)
            try:
                self._action()
            finally:
                self._home.ended(self._ticket)
