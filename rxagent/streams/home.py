"""The home of a run: its queue, loop, context, clock and valve, in one scheduler.

.. code-block:: text

    loop thread    gate(action) ─────────────▶ drain: actions in order, in the run's context
    other threads  gate(action) ─▶ queue ─▶ wake the loop ─▶ drain
    anywhere       post(action) ─▶ queue ─▶ wake the loop ─▶ drain
"""

import asyncio
import logging
import threading
from asyncio import _get_running_loop
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import datetime
from functools import partial
from math import inf
from threading import get_ident
from typing import Any

from reactivex import abc, typing
from reactivex.disposable import CompositeDisposable, Disposable, SingleAssignmentDisposable
from reactivex.scheduler import VirtualTimeScheduler
from reactivex.scheduler.periodicscheduler import PeriodicScheduler

from ..arguments import shown
from ..errors import RunCancelled, RxAgentError, describe
from ..printable import one_line
from .errand import Errand
from .loop import closing, daemon_loop, is_daemon_loop, leaving, opening, process_generation
from .nesting import knowing_its_job
from .pace import Pace
from .timer import Timer
from .workers import WORKERS, Workers

__all__ = ["Home", "as_error", "behind", "is_main_thread", "log_fault"]

_log = logging.getLogger("rxagent")


def _nothing() -> None:
    pass


