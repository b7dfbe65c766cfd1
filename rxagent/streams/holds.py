"""Holds: a run is held by its owner and its viewers, and while a run that follows it is held.

.. code-block:: text

    hold, release, follow, leave ─▶ which runs are held now? ─▶ the queue of each that differs
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from reactivex import abc
from reactivex.disposable import Disposable

from .loop_watch import LoopWatch
from .serial_queue import RunIdentity, SerialQueue

__all__ = ["HeldQueue"]


class HeldQueue(SerialQueue):
    """The queue of a run that can be held: then no chunk is read, no tool starts, no timer runs.

    Args:
        loop: The loop; by default the one running in this thread, else the process's own.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(loop)
        self._is_held = False
        self._when_resumed: list[Callable[[], Any]] = []
        self._holds: dict[object, None] = {}
        self._followed: dict[object, HeldQueue] = {}
        self._followers: dict[object, HeldQueue] = {}
        self._is_reached = False

    @property
    def is_moved_by_hand(self) -> bool:
        """Whether its time passes only while the program says so, as virtual time does."""
        return False

    @property
    def is_held(self) -> bool:
        """Whether the run is held: no chunk is read, no tool starts, no timer runs."""
        return self._is_held

    def must_wait(self) -> bool:
        """Return whether actions are queued, or the run is held, so nothing may be emitted now."""
        return bool(self._queue) or self._is_held

    def hold(self) -> abc.DisposableBase:
        """Hold the run until the result is disposed; within an action of the run, at once."""
        hold = object()
        self._holds[hold] = None
        _settle(self)
        if self.is_inside:
            self._look_at_holds()
        return Disposable(partial(self._release, hold))

    def _release(self, hold: object) -> None:
        self._holds.pop(hold, None)
        _settle(self)
        if self._is_held:  # perhaps for a hold that has come and gone while another thread settled
            self.run_serialized(self._look_at_holds)

    def follows(self, other: HeldQueue) -> abc.DisposableBase:
        """Hold another run whenever this one is held, until the result is disposed.

        Runs may follow each other in a circle. One whose loop is stopped or closed holds no run of
        another loop.
        """
        following = object()
        self._followed[following] = other
        other._followers[following] = self
        if self.loop is not other.loop:
            for run in (self, other):
                if not run.is_moved_by_hand:
                    _watch.note(run.loop)
        _settle(self)
        return Disposable(partial(self._leave, following))

    def _leave(self, following: object) -> None:
        other = self._followed.pop(following, None)
        if other is not None:
            other._followers.pop(following, None)
            _settle(other)

    def when_resumed(self, action: Callable[[], Any]) -> None:
        """Run an action on the loop's thread once the run is not held."""
        self.run_serialized(
            lambda: self._when_resumed.append(action) if self._is_held else action()
        )

    async def resumed(self) -> None:
        """Wait until the actions queued so far have run, and the run is not held."""
        while self.must_wait():
            opened = asyncio.Event()
            self.when_resumed(partial(self.call_on_loop, opened.set))
            await opened.wait()
            if not self._is_held:  # actions queued meanwhile come after the caller
                return

    # On the loop's thread

    def on_held(self) -> None:
        """Stop what goes by the time of the run."""

    def on_resumed(self) -> None:
        """Let what goes by the time of the run go on."""

    def _look_at_holds(self) -> None:
        while (is_held := self._is_reached or bool(self._holds)) != self._is_held:
            self._is_held = is_held
            if is_held:
                self.on_held()
                continue
            self.on_resumed()
            actions, self._when_resumed = self._when_resumed, []
            for action in actions:
                self.run_serialized(action)

    # On any thread

    def _notice(self) -> None:
        if self.is_inside and self._is_reached:
            self._look_at_holds()
        else:
            self.run_serialized(self._look_at_holds)

    def _reaches(self, other: HeldQueue) -> bool:
        return self.is_moved_by_hand or not self.is_stuck_for(other)

    @property
    def _must_be_watched(self) -> bool:
        followed = tuple(self._followed.values())
        is_across = any(self.loop is not other.loop for other in followed)
        return is_across and self._is_reached and not self.is_lost


_lock = threading.Lock()
_changed: deque[HeldQueue] = deque()
_across: dict[RunIdentity, HeldQueue] = {}


def _settle(run: HeldQueue) -> None:
    """Let each run notice that it is held, or no longer, after a change at one of them.

    Never waits: a thread that finds another one at work here leaves its change to it.
    """
    _changed.append(run)
    differing: list[HeldQueue] = []
    while _changed and _lock.acquire(False):
        try:
            while _changed:
                differing += _spread(_changed.popleft())
        finally:
            _lock.release()
    for one in differing:
        one._notice()
    if _across:
        _watch.go_on()


def _spread(start: HeldQueue) -> list[HeldQueue]:
    """Find out which of the runs that one reaches are held now; return those that differ."""
    region = {start.identity: start}
    behind = [start]
    for run in behind:
        for other in tuple(run._followed.values()):
            if other.identity not in region:
                region[other.identity] = other
                behind.append(other)
    held = [run for run in behind if run._holds or _is_held_from(run, region)]
    reached = {run.identity for run in held}
    for run in held:
        for other in tuple(run._followed.values()):
            if other.identity not in reached and run._reaches(other):
                reached.add(other.identity)
                held.append(other)
    differing = []
    for run in behind:
        is_reached = run.identity in reached
        if is_reached != run._is_reached:
            run._is_reached = is_reached
            differing.append(run)
        if run._must_be_watched:
            _across[run.identity] = run
        else:
            _across.pop(run.identity, None)
    return differing


def _is_held_from(run: HeldQueue, region: dict[RunIdentity, HeldQueue]) -> bool:
    """Return whether a run is held by one outside of a region."""
    return any(
        other._is_reached and other.identity not in region and other._reaches(run)
        for other in tuple(run._followers.values())
    )


def _look() -> None:
    for run in tuple(_across.values()):
        _settle(run)


_watch = LoopWatch(_look)


def _forget() -> None:
    """Reset in a forked child: the parent's runs stay with it."""
    global _lock
    _lock = threading.Lock()
    _changed.clear()
    _across.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
