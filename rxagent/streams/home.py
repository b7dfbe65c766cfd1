"""The home of a run: its gate, loop, context, clock and valve, in one scheduler."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from reactivex import Observable, abc, typing
from reactivex.disposable import CompositeDisposable, Disposable, SingleAssignmentDisposable
from reactivex.scheduler.periodicscheduler import PeriodicScheduler

from ..errors import RunCancelled, RxAgentError, describe
from .loop import closing, daemon_loop, leaving, opening
from .workers import WORKERS

__all__ = ["Home", "as_error", "at_home"]

_T = TypeVar("_T")

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
        self._timers: dict[_Timer, None] = {}  # in their order, which a set would forget
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
        errand = _Errand(self, what, work, lost)
        errand.begin()
        return Disposable(errand.dispose)

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
        timer = _Timer(self, self.to_seconds(duetime), lambda: self._act(result, action, state))
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


class _Errand:
    """A task on the loop, from its asking to its end."""

    def __init__(
        self,
        home: Home,
        what: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        lost: Callable[[], None],
    ) -> None:
        self._home = home
        self._what = what
        self._work = work
        self._lost = lost
        self._task: asyncio.Task[None] | None = None
        self._disposed = False
        self._ticket = opening(what, home.loop, self.dispose)

    def begin(self) -> None:
        if self._home.is_here:
            self._start()
        elif not self._home.soon(self._start):
            closing(self._ticket)
            raise RunCancelled("The event loop of this run is closed.")

    def _start(self) -> None:
        if self._disposed:
            closing(self._ticket)
            return
        self._task = self._home.loop.create_task(
            self._work(), name=self._what, context=self._home.context.copy()
        )
        self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        closing(self._ticket)
        if task.cancelled():
            if not self._disposed:
                self._lost()
        elif (fault := task.exception()) is not None:
            self._home.loop.call_exception_handler(
                {"message": f"{self._what} failed", "exception": fault, "task": task}
            )

    def dispose(self) -> None:
        if self._disposed:
            return
        self._disposed = True
        if self._home.is_here:
            self._cancel()
        elif not self._home.soon(self._cancel):
            closing(self._ticket)

    def _cancel(self) -> None:
        # A cancelled task would cut short the first thing that its `finally` blocks await.
        if self._task is not None and self._task is not asyncio.current_task(self._home.loop):
            self._task.cancel()


class _Timer(abc.DisposableBase):
    """A time-out of a run; it stands still while the run is held."""

    def __init__(self, home: Home, seconds: float, action: Callable[[], None]) -> None:
        self._home = home
        self._left = max(0.0, seconds)
        self._due: float | None = None
        self._action = action
        self._handle: asyncio.TimerHandle | None = None
        self._ticket = opening("timer", home.loop, self.dispose)
        home._timers[self] = None

    def start(self) -> None:
        if not self._home.is_held:
            self._due = self._home.loop.time() + self._left
            self._on_loop(self._arm)

    def stop(self) -> None:
        if self._due is not None:
            self._left = max(0.0, self._due - self._home.loop.time())
            self._due = None
            self._on_loop(self._disarm)

    def dispose(self) -> None:
        self._home._timers.pop(self, None)
        closing(self._ticket)
        self._on_loop(self._disarm)

    def _on_loop(self, action: Callable[[], None]) -> None:
        if self._home.is_here:
            action()
        else:
            self._home.soon(action)

    def _arm(self) -> None:
        self._disarm()
        if self in self._home._timers and self._due is not None:
            self._handle = self._home.loop.call_at(
                self._due, self._home.gate, self._fire, context=self._home.context.copy()
            )

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        if self in self._home._timers and not self._home.is_held:
            self._home._timers.pop(self, None)
            try:
                self._action()
            finally:
                closing(self._ticket)


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


def at_home(source: Observable[_T]) -> Observable[_T]:
    """Give every subscription of a source a home of its own, unless it comes with one.

    It begins on the home's loop, so subscribing returns before the first item, unless it is
    subscribed from within a run, whose part it then is. When a subscriber of such a run raises,
    the run is disposed and the fault is logged.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        home = Home.of(scheduler)
        if home.is_inside:
            return source.subscribe(observer, scheduler=home)
        subscription = SingleAssignmentDisposable()
        if home is not scheduler:
            home.owns(subscription)
        ticket = opening("rxagent-run", home.loop, subscription.dispose)

        def begin() -> None:
            if not subscription.is_disposed:
                subscription.disposable = source.subscribe(observer, scheduler=home)
            # What this has set going notes itself in the gate, which is passed by then.
            if not home.soon(closing, ticket):
                closing(ticket)

        if not home.soon(home.gate, begin):
            closing(ticket)
            raise RunCancelled("The event loop of this run is closed.")
        return subscription

    return Observable(subscribe)