class Home(PeriodicScheduler):
    """Where one run happens: on its loop's thread, in its context, one action after the other.

    It is passed as the scheduler at subscribe, so every source, tool and timed operator of a run
    finds it without looking.

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
        self.loop = loop or _get_running_loop() or daemon_loop()
        self.context = copy_context()
        self.blocked: asyncio.AbstractEventLoop | None = None
        """The loop whose thread blocks for what happens here; nothing can come from there."""
        self._clock = clock
        self._queue: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._ended: deque[int] = deque()  # tickets of work that has ended
        self.inside: int | None = None
        """The thread that is running an action of the run: the loop's, or none."""
        self._woken = False
        self._pace = Pace.of(self.loop)
        self._process = process_generation()
        self._holds = 0
        self._held: list[Callable[[], Any]] = []
        self._held_at: float | None = None
        self._stood = 0.0
        self._followed: dict[Home, abc.DisposableBase | None] = {}
        self._timers: dict[Timer, None] = {}  # in their order, which a set would forget
        self._preparing: set[object] = set()
        self._sent_at = -inf
        self._owned: abc.DisposableBase = Disposable()
        self._on_fault: Callable[[Exception], None] = log_fault

    @classmethod
    def of(cls, scheduler: abc.SchedulerBase | None) -> "Home":
        """Return the home that a scheduler belongs to, or a new one that keeps its time."""
        home = getattr(scheduler, "home", None)
        return home if isinstance(home, Home) else cls(clock=scheduler)

    def is_of(self, scheduler: abc.SchedulerBase | None) -> bool:
        """Whether a scheduler belongs to this home, which was not made for it then."""
        return getattr(scheduler, "home", None) is self

    @property
    def home(self) -> "Home":
        """This home; schedulers that belong to one have the same attribute."""
        return self

    # The queue

    def gate(self, action: Callable[..., Any], *args: Any) -> None:
        """Run an action on the run's loop thread, in order of arrival.

        On that thread it runs at once, unless another one is running; elsewhere it is queued, and
        the loop is woken. Never blocks. What it raises ends the run.
        """
        if self.inside is not None or not self.is_here:
            self.post(action, *args)
        elif self._queue:
            self._queue.append((action, args))
            self.context.run(self._drain)
        else:
            self.context.run(self._drain, action, args)

    def post(self, action: Callable[..., Any], *args: Any) -> bool:
        """Queue an action for the loop's thread; return whether it may still come to run.

        It never runs before this returns, so this is safe in a finaliser, in a signal handler and
        on a deep stack. An interrupt meanwhile loses nothing.
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
        if self.soon(self._arrive):
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
                    try:
                        action(*args)
                    except BaseException as fault:
                        self._fault(fault)
                if not queue:
                    if self._ended:
                        self._close_all()
                    return
                if self._pace.spent:
                    return
                action, args = queue.popleft()
        finally:
            self.inside = None
            if queue and not self._woken:
                self._woken = True
                self.loop.call_soon(self._arrive)

    def ended(self, ticket: int) -> None:
        """Note that some work has ended, once all that it has queued has run.

        Until then a script that waits for its runs must not end.
        """
        self._ended.append(ticket)
        self.gate(_nothing)
        if self.is_lost:
            self._close_all()

    def _close_all(self) -> None:
        while self._ended:
            try:
                ticket = self._ended.popleft()
            except IndexError:
                return
            closing(ticket)

    def must_wait(self) -> bool:
        """Return whether actions are queued, or the run is held: nothing may be emitted now."""
        return bool(self._queue) or self._holds > 0

    @property
    def is_busy(self) -> bool:
        """Whether actions are queued that have not run yet."""
        return bool(self._queue)

    @property
    def is_spent(self) -> bool:
        """Whether the time of this turn of the loop is used up, so others must come first."""
        return self._pace.spent

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
        """Whether the loop does not run, so that nothing of the run goes on."""
        return self.is_lost or not (is_daemon_loop(self.loop) or self.loop.is_running())

    def owns(
        self, run: abc.DisposableBase, on_fault: Callable[[Exception], None] | None = None
    ) -> None:
        """Dispose this run when something in it raises past its observers, then call `on_fault`.

        By default the fault is logged.
        """
        self._owned = run
        self._on_fault = on_fault or log_fault

    def fail(self, raised: BaseException) -> None:
        """End the run with what was raised in it; on any thread."""
        self.gate(self._fault, raised)

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

    # The loop and the workers

    @property
    def is_here(self) -> bool:
        """Whether we are on the thread of the run's loop."""
        return _get_running_loop() is self.loop

    def spawn(
        self,
        what: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        lost: Callable[[], None] = _nothing,
        *,
        is_watched: bool = False,
    ) -> abc.DisposableBase:
        """Run a coroutine function as a task on the loop; disposing cancels the task.

        A task that disposes itself is not cancelled: it goes on to its own end. When anybody else
        cancels it, as the end of `asyncio.run` does, `lost` is called. One that is watched knows
        by `cancels_itself` that its own code did.
        """
        errand = Errand(self, what, work, lost, is_watched)
        errand.begin()
        return errand

    def work(
        self,
        what: str,
        job: Callable[[], None],
        dispose: Callable[[], None],
        refused: Callable[[Exception], object] | None = None,
        *,
        workers: Workers | None = None,
        name: object = "a job",
    ) -> Callable[[], None]:
        """Run a job, which must not raise, on a worker of a pool.

        Args:
            what: The kind of work, among what is open.
            job: What runs, in the run's context.
            dispose: Called when the script ends before the job.
            refused: Called on any thread if the pool is exhausted before the job has begun.
            workers: The pool; by default the one that the process shares.
            name: The job's name in logs.

        Raises:
            PoolExhausted: Too many stopped jobs of the pool have not returned.

        Returns:
            What says that the job is not waited for any more.
        """
        run, ticket = self._noted(what, partial(knowing_its_job, job), dispose)
        begun: list[bool] = []

        def work() -> None:
            begun.append(True)
            run()

        with _closing_if_refused(ticket):
            submitted = (workers or WORKERS).submit(work, name, refused)

        def leave() -> None:
            submitted.abandon()
            (leaving if begun else closing)(ticket)

        return leave

    def thread(
        self,
        what: str,
        job: Callable[[], None],
        dispose: Callable[[], None],
        refused: Callable[[Exception], object] | None = None,
    ) -> Callable[[], None]:
        """Run a job, which must not raise, on a thread of its own; returns what `work` does."""
        run, ticket = self._noted(what, job, dispose)
        with _closing_if_refused(ticket):
            threading.Thread(target=run, name=what, daemon=True).start()
        return partial(leaving, ticket)

    def _noted(
        self, what: str, job: Callable[[], None], dispose: Callable[[], None]
    ) -> tuple[Callable[[], None], int]:
        ticket = opening(what, self.loop, dispose)
        context = self.context.copy()

        def run() -> None:
            try:
                context.run(job)
            finally:
                self.ended(ticket)

        return run, ticket

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
        """Run an action on the loop's thread, after those that are queued."""
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
            return CompositeDisposable(
                self._clocked(self._clock, duetime, partial(self._act, result, action, state)),
                result,
            )
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

    def _clocked(
        self, clock: abc.SchedulerBase, duetime: typing.RelativeTime, action: Callable[[], None]
    ) -> abc.DisposableBase:
        asked = SingleAssignmentDisposable()

        def due(_: abc.SchedulerBase, __: Any = None) -> None:
            self.gate(action)

        def ask() -> None:
            try:
                asked.disposable = clock.schedule_relative(duetime, due)
            except BaseException as error:
                self.fail(error)

        if isinstance(clock, VirtualTimeScheduler):  # it has no thread of its own, and never sleeps
            ask()
            return asked
        return CompositeDisposable(
            asked, Disposable(self.work("rxagent-clock", ask, asked.dispose))
        )

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
        """Whether the run is held: no chunk is read, no tool starts, no timer runs."""
        return self._holds > 0

    def hold(self) -> abc.DisposableBase:
        """Hold the run until what is returned is disposed; at once, within an action of the run."""
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
            for other in self._followed:
                self._followed[other] = other.hold()

    def _let_go(self) -> None:
        self._holds -= 1
        if self._holds == 0 and self._held_at is not None:
            self._stood += self.loop.time() - self._held_at
            self._held_at = None
            for timer in tuple(self._timers):
                timer.start()
            for other in self._followed:
                self._release(other)
            held, self._held = self._held, []
            for action in held:
                self.gate(action)

    def follows(self, other: "Home") -> abc.DisposableBase:
        """Hold another home whenever this one is held, until what is returned is disposed."""
        self.gate(self._follow, other)
        return Disposable(lambda: self.gate(self._unfollow, other))

    def _follow(self, other: "Home") -> None:
        self._followed[other] = other.hold() if self._holds else None

    def _unfollow(self, other: "Home") -> None:
        self._release(other)
        self._followed.pop(other, None)

    def _release(self, other: "Home") -> None:
        hold = self._followed.get(other)
        self._followed[other] = None
        if hold is not None:
            hold.dispose()

    def when_open(self, action: Callable[[], Any]) -> None:
        """Run an action on the loop's thread once the run is not held."""
        self.gate(lambda: self._held.append(action) if self._holds else action())

    async def opened(self) -> None:
        """Wait until the actions that are queued by now have run, and the run is not held."""
        while self.must_wait():
            opened = asyncio.Event()
            self.when_open(partial(self.soon, opened.set))
            await opened.wait()
            if not self._holds:  # what others have queued meanwhile comes after us
                return

    def soon(self, action: Callable[..., Any], *args: Any) -> bool:
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


