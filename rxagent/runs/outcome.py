"""The outcome of a run: how it has ended, and the wait for that."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from types import TracebackType
from typing import Literal, TypeAlias

from ..errors import RunCancelled, RxAgentError, describe
from ..printable import one_line
from ..streams import RunScheduler, is_daemon_loop, refuse_own_loop
from ..streams.foreign_loop import refuse_trio
from ..streams.interruptible_wait import POLL_SECONDS, InterruptibleWait, Latch

__all__ = ["Ending", "Outcome"]

Ending: TypeAlias = Literal["completed", "failed", "cancelled"]

_log = logging.getLogger("rxagent")


class _Decision:
    """An ending, and the error with the traceback that it had then."""

    __slots__ = ("ending", "error", "traceback")

    def __init__(self, ending: Ending, error: Exception | None) -> None:
        self.ending = ending
        self.error = error
        self.traceback: TracebackType | None = None if error is None else error.__traceback__


class Outcome:
    """How a run has ended; the first claim decides.

    Claiming and finishing take no lock that another thread holds, so a signal handler or a
    finaliser may do both. A failure that is never observed is logged when this is collected.

    Args:
        scheduler: The run's.

    Attributes:
        decision: Holds the decision, once there is one.
        is_observed: Whether the error was observed.
    """

    def __init__(self, scheduler: RunScheduler) -> None:
        self._scheduler = scheduler
        self._finished = Latch()
        self.decision: dict[str, _Decision] = {}
        self.is_observed = False

    def claim(self, error: Exception | None) -> bool:
        """Decide how the run has ended; return whether that was undecided."""
        kind: Ending = "cancelled" if isinstance(error, RunCancelled) else "failed"
        mine = _Decision("completed" if error is None else kind, error)
        # One step, which no other thread and no interrupt can see half done.
        return self.decision.setdefault("end", mine) is mine

    @property
    def ending(self) -> Ending | None:
        """How the run has ended; None while that is undecided."""
        decided = self.decision.get("end")
        return None if decided is None else decided.ending

    @property
    def error(self) -> Exception | None:
        """The error that ended the run without an answer."""
        decided = self.decision.get("end")
        return None if decided is None else decided.error

    def note_observed(self) -> None:
        """Note that the error was observed."""
        self.is_observed = True

    @property
    def is_finished(self) -> bool:
        """Whether waiting for the end is over."""
        return self._finished.is_set

    def finish(self) -> None:
        """End all waits for the end."""
        self._finished.set()

    def wait(self, timeout: float | None) -> bool:
        """Block until the end; return False if the loop has stopped before it.

        Raises:
            TimeoutError: The run has not ended within `timeout` seconds.
            RuntimeError: This thread cannot wait, since it does the work.
        """
        if self._finished.is_set:
            return True
        if self._scheduler.is_stopped:
            return False
        self.refuse_own_thread("`await run`")
        if not InterruptibleWait().wait(
            self._finished.wait, timeout, lambda: self._scheduler.is_stopped
        ):
            raise TimeoutError(f"The run has not ended after {timeout} s.")
        return self._finished.is_set

    def refuse_own_thread(self, instead: str) -> None:
        """Raise RuntimeError on a thread that must do the work of the run."""
        if self._scheduler.is_inside:
            raise RuntimeError(
                "Cannot block on a run inside its own subscriber; use run.attach(...)."
            )
        if is_daemon_loop(self._scheduler.loop):
            refuse_own_loop(f"Write {instead} instead.")
        elif self._scheduler.on_loop_thread:
            raise RuntimeError(f"This loop runs the run, so it cannot wait. Write {instead}.")

    async def wait_async(self) -> bool:
        """Wait for the end, on any loop; return False if the run's loop has stopped before it."""
        refuse_trio()
        loop = asyncio.get_running_loop()
        finished = asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the waiting loop is closed
                loop.call_soon_threadsafe(finished.set)

        self._finished.call(wake)
        try:
            if self._scheduler.loop is loop or is_daemon_loop(self._scheduler.loop):
                if not self._scheduler.is_stopped or self._finished.is_set:
                    await finished.wait()
                return self._finished.is_set
            while not (self._finished.is_set or self._scheduler.is_stopped):
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await finished.wait()
            return self._finished.is_set
        finally:
            self._finished.discard(wake)

    def raise_error(self) -> None:
        """Raise the error that ended the run, with the traceback it had then."""
        self.note_observed()
        decided = self.decision.get("end")
        if decided is not None and decided.error is not None:
            raise decided.error.with_traceback(decided.traceback)

    def __del__(self) -> None:
        is_lost = self.ending == "failed" and not self.is_observed
        # Not here: the thread that collects may hold any lock, also one of a log handler.
        if is_lost and not self._scheduler.call_on_loop(_log_unobserved, self.error):
            _log_unobserved(self.error)


def _log_unobserved(error: Exception | None) -> None:
    if isinstance(error, RxAgentError):
        _log.error("a run failed, and its end was never observed: %s", one_line(describe(error)))
    else:
        _log.error("a run failed, and its end was never observed", exc_info=error)
