"""The queue of a run: actions, one after the other, on one loop's thread and in one context.

.. code-block:: text

    loop thread    run_serialized(action) ───▶ drain: actions in order, in the run's context
    other threads  run_serialized(action) ─▶ queue ─▶ wake the loop ─▶ drain
    anywhere       post(action) ───────────▶ queue ─▶ wake the loop ─▶ drain
"""

from __future__ import annotations

import asyncio
import logging
import threading
from asyncio import _get_running_loop
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from threading import get_ident
from typing import Any

from reactivex import abc
from reactivex.disposable import Disposable

from ..arguments import shown
from ..errors import RunCancelled, RxAgentError, describe
from ..printable import one_line
from .background_loop import daemon_loop, is_daemon_loop, process_generation
from .fairness import FairShare
from .foreign_loop import refuse_trio
from .open_work import OpenWork

__all__ = [
    "RunIdentity",
    "SerialQueue",
    "as_error",
    "behind",
    "is_main_thread",
    "log_fault",
    "log_unobserved",
]

_log = logging.getLogger("rxagent")


def _nothing() -> None:
    pass


class RunIdentity:
    """What all schedulers of one run have in common: a key for what is kept for the run."""


class SerialQueue:
    """Runs actions in order of arrival, on the thread of an asyncio loop, in one context.

    Args:
        loop: The loop; by default the one running in this thread, else the process's own.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        refuse_trio()
        self.loop = loop or _get_running_loop() or daemon_loop()
        self.identity = RunIdentity()
        """The same for each part of the run, while `within` makes a scheduler for each."""
        self.context = copy_context()
        self.inside: int | None = None
        """The loop's thread while it runs an action; else None."""
        self._queue: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._ended: list[OpenWork] = []
        self._woken = self._has_begun = False
        self._share = FairShare.of(self.loop)
        self._process = process_generation()
        self._owned: abc.DisposableBase = Disposable()
        self._on_fault: Callable[[Exception], None] = log_fault

    def run_serialized(self, action: Callable[..., Any], *args: Any) -> None:
        """Run an action on the run's loop thread, in order of arrival.

        On that thread it runs at once, unless another one is running; elsewhere it is queued, and
        the loop is woken. Never blocks. What it raises ends the run.
        """
        if self.inside is not None or not self.on_loop_thread:
            self.post(action, *args)
        elif self._queue:
            self._queue.append((action, args))
            self.context.run(self._drain)
        else:
            self.context.run(self._drain, action, args)

    def post(self, action: Callable[..., Any], *args: Any) -> bool:
        """Queue an action for the loop's thread; return whether it can still run.

        It never runs before this returns, so this is safe in a finaliser, in a signal handler and
        on a deep stack. An interrupt meanwhile loses no action.
        """
        try:
            self._queue.append((action, args))
            return self._wake()
        except BaseException:
            self._woken = False
            self._wake()
            raise

    def post_or_run(self, action: Callable[..., Any], *args: Any) -> None:
        """Queue an action for the loop's thread; run it here if the loop does not run."""
        if self.is_stopped or not self.post(action, *args):
            action(*args)

    def _wake(self) -> bool:
        # A drain looks for what was queued meanwhile before it ends.
        if self.inside == get_ident():
            return True
        if self._woken:
            return not self.is_lost
        self._woken = True
        if self.call_on_loop(self._arrive):
            return True
        self._woken = False
        return False

    def _arrive(self) -> None:
        self._woken = False
        if self.inside is None:
            self.context.run(self._drain)

    def _drain(self, action: Callable[..., Any] | None = None, args: tuple[Any, ...] = ()) -> None:
        queue = self._queue
        self.inside = get_ident()
        try:
            while True:
                if action is not None:
                    self._has_begun = True
                    try:
                        action(*args)
                    except BaseException as fault:
                        self._fault(fault)
                if not queue:
                    if self._ended:
                        self._close_all()
                    return
                if self._share.spent:
                    return
                action, args = queue.popleft()
        finally:
            self.inside = None
            if queue and not self._woken:
                self._woken = True
                self._share.later(self.loop, self._arrive, begins=not self._has_begun)

    def close_later(self, work: OpenWork) -> None:
        """Close some work that has ended once all actions that it has queued have run.

        Until then a script that waits for its runs must not end.
        """
        self._ended.append(work)
        work.end()
        self.run_serialized(_nothing)
        if self.is_lost:
            self._close_all()

    def _close_all(self) -> None:
        while self._ended:
            try:
                work = self._ended.pop(0)
            except IndexError:
                return
            work.close()

    @property
    def is_busy(self) -> bool:
        """Whether actions are queued that have not run yet."""
        return bool(self._queue)

    @property
    def is_spent(self) -> bool:
        """Whether the time of this turn of the loop is used up, so that others come first."""
        return self._share.spent

    @property
    def is_held(self) -> bool:
        """Whether the run is held: no chunk is read, no tool starts, no timer runs."""
        return False

    @property
    def is_inside(self) -> bool:
        """Whether this thread is running an action of the run."""
        return self.inside == get_ident()

    @property
    def is_lost(self) -> bool:
        """Whether the loop is closed, or belongs to the process that forked this one."""
        return self.loop.is_closed() or self._process != process_generation()

    @property
    def is_stopped(self) -> bool:
        """Whether the loop does not run, so that the run cannot go on."""
        return self.is_lost or not (is_daemon_loop(self.loop) or self.loop.is_running())

    def is_stuck_for(self, other: SerialQueue) -> bool:
        """Return whether this run cannot go on, as another one sees it that can.

        Of two runs on one loop, neither is ahead of the other.
        """
        return self.is_lost or (self.loop is not other.loop and self.is_stopped)

    def owns(
        self, run: abc.DisposableBase, on_fault: Callable[[Exception], None] | None = None
    ) -> None:
        """Dispose this run when something in it raises past its observers, then call `on_fault`.

        By default the fault is logged.
        """
        self._owned = run
        self._on_fault = on_fault or log_fault

    def disown(self) -> None:
        """Let go of a run that has ended; what is raised from now on is logged."""
        self.owns(Disposable())

    def fail(self, raised: BaseException) -> None:
        """End the run with an error that was raised in it; on any thread."""
        self.run_serialized(self._fault, raised)

    def _fault(self, raised: BaseException) -> None:
        fault = as_error("A subscriber or an operator", raised)
        try:
            self._owned.dispose()
        except BaseException as another:
            _log.error("a run could not be disposed", exc_info=another)
        try:
            self._on_fault(fault)
        except BaseException as another:
            _log.error("the end of a run could not be reported", exc_info=another)
        if isinstance(raised, KeyboardInterrupt) and is_main_thread():
            raise raised

    @property
    def on_loop_thread(self) -> bool:
        """Whether this thread is running the run's loop."""
        return _get_running_loop() is self.loop

    def call_on_loop(self, action: Callable[..., Any], *args: Any) -> bool:
        """Run an action on the loop's thread, at its next turn; return False if it is closed."""
        if self._process != process_generation():  # the loop is the parent's
            return False
        try:
            self.loop.call_soon_threadsafe(action, *args)
        except RuntimeError:
            if self.loop.is_closed():
                return False
            raise
        return True


