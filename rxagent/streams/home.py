"""The home of a run: its gate, loop, context, clock and valve, in one scheduler."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from datetime import datetime
from functools import partial
from math import inf
from typing import Any

from reactivex import abc, typing
from reactivex.disposable import CompositeDisposable, Disposable, SingleAssignmentDisposable
from reactivex.scheduler.periodicscheduler import PeriodicScheduler

from ..errors import RunCancelled, RxAgentError, describe
from .errand import Errand
from .loop import closing, daemon_loop, leaving, opening
from .timer import Timer
from .workers import WORKERS

__all__ = ["Home", "as_error"]

_log = logging.getLogger("rxagent")


def _nothing() -> None:
    pass


class Home(PeriodicScheduler):
    """The place where one run happens.

    It is passed as the scheduler at subscribe, so every source, tool and timed operator of a run
    finds it without looking. Notifications of a run are serial because each comes in by `gate`.

    Args:
        loop: The asyncio loop of the run; by default the one running in this thread, else the
            process's own.
        clock: Another scheduler that tells and keeps the time; by default the loop does.
    """

    can_wait = True
    """Whether the jobs of this home may block their thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        clock: abc.SchedulerBase | None = None,
    ) -> None:
        self.loop = loop or _running_loop() or daemon_loop()
        self.context = copy_context()
        self._clock = clock
        self._inbox: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._token = threading.Lock()
        self._insider: int | None = None
        self._holds = 0
        self._held: list[Callable[[], Any]] = []
        self._held_at: float | None = None
        self._stood = 0.0
        self._timers: dict[Timer, None] = {}  # in their order, which a set would forget
        self._preparing: set[object] = set()
        self._sent_at = -inf
        self._owned: abc.DisposableBase = Disposable()
        self._on_fault: Callable[[Exception], None] = _log_fault

    @classmethod
    def of(cls, scheduler: abc.SchedulerBase | None) -> "Home":
        """Return the home that a scheduler is, or a new one that keeps the scheduler's time."""
        return scheduler if isinstance(scheduler, Home) else cls(clock=scheduler)

    # The gate

    def gate(self, action: Callable[..., Any], *args: Any) -> None:
        """Do an action when nobody else is inside, in order of arrival.

        Whoever is inside does what has arrived meanwhile, so this never waits.
        """
        inbox = self._inbox
        inbox.append((action, args))
        token = self._token
        while inbox and token.acquire(False):
            self._insider = threading.get_ident()
            interrupted = True
            try:
                while inbox:
                    action, args = inbox.popleft()
                    try:
                        action(*args)
                    except KeyboardInterrupt:
                        raise
                    except BaseException as fault:
                        self._fault(as_error("A subscriber or an operator", fault))
                interrupted = False
            finally:
                self._insider = None
                token.release()
                if interrupted:  # by Ctrl-C; what is left must not wait for the next action
                    self.soon(self.gate, _nothing)

    @property
    def is_busy(self) -> bool:
        """Whether somebody is inside the gate, who may have more to do."""
        return self._token.locked()

    @property
    def is_inside(self) -> bool:
        """Whether this thread is inside the gate, doing an action of the run."""
        return self._insider == threading.get_ident()

    def owns(
        self, run: abc.DisposableBase, on_fault: Callable[[Exception], None] | None = None
    ) -> None:
        """Dispose this run when something in it raises past its observers; tell `on_fault`.

        By default the fault is logged.
        """
        self._owned = run
        self._on_fault = on_fault or _log_fault

    def _fault(self, fault: Exception) -> None:
        self._owned.dispose()
        self._on_fault(fault)

    # The loop and the workers

    @property
    def is_here(self) -> bool:
        """Whether we are on the thread of the run's loop."""
        return _running_loop() is self.loop

    def spawn(
        self,
        what: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        lost: Callable[[], None] = _nothing,
    ) -> abc.DisposableBase:
        """Run a coroutine function as a task on the loop; disposing cancels the task.

        A task that disposes itself is not cancelled: it goes on to its own end. When anybody else
        cancels it, as the end of `asyncio.run` does, `lost` is called.
        """
        errand = Errand(self, what, work, lost)
        errand.begin()
        return errand

    def work(
        self, what: str, job: Callable[[], None], dispose: Callable[[], None]
    ) -> Callable[[], None]:
        """Run a job, which must not raise, on a worker of the shared pool.

        Returns:
            What says that nobody waits for the job any more, so that a script may end.
        """
        run, leave = self._noted(what, job, dispose)
        return _begun(partial(WORKERS.submit, run), leave)

    def thread(
        self, what: str, job: Callable[[], None], dispose: Callable[[], None]
    ) -> Callable[[], None]:
        """Run a job, which must not raise, on a thread of its own; returns what `work` does."""
        run, leave = self._noted(what, job, dispose)
        return _begun(threading.Thread(target=run, name=what, daemon=True).start, leave)

    def _noted(
        self, what: str, job: Callable[[], None], dispose: Callable[[], None]
    ) -> tuple[Callable[[], None], Callable[[], None]]:
        ticket = opening(what, self.loop, dispose)
        context = self.context.copy()

        def run() -> None:
            try:
                context.run(job)
            finally:
                closing(ticket)

        return run, partial(leaving, ticket)

    # The clock

    @property
    def now(self) -> datetime:
        """The time, in UTC."""
        return self._clock.now if self._clock else super().now

    def time(self) -> float:
        """Return the seconds that have passed, without those in which the run was held."""
        if self._clock is not None:
            return self._clock.now.timestamp()
        return (self.loop.time() if self._held_at is None else self._held_at) - self._stood

    def schedule(
        self, action: typing.ScheduledAction[Any], state: Any = None
    ) -> abc.DisposableBase:
        """Do an action as soon as nobody is inside."""
        result = SingleAssignmentDisposable()
        self.gate(self._act, result, action, state)
        return result

    def schedule_relative(
        self,
        duetime: typing.RelativeTime,
        action: typing.ScheduledAction[Any],
        state: Any = None,
    ) -> abc.DisposableBase:
        """Do an action after some seconds, during which the run was not paused."""
        result = SingleAssignmentDisposable()
        if self._clock is not None:

            def due(_: abc.SchedulerBase, __: Any = None) -> None:
                self.gate(self._act, result, action, state)

            return self._clock.schedule_relative(duetime, due)
        timer = Timer(
            self, self._timers, self.to_seconds(duetime), lambda: self._act(result, action, state)
        )
        timer.start()
        return CompositeDisposable(timer, result)

    def schedule_absolute(
        self,
        duetime: typing.AbsoluteTime,
        action: typing.ScheduledAction[Any],
        state: Any = None,
    ) -> abc.DisposableBase:
        """Do an action at a point of time."""
        return self.schedule_relative(self.to_datetime(duetime) - self.now, action, state)

    def _act(
        self,
        result: SingleAssignmentDisposable,
        action: typing.ScheduledAction[Any],
        state: Any,
    ) -> None:
        if not result.is_disposed:
            result.disposable = self.invoke_action(action, state)

    # Silence

    def preparing(self) -> abc.DisposableBase:
        """Note that a source of the run prepares a request; dispose what is returned at sending."""
        request = object()
        self._preparing.add(request)
        return Disposable(partial(self._sent, request))

    def _sent(self, request: object) -> None:
        self._sent_at = self.time()
        self._preparing.discard(request)

    def silent_since(self, heard: float) -> float:
        """Return since when a source is silent that was last heard at some `time`.

        While a request of the run is being prepared, that is now: the far end was not asked yet.
        """
        return self.time() if self._preparing else max(heard, self._sent_at)

    # The valve

    @property
    def is_held(self) -> bool:
        """Whether somebody holds the run: no chunk is read, no tool starts, no timer runs."""
        return self._holds > 0

    def hold(self) -> abc.DisposableBase:
        """Hold the run until what is returned is disposed; at once, when it is done in the gate."""
        if self.is_inside:
            self._hold()
        else:
            self.gate(self._hold)
        return Disposable(lambda: self.gate(self._let_go))

    def _hold(self) -> None:
        self._holds += 1
        if self._holds == 1:
            self._held_at = self.loop.time()
            for timer in tuple(self._timers):
                timer.stop()

    def _let_go(self) -> None:
        self._holds -= 1
        if self._holds == 0 and self._held_at is not None:
            self._stood += self.loop.time() - self._held_at
            self._held_at = None
            for timer in tuple(self._timers):
                timer.start()
            held, self._held = self._held, []
            for action in held:
                self.gate(action)

    def when_open(self, action: Callable[[], Any]) -> None:
        """Do an action in the gate, once nobody holds the run."""
        self.gate(lambda: self._held.append(action) if self._holds else action())

    async def emptied(self) -> None:
        """Wait until all that was handed to the gate by now is done."""
        done = asyncio.Event()
        self.gate(self.soon, done.set)
        await done.wait()

    async def opened(self) -> None:
        """Wait until nobody holds the run."""
        while self._holds:
            opened = asyncio.Event()
            self.when_open(partial(self.soon, opened.set))
            await opened.wait()

    def soon(self, action: Callable[..., Any], *args: Any) -> bool:
        """Do an action on the loop's thread, at its next turn; tell whether there will be one."""
        try:
            self.loop.call_soon_threadsafe(action, *args)
        except RuntimeError:
            if self.loop.is_closed():
                return False
            raise
        return True


def _begun(begin: Callable[[], None], leave: Callable[[], None]) -> Callable[[], None]:
    try:
        begin()
    except BaseException:  # no thread is to be had, or Ctrl-C
        leave()
        raise
    return leave


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def as_error(who: str, error: BaseException) -> Exception:
    """Return what `on_error` may carry in place of the wish to leave the interpreter."""
    if isinstance(error, Exception):
        return error
    cancelled = RunCancelled(f"{who} raised {describe(error)}.")
    cancelled.__cause__ = error
    return cancelled


def _log_fault(fault: Exception) -> None:
    if isinstance(fault, RxAgentError):
        _log.error("a run failed, and its subscriber gave no on_error: %s", describe(fault))
    else:
        _log.error("a subscriber raised, so its run was disposed", exc_info=fault)
