"""Virtual time: a run scheduler whose clock and asyncio loop are one, and never wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextvars import Context
from datetime import datetime
from functools import partial
from itertools import count
from math import inf
from random import Random
from typing import Any, NoReturn, Self, TypeVarTuple

from ..errors import RunCancelled
from ..streams.fairness import FairShare
from ..streams.open_work import dispose_work_of
from ..streams.scheduler import RunScheduler
from ..streams.serial_queue import as_error
from .leaks import SHARED_THREADS

__all__ = ["Restless", "VirtualScheduler"]

_Args = TypeVarTuple("_Args")

_ENOUGH = 0.8
"""How often a turn that is asked for its time has some left, when that is drawn."""


class Restless(RuntimeError):
    """Virtual time does not come to rest: there is always more work."""


class VirtualScheduler(RunScheduler):
    """A run scheduler whose time jumps to the next timer, so that nothing ever waits.

    Async sources and tools run in its loop, with `asyncio.sleep`; synchronous ones run inline,
    at the instant of their turn. Sockets, processes and threads are refused. `run` raises the
    errors of subscribers, tasks and callbacks.

    The end of its `with` block cancels all open work and closes the loop:

    .. code-block:: python

        with VirtualScheduler() as home:
            stream.subscribe(print, scheduler=home)
            home.run()

    Args:
        random: Draws the order of timers that are due at the same instant, and when the time of a
            turn of the loop is used up; without it they run in the order in which they were set,
            and all that is due at an instant fits into one turn.
    """

    can_wait = False

    def __init__(self, random: Random | None = None) -> None:
        self._loop = _VirtualLoop(random)
        if random is not None:
            _DrawnShare(random).put_in_place(self._loop)
        # The order of one instant must not depend on the speed of the machine.
        FairShare.of(self._loop).seconds = inf
        super().__init__(loop=self._loop)
        self._thread = threading.get_ident()
        self._threads = frozenset(threading.enumerate())
        self._faults: list[Exception] = []  # shared with the schedulers beside this one
        self._loop.set_exception_handler(self._note)

    def beside(self) -> Self:
        """Return a scheduler of the same time, which is not held when this one is."""
        beside = super().beside()
        beside._loop, beside._faults = self._loop, self._faults
        beside._thread, beside._threads = self._thread, self._threads
        return beside

    @property
    def clock(self) -> float:
        """The virtual seconds since this scheduler was made."""
        return self._loop.time()

    @property
    def now(self) -> datetime:
        """The virtual time, which begins with 1970, UTC."""
        return self.to_datetime(self.clock)

    @property
    def on_loop_thread(self) -> bool:
        """Whether this is the thread that made the scheduler, the only one in its time."""
        return threading.get_ident() == self._thread

    @property
    def has_escaped(self) -> bool:
        """Whether a thread that started later waits in real time."""
        return any(map(_waits, set(threading.enumerate()) - self._threads))

    def run(self, turns: int = 1_000_000) -> None:
        """Let time pass until there is no more work.

        Raises:
            Restless: The loop did not come to rest within this many turns.
            Exception: The error of a subscriber, a task or a callback.
        """
        self._loop.play(inf, turns)
        self._raise_faults()

    def advance_to(self, seconds: float, turns: int = 1_000_000) -> None:
        """Let time pass up to this second, with all work that is due by then.

        Raises:
            ValueError: That second has passed.
            Restless: The loop did not come to that second within this many turns.
            Exception: The error of a subscriber, a task or a callback.
        """
        if seconds < self.clock:
            raise ValueError(
                f"Time does not run backwards: {seconds:g} s is before {self.clock:g}."
            )
        self._loop.play(_rounded(seconds), turns)
        self._raise_faults()

    def close(self) -> None:
        """Cancel all open work, and close the loop."""
        if self._loop.is_closed():
            return
        try:
            self._loop.run_until_complete(self._end())
        finally:
            self._loop.close()
        self._faults[:] = [fault for fault in self._faults if not isinstance(fault, RunCancelled)]
        self._raise_faults()

    async def _end(self) -> None:
        dispose_work_of(self._loop)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.shutdown_asyncgens()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None:
            self._faults.clear()
        self.close()

    def work(
        self,
        what: str,
        job: Callable[[], None],
        dispose: Callable[[], None],
        *args: Any,
        **kwargs: Any,
    ) -> Callable[[], None]:
        """Run a job, which must not raise, inline at this instant, or when the run resumes."""
        run, noted = self._noted(what, job, dispose)
        self.when_resumed(partial(self.call_on_loop, run))
        return noted.detach

    def thread(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse to start a thread."""
        _refuse("threads")

    @property
    def is_stopped(self) -> bool:
        """Whether this scheduler is closed; its time may pass until then."""
        return self.is_lost

    def _fault(self, raised: BaseException) -> None:
        self._faults.append(as_error("A subscriber or an operator", raised))
        self._owned.dispose()

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._faults.append(context.get("exception") or RuntimeError(context["message"]))

    def _raise_faults(self) -> None:
        faults = self._faults.copy()
        self._faults.clear()
        if len(faults) == 1:
            raise faults[0]
        if faults:
            raise ExceptionGroup("several errors in virtual time", faults)