@contextmanager
def _closing_if_refused(ticket: int) -> Iterator[None]:
    try:
        yield
    except BaseException:  # no thread is to be had, or Ctrl-C
        closing(ticket)
        raise


def is_main_thread() -> bool:
    """Whether this thread is the one that Ctrl-C interrupts."""
    return threading.current_thread() is threading.main_thread()


def as_error(who: str, error: Any) -> Exception:
    """Return an Exception that `on_error` may carry in place of anything else."""
    if isinstance(error, Exception):
        return error
    if not isinstance(error, BaseException):
        return TypeError(f"on_error takes an exception, not {shown(error)}.")
    cancelled = RunCancelled(f"{who} raised {describe(error)}.")
    cancelled.__cause__ = error
    return cancelled


def behind(error: Exception) -> BaseException:
    """Return the BaseException in whose place `as_error` has put an error; else the error."""
    cause = error.__cause__ if isinstance(error, RunCancelled) else None
    return error if cause is None or isinstance(cause, Exception) else cause


def log_fault(fault: Exception) -> None:
    """Log what ended a run whose subscriber cannot hear of it."""
    if isinstance(fault, RxAgentError):
        _log.error(
            "a run failed, and its subscriber gave no on_error: %s", one_line(describe(fault))
        )
    else:
        _log.error("a subscriber raised, so its run was disposed", exc_info=fault)
