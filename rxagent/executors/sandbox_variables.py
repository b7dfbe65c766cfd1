"""The variables of a session: where they live while code runs, and what is kept of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import CodeError
from .protocol import Limits
from .sandbox_errors import is_limit
from .sandbox_workers import WORKERS, Worker

__all__ = ["SandboxVariables"]

_QUICK = 2**20
"""The bytes of a copy that is made after each piece of code; that many take 10 ms (2026-11-28).

Bytes are counted, not time, so that a busy machine loses no variables that another one keeps.
"""


class SandboxVariables:
    """The variables of one session.

    They live in a process. A copy is saved after each piece of code, if it is small; so when the
    process is killed, the next one goes on from there. What a piece of code has changed is never
    undone silently: where the copy is older than that, or cannot be used, all are lost.

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
        self._given = dict(variables)
        self._unsaved = self._given  # to be bound, and not in `_saved`
        self._is_current = True  # whether these two are all that there is
        self._is_closed = False
        self._size = 0
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
        try:
            worker, session = self._start()
        except Exception as error:
            if self._saved is None or not is_limit(error):
                raise
            with self._lock:  # they do not fit into the memory
                self._forget()
            worker, session = self._start()
        with self._lock:
            if not (is_over() or self._is_closed):
                self._worker, self._session = worker, session
                return session
        WORKERS.give(worker)
        raise CodeError("The code was disposed before it began.")

    def _start(self) -> tuple[Worker, Any]:
        worker = WORKERS.take()
        try:
            session = worker.start(self._limits)
            self._load(session)
        except BaseException:
            worker.kill()
            raise
        return worker, session

    def _load(self, session: Any) -> None:
        if self._saved is not None:
            try:
                session.load_session(self._saved)
            except Exception as error:
                if is_limit(error):
                    raise
                raise ValueError(
                    f"The saved variables cannot be read ({error}). Open only what save() of this "
                    "version returned."
                ) from error
        if self._unsaved:  # by code of their own, since code with a syntax error binds nothing
            session.feed_run("None", inputs=self._unsaved)

    def remember(self, session: Any, *, always: bool) -> None:
        """Save the variables after a piece of code; only if they are few, unless `always`."""
        if self._size > _QUICK and not always:
            self._is_current = False
            return
        try:
            saved = session.dump()
        except Exception:  # it takes more memory than there is left, or the process was killed
            self._lose(session, is_undone=False)
            return
        with self._lock:
            if session is self._session:
                self._saved, self._unsaved, self._is_current = saved, {}, True
                self._size = len(saved)

    def lose(self, *, is_undone: bool = True) -> None:
        """Kill the process, with all that was not saved.

        Args:
            is_undone: Whether what its code has done counts as not done. If it counts, what was
                saved before that code is lost, too.
        """
        self._lose(self._session, is_undone=is_undone)

    def _lose(self, session: Any, *, is_undone: bool) -> None:
        with self._lock:
            if session is not self._session:
                return
            worker, self._worker, self._session = self._worker, None, None
            if worker is not None and not (is_undone and self._is_current):
                self._forget()
        if worker is not None:
            worker.kill()

    def _forget(self) -> None:
        """Go back to the first variables, as the others are lost."""
        self._saved, self._unsaved = None, self._given
        self._is_current = self.are_lost = True

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
