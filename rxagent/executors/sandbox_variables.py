"""The variables of a session: where they live while code runs, and what is kept of them."""

import threading
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from ..errors import CodeError
from .protocol import Limits
from .sandbox_workers import WORKERS, Worker

__all__ = ["SandboxVariables"]

_QUICK = 0.02
"""Seconds that saving may take for it to be done after each piece of code."""


class SandboxVariables:
    """The variables of one session.

    They live in a process. A copy is saved after each piece of code, if that is quick; so when the
    process is killed, the next one goes on from there.

    Args:
        limits: The limits of each piece of code.
        recursion: How deeply functions may call each other.
        variables: Variables to bind.
        saved: Saved ones, which are bound first.
    """

    def __init__(
        self, limits: Limits, recursion: int, variables: Mapping[str, Any], saved: bytes | None
    ) -> None:
        self._limits = {
            "max_feed_duration_secs": limits.seconds,
            "max_memory": limits.memory,
            "max_recursion_depth": recursion,
            "max_suspensions": 2**31 - 1,  # each call, name and sleep is one
        }
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._session: Any = None
        self._saved = saved
        self._unsaved = dict(variables)  # to be bound, and not in `_saved`
        self._is_current = True  # whether these two are all that there is
        self._is_closed = False
        self._cost = 0.0
        self.are_lost = False
        """Whether some were lost, and the model does not know it yet."""

    @property
    def saved(self) -> bytes | None:
        """The saved copy, if it is current, and holds all of the variables."""
        return self._saved if self._is_current and not self._unsaved else None

    def session(self, is_over: Callable[[], bool]) -> Any:
        """Return the library's session, in a new process if need be; blocks for some ms.

        Args:
            is_over: Returns whether the code that asks was disposed meanwhile.

        Raises:
            CodeError: It was disposed.
            ValueError: The saved variables cannot be read.
        """
        if self._worker is not None and self._worker.is_dead:  # as in a forked child
            self.lose()
        with self._lock:
            if self._worker is not None:
                return self._session
        worker = WORKERS.take()
        try:
            session = worker.start(self._limits)
            self._load(session)
        except BaseException:
            worker.kill()
            raise
        with self._lock:
            if not (is_over() or self._is_closed):
                self._worker, self._session = worker, session
                return session
        WORKERS.give(worker)
        raise CodeError("The code was disposed before it began.")

    def _load(self, session: Any) -> None:
        if self._saved is not None:
            try:
                session.load_session(self._saved)
            except Exception as error:
                raise ValueError(
                    f"The saved variables cannot be read ({error}). Open only what save() of this "
                    "version returned."
                ) from error
        if self._unsaved:  # by code of their own, since code with a syntax error binds nothing
            session.feed_run("None", inputs=self._unsaved)

    def remember(self, session: Any, *, always: bool) -> None:
        """Save the variables after a piece of code; only if that is quick, unless `always`."""
        if self._cost > _QUICK and not always:
            self._is_current = False
            return
        began = perf_counter()
        try:
            saved = session.dump()
        except Exception:  # the process was killed
            return
        with self._lock:
            if session is self._session:
                self._saved, self._unsaved, self._is_current = saved, {}, True
                self._cost = perf_counter() - began

    def lose(self) -> None:
        """Kill the process, with all that was not saved."""
        with self._lock:
            worker, self._worker, self._session = self._worker, None, None
            if worker is not None:
                self.are_lost = self.are_lost or not self._is_current
                self._is_current = True
        if worker is not None:
            worker.kill()

    def close(self) -> None:
        """Leave the process, which runs nothing, to other sessions, and take no other one."""
        with self._lock:
            self._is_closed = True
            worker, self._worker, self._session = self._worker, None, None
        if worker is not None:
            WORKERS.give(worker)

    def tell_what_is_left(self) -> str:
        """Return which variables there are after `lose`, for the model."""
        if not self.are_lost:
            return "The variables are as they were before this code."
        self.are_lost = False
        return "All variables of earlier code are lost. Assign them again."
