"""The stage: the threads on which all viewers of a process are told."""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter, process_time, sleep
from typing import Any

from ..streams.loop import finishing

__all__ = ["STAGE", "Stage"]

_log = logging.getLogger("rxagent")


class Stage:
    """Threads that viewers share: one as a rule, more when all wait in viewers that are slow.

    After each round a thread rests for a moment, so what arrives in quick succession is told
    together and costs one waking.

    Args:
        limit: How many threads there are at most.
        patience: For how many seconds others may have to wait before a thread is added.
        rest: How many seconds a thread rests between rounds.
        idle: After how many seconds without work a thread ends.
    """

    def __init__(
        self, limit: int = 64, patience: float = 0.05, rest: float = 0.004, idle: float = 10.0
    ) -> None:
        self._limit = limit
        self._patience = patience
        self._rest = rest
        self._idle = idle
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        lock = threading.RLock()  # a signal may come, and cancel a run, meanwhile
        self._called = threading.Condition(lock)
        self._patient = threading.Condition(lock)
        self._played = threading.Condition(lock)
        self._due: deque[Callable[[], Any]] = deque()
        self._threads = 0
        self._idling = 0
        self._playing = 0
        self._guarded = False
        self._begun = self._told = 0

    @property
    def busy(self) -> int:
        """How many threads are telling a viewer, and how many tellings are due."""
        with self._called:
            return self._playing + len(self._due)

    def call(self, show: Callable[[], Any]) -> None:
        """Have a function, which must not raise, called by one of the threads."""
        self._due.append(show)
        # Whoever plays, or guards those who play, looks again for what is due before it rests.
        if not (self._playing and self._guarded):
            with self._called:
                self._attend()

    def finish(self, patience: float = 0.5) -> None:
        """Wait until all is told, or until nobody has got on for so many seconds."""
        with self._called:
            told = -1
            while (self._playing or self._due) and told != self._told:
                told = self._told
                self._played.wait_for(lambda: not self._playing and not self._due, patience)

    def _attend(self) -> None:
        """See to it that somebody plays what is due, or guards those who play."""
        if self._playing and self._guarded:
            return
        if self._idling:
            self._called.notify()
        elif self._threads < self._limit:
            threading.Thread(target=self._serve, name="rxagent-viewer", daemon=True).start()
            self._threads += 1

    def _serve(self) -> None:
        with self._called:
            while True:
                if not self._due or (self._playing and self._guarded):
                    self._idling += 1
                    called = self._called.wait(self._idle)
                    self._idling -= 1
                    if not called and not self._due:
                        self._threads -= 1
                        return
                elif not self._playing or self._are_stuck():
                    self._play()

    def _are_stuck(self) -> bool:
        """Guard those who play for a while; tell whether one more would help."""
        began, worked = perf_counter(), process_time()
        told, known = self._told, self._begun + len(self._due)
        self._guarded = True
        self._patient.wait(self._patience)
        self._guarded = False
        if not self._due or told == self._told:
            return bool(self._due)
        # They get on, but late. When they compute, one more would only be in their way.
        is_idle = process_time() - worked < (perf_counter() - began) / 2
        return self._begun < known and is_idle

    def _play(self) -> None:
        self._playing += 1
        while self._due:
            show = self._due.popleft()
            self._begun += 1
            if self._due:
                self._attend()
            self._called.release()
            try:
                show()
            except BaseException:
                _log.exception("a telling raised, which it must not")
            finally:
                self._called.acquire()
            self._told += 1
        self._called.release()
        try:
            sleep(self._rest)
        finally:
            self._called.acquire()
        self._playing -= 1
        self._played.notify_all()


STAGE = Stage()

# A script that ends lets its viewers be told of all that has happened.
finishing(STAGE.finish)