class _DrawnShare(FairShare):
    """Draws whether the time of a turn is used up, as it may be anywhere on a real loop."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    @property
    def until(self) -> float:
        """When the time of this turn is used up: never, or already."""
        return inf if self._random.random() < _ENOUGH else -inf

    async def begin(self) -> None:
        """Wait for the next turn."""
        await asyncio.sleep(0)

    async def turn(self) -> None:
        """Wait for the next turn."""
        await asyncio.sleep(0)


class _VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without clock and sockets: instead of waiting it advances its time."""

    def __init__(self, random: Random | None) -> None:
        super().__init__()
        self._selector = self
        self._clock_resolution = 5e-7
        self._instant = 0.0
        self._end = inf
        self._turns = 0
        self._order: Iterator[float] = count() if random is None else iter(random.random, None)
        self._owner = threading.get_ident()

    def time(self) -> float:
        return self._instant

    def play(self, end: float, turns: int) -> None:
        self._end, self._turns = end, turns
        self.run_forever()
        if self._turns < 0:
            raise Restless(
                f"Virtual time did not come to rest within {turns:,} turns of its loop; it is at "
                f"{self._instant:g} s. Is there a stream that never ends?"
            )

    def run_until_complete(self, future: Any) -> Any:
        self._end, self._turns = inf, 1_000_000
        return super().run_until_complete(future)

    def select(self, timeout: float | None) -> tuple[()]:
        """Advance the time to the next timer, as a selector would wait for it."""
        self._turns -= 1
        following = inf if timeout is None else _rounded(self._instant + timeout)
        if following <= self._end and following < inf and self._turns >= 0:
            self._instant = following
        else:
            if self._turns >= 0 and self._end < inf:
                self._instant = self._end
            self.stop()
        return ()

    def _process_events(self, events: tuple[()]) -> None: ...

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Args], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        due = _Due(when)
        due.order = next(self._order)
        return super().call_at(due, callback, *args, context=context)

    def call_soon_threadsafe(
        self,
        callback: Callable[[*_Args], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.Handle:
        if threading.get_ident() != self._owner:
            _refuse("threads")
        return self.call_soon(callback, *args, context=context)


class _Due(float):
    """A time with an order among equal ones, which a heap does not keep."""

    order: float

    def __new__(cls, when: float) -> Self:
        return super().__new__(cls, _rounded(when))

    def __lt__(self, other: float) -> bool:
        if isinstance(other, _Due) and float(self) == float(other):
            return self.order < other.order
        return float(self) < float(other)


def _waits(thread: threading.Thread) -> bool:
    if isinstance(thread, threading.Timer):
        return not thread.finished.is_set()
    return not thread.name.startswith(SHARED_THREADS)


def _rounded(seconds: float) -> float:
    return round(seconds, 6)


def _refuse(what: str) -> NoReturn:
    raise RuntimeError(
        f"There are no {what} in virtual time. Script their other end (rxagent.testing), or use "
        "real time."
    )


_REFUSED = {
    "processes": "subprocess_exec subprocess_shell connect_read_pipe connect_write_pipe",
    "signals": "add_signal_handler remove_signal_handler",
    "sockets": """
        add_reader add_writer remove_reader remove_writer getaddrinfo getnameinfo
        create_connection create_server create_datagram_endpoint create_unix_connection
        create_unix_server connect_accepted_socket sendfile start_tls sock_accept sock_connect
        sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall sock_sendfile
        sock_sendto
        """,
    "threads": "run_in_executor",
}

for _what, _names in _REFUSED.items():
    for _name in _names.split():
        setattr(_VirtualLoop, _name, lambda *args, what=_what, **kwargs: _refuse(what))
