"""Outcomes: how a run has ended."""

import asyncio
import logging
from concurrent import futures
from concurrent.futures import Future
from threading import Lock
from types import TracebackType
from typing import Literal, TypeAlias

from ..errors import RunCancelled, RxAgentError, describe
from ..streams import Home, is_daemon_loop, refuse_own_loop
from ..streams.blocking import Patience

__all__ = ["Ending", "Outcome"]

Ending: TypeAlias = Literal["completed", "failed", "cancelled"]


_log = logging.getLogger("rxagent")


class Outcome:
    """How a run has ended, once it has: who claims it first decides.

    A failure that nobody has heard of is logged when nobody can any more.

    Args:
        home: The run's.

    Attributes:
        heard: Whether somebody was told the error.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._claim = Lock()
        self._over: Future[None] = Future()
        self._over.set_running_or_notify_cancel()  # Who waits for it cannot cancel it.
        self._traceback: TracebackType | None = None
        self.ending: Ending | None = None
        self.error: Exception | None = None
        self.heard = False

    def claim(self, error: Exception | None) -> bool:
        """Decide for an ending; tell whether nobody has decided before."""
        if not self._claim.acquire(blocking=False):
            return False
        if error is None:
            self.ending = "completed"
        else:
            self.error, self._traceback = error, error.__traceback__
            self.ending = "cancelled" if isinstance(error, RunCancelled) else "failed"
        return True

    def hear(self) -> None:
        """Note that somebody was told the error."""
        self.heard = True

    def finish(self) -> None:
        """Let go on who waits for the end."""
        self._over.set_result(None)

    def wait(self, timeout: float | None) -> None:
        """Block until the end.

        Raises:
            TimeoutError: There was none within so many seconds.
            RuntimeError: This thread cannot wait, since it does the work.
        """
        if self._over.done():
            return
        self.refuse_own_thread("`await run`")
        if not Patience().wait(self._is_over, timeout):
            raise TimeoutError(f"The run has not ended after {timeout} s.")

    def _is_over(self, timeout: float | None) -> bool:
        return bool(futures.wait([self._over], timeout).done)

    def refuse_own_thread(self, instead: str) -> None:
        """Raise RuntimeError on a thread that must do the work of the run."""
        if self._home.is_inside:
            raise RuntimeError("Whoever is told directly cannot wait for the run; attach it.")
        if is_daemon_loop(self._home.loop):
            refuse_own_loop(f"Write {instead} instead.")
        elif self._home.is_here:
            raise RuntimeError(f"This loop runs the run, so it cannot wait. Write {instead}.")

    async def come(self) -> None:
        """Wait for the end, on any loop."""
        await asyncio.wrap_future(self._over)

    def raise_error(self) -> None:
        """Raise what ended the run, as it was when it did."""
        self.hear()
        if self.error is not None:
            raise self.error.with_traceback(self._traceback)

    def __del__(self) -> None:
        unheard = self.ending == "failed" and not self.heard
        # Not at once, for whoever is collecting may hold any lock, a log's too.
        if unheard and not self._home.soon(_log_unheard, self.error):
            _log_unheard(self.error)


def _log_unheard(error: Exception | None) -> None:
    if isinstance(error, RxAgentError):
        _log.error("a run failed, and nobody asked how it ended: %s", describe(error))
    else:
        _log.error("a run failed, and nobody asked how it ended", exc_info=error)