def is_main_thread() -> bool:
    """Return whether this thread is the one that Ctrl-C interrupts."""
    return threading.current_thread() is threading.main_thread()


def as_error(origin: str, error: Any) -> Exception:
    """Return an error as it is; in place of anything but an Exception, one that names it."""
    if isinstance(error, Exception):
        return error
    if not isinstance(error, BaseException):
        return TypeError(f"on_error takes an exception, not {shown(error)}.")
    cancelled = RunCancelled(f"{origin} raised {describe(error)}.")
    cancelled.__cause__ = error
    return cancelled


def behind(error: Exception) -> BaseException:
    """Return the BaseException that `as_error` has replaced; else the error itself."""
    cause = error.__cause__ if isinstance(error, RunCancelled) else None
    return error if cause is None or isinstance(cause, Exception) else cause


def log_fault(fault: Exception) -> None:
    """Log what was raised in a run, which ended it."""
    if isinstance(fault, RxAgentError):
        log_unobserved(fault)
    else:
        _log.error("a subscriber raised, so its run was disposed", exc_info=fault)


def log_unobserved(error: Exception) -> None:
    """Log the error of a run whose subscriber gave no `on_error`."""
    what = "a run failed, and its subscriber gave no on_error"
    if isinstance(error, RxAgentError):
        _log.error("%s: %s", what, one_line(describe(error)))
    else:
        _log.error(what, exc_info=error)
