"""The scheduler of a run: its queue, clock, tasks and workers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any, Self

from reactivex import abc, typing
from reactivex.disposable import CompositeDisposable, Disposable, SingleAssignmentDisposable
from reactivex.scheduler import VirtualTimeScheduler
from reactivex.scheduler.periodicscheduler import PeriodicScheduler

from .holds import HeldQueue
from .job import tick
from .loop_task import LoopTask, LoopTimer
from .nesting import knowing_its_job
from .open_work import OpenWork
from .scope import WHOLE_RUN, Scope
from .silence import Requests
from .workers import WORKERS, Workers

__all__ = ["ActionScheduler", "RunScheduler"]


def _nothing() -> None:
    pass


class ActionScheduler(PeriodicScheduler):
    """A scheduler that runs its actions by `run_serialized`."""

    def run_serialized(self, action: Callable[..., Any], *args: Any) -> None:
        """Run an action after those that were scheduled before it."""
        raise NotImplementedError

    def schedule(
        self, action: typing.ScheduledAction[Any], state: Any = None
    ) -> abc.DisposableBase:
        """Run an action after those that were scheduled before it."""
        result = SingleAssignmentDisposable()
        self.run_serialized(self._act, result, action, state)
        return result

    def schedule_absolute(
        self,
        duetime: typing.AbsoluteTime,
        action: typing.ScheduledAction[Any],
        state: Any = None,
    ) -> abc.DisposableBase:
        """Run an action at a point of time."""
        return self.schedule_relative(self.to_datetime(duetime) - self.now, action, state)

    def _act(
        self,
        result: SingleAssignmentDisposable,
        action: typing.ScheduledAction[Any],
        state: Any,
    ) -> None:
        if not result.is_disposed:
            result.disposable = self.invoke_action(action, state)


class RunScheduler(HeldQueue, ActionScheduler):
    """Run the actions of one run: on its loop's thread, in its context, one after the other.

    It is passed as the scheduler at subscribe, so every source, tool and timed operator of a run
    gets it.

    Args:
        loop: The asyncio loop of the run; by default the one running in this thread, else the
            process's own.
        clock: Another scheduler, which keeps the time; by default the loop does.
    """

    __slots__ = ("requests", "scope")  # all else is shared with the schedulers of its parts

    requests: Requests
    """The requests that are being prepared in this part of the run."""

    scope: Scope
    """The part of the run in which this scheduler is passed on."""

    can_wait = True
    """Whether the jobs of this run may block their thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        clock: abc.SchedulerBase | None = None,
    ) -> None:
        super().__init__(loop)
        self.blocked: asyncio.AbstractEventLoop | None = None
        """The loop whose thread blocks for this run, so that it can run nothing for it."""
        self.scope = WHOLE_RUN
        self.requests = Requests()
        self.questions: dict[str, Any] = {}
        """The questions that wait for a decision, by their ids."""
        self.questions_by_call: dict[str, str] = {}
        """The id of the question about each call; empty for the id of several calls."""
        self._born = tick()
        self._clock = clock
        self._held_at: float | None = None
        self._held_for = 0.0
        self._timers: dict[LoopTimer, None] = {}  # in order, which a set would not keep

    @classmethod
    def of(cls, scheduler: abc.SchedulerBase | None) -> RunScheduler:
        """Return the run scheduler of a scheduler, or a new one that uses its clock."""
        run_scheduler = getattr(scheduler, "run_scheduler", None)
        return run_scheduler if isinstance(run_scheduler, RunScheduler) else cls(clock=scheduler)

    def is_of(self, scheduler: abc.SchedulerBase | None) -> bool:
        """Return whether a scheduler belongs to this one, so that `of` has not made a new one."""
        return getattr(scheduler, "run_scheduler", None) is self

    def beside(self) -> Self:
        """Return a scheduler of the same kind, loop and clock, not held when this one is."""
        beside = object.__new__(type(self))  # a kind with attributes of its own adds them
        RunScheduler.__init__(beside, self.loop, self._clock)
        return beside

    def within(self, scope: Scope) -> Self:
        """Return the same scheduler for a part of its run: it shares everything but its scope."""
        part = self._part()
        part.scope = scope
        return part

    def apart(self) -> Self:
        """Return the same scheduler for a part of its run that has a silence of its own.

        What it was asked for elsewhere in the run does not stop its clock.
        """
        part = self._part()
        part.requests = Requests(self.requests)
        return part

    def _part(self) -> Self:
        part = object.__new__(type(self))
        part.__dict__ = self.__dict__
        part.scope, part.requests = self.scope, self.requests
        return part

    def is_same_run(self, other: RunScheduler) -> bool:
        """Return whether another scheduler is of the same run, perhaps for a part of it."""
        return self.identity is other.identity

    @property
    def is_moved_by_hand(self) -> bool:
        """Whether its time passes only while the program says so, as virtual time does."""
        return isinstance(self._clock, VirtualTimeScheduler) or not self.can_wait

    @property
    def run_scheduler(self) -> RunScheduler:
        """This scheduler; schedulers that belong to a run have the same attribute."""
        return self

    # The loop and the workers

    def spawn(
        self,
        what: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        lost: Callable[[], None] = _nothing,
        *,
        is_watched: bool = False,
    ) -> abc.DisposableBase:
        """Run a coroutine function as a task on the loop; disposing cancels the task.

        A task that disposes itself is not cancelled: it goes on to its own end. When other code
        cancels it, as the end of `asyncio.run` does, `lost` is called. `cancels_itself` returns
        whether a watched task was cancelled by its own code.
        """
        task = LoopTask(self, what, work, lost, is_watched)
        task.begin()
        return task

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
            what: The kind of work, for `open_work`.
            job: The job; it runs in the run's context.
            dispose: Called when the script ends before the job.
            refused: Called on any thread if the pool is exhausted before the job has begun.
            workers: The pool; by default the one that the process shares.
            name: The job's name in logs.

        Raises:
            PoolExhausted: Too many stopped jobs of the pool have not returned.

        Returns:
            A function that stops waiting for the job.
        """
        run, noted = self._noted(what, partial(knowing_its_job, job), dispose)
        begun: list[bool] = []
        pool = workers or WORKERS

        def work() -> None:
            begun.append(True)
            run()

        with noted.closing_on_error():
            submitted = pool.submit(work, name, refused, self._born)
        noted.is_idle = lambda: self.is_held or pool.is_idle(submitted)

        def leave() -> None:
            submitted.abandon()
            (noted.detach if begun else noted.close)()

        return leave

    def thread(
        self,
        what: str,
        job: Callable[[], None],
        dispose: Callable[[], None],
        refused: Callable[[Exception], object] | None = None,
    ) -> Callable[[], None]:
        """Run a job, which must not raise, on a thread of its own; otherwise like `work`."""
        run, noted = self._noted(what, job, dispose)
        with noted.closing_on_error():
            threading.Thread(target=run, name=what, daemon=True).start()
        return noted.detach

    def _noted(
        self, what: str, job: Callable[[], None], dispose: Callable[[], None]
    ) -> tuple[Callable[[], None], OpenWork]:
        noted = OpenWork(what, self.loop, dispose, is_idle=lambda: self.is_held)
        context = self.context.copy()

        def run() -> None:
            try:
                context.run(job)
            finally:
                self.close_later(noted)

        return run, noted

    # The clock

    @property
    def now(self) -> datetime:
        """The time, in UTC."""
        return self._clock.now if self._clock else super().now

    def time(self) -> float:
        """Return the seconds that have passed, without those in which the run was held."""
        if self._clock is not None:
            return self._clock.now.timestamp()
        return (self.loop.time() if self._held_at is None else self._held_at) - self._held_for

    def shared_time(self) -> float:
        """Return the seconds that have passed, for what runs share: holds do not stop it."""
        return self.loop.time() if self._clock is None else self._clock.now.timestamp()

    def schedule_relative(
        self,
        duetime: typing.RelativeTime,
        action: typing.ScheduledAction[Any],
        state: Any = None,
    ) -> abc.DisposableBase:
        """Run an action after some seconds, during which the run was not held."""
        result = SingleAssignmentDisposable()
        if self._clock is not None:
            return CompositeDisposable(
                self._clocked(self._clock, duetime, partial(self._act, result, action, state)),
                result,
            )
        seconds = self.to_seconds(duetime)
        timer = LoopTimer(self, self._timers, seconds, lambda: self._act(result, action, state))
        timer.start()
        return CompositeDisposable(timer, result)

    def _clocked(
        self, clock: abc.SchedulerBase, duetime: typing.RelativeTime, action: Callable[[], None]
    ) -> abc.DisposableBase:
        timer = SingleAssignmentDisposable()

        def due(_: abc.SchedulerBase, __: Any = None) -> None:
            self.run_serialized(action)

        def start() -> None:
            try:
                timer.disposable = clock.schedule_relative(duetime, due)
            except BaseException as error:
                self.fail(error)

        if isinstance(clock, VirtualTimeScheduler):  # it has no thread of its own, and never sleeps
            start()
            return timer
        return CompositeDisposable(
            timer, Disposable(self.work("rxagent-clock", start, timer.dispose))
        )

    # Silence

    def preparing(self) -> abc.DisposableBase:
        """Note that a source of this part prepares a request; dispose the result at sending."""
        request = object()
        self.requests.begin(request)
        return Disposable(lambda: self.requests.sent(request, self.time()))

    def silent_since(self, latest: float) -> float:
        """Return since when a source of this part is silent, as `Requests.silent_since` does."""
        return self.requests.silent_since(latest, self.time())

    # Holding the run

    def on_held(self) -> None:
        """Stop the clock of the run, and its timers."""
        self._held_at = self.loop.time()
        for timer in tuple(self._timers):
            timer.stop()

    def on_resumed(self) -> None:
        """Let the clock of the run go on, and its timers."""
        if self._held_at is not None:
            self._held_for += self.loop.time() - self._held_at
            self._held_at = None
        for timer in tuple(self._timers):
            timer.start()
