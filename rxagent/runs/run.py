"""A run that goes on by itself, for as many as want to watch."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pickle import PicklingError
from types import TracebackType
from typing import Any, Literal, Never, Self, TypeAlias
from weakref import WeakSet

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, Disposable, SingleAssignmentDisposable

from ..arguments import several, shown
from ..errors import RunCancelled, describe
from ..events import Event, RunFailed
from ..frozen import thaw
from ..state import State, fold
from ..streams import PartialObserver, RunScheduler
from ..streams.each import pull
from ..streams.observe_on_run import serialize_on_run
from ..streams.open_work import OpenWork
from ..streams.process_end import disposing_with_loop
from ..streams.sink import Sink
from ..streams.stream import like, piped
from .broadcast import RunBroadcast, ViewerFault
from .buffers import Buffer, Overflow, buffer_for, check_since
from .outcome import Outcome
from .reader import Following, RunReader
from .replay import Keep, ReplayLog
from .viewer import DirectObserver, Drain, Viewer
from .viewer_pool import On, dispatch

__all__ = ["Run", "Status", "launch"]

Status: TypeAlias = Literal["running", "paused", "completed", "failed", "cancelled"]


def launch(
    source: Observable[Event],
    *,
    attach: Iterable[Any] = (),
    keep: Keep = "merged",
    before: State | None = None,
    scheduler: RunScheduler | None = None,
) -> "Run":
    """Start a stream of events as a run that owns it, and return at once.

    Args:
        source: The events; an agent's run, or any pipeline that ends in events.
        attach: Observers that are attached before the first event.
        keep: What those who come late are told of the past: ``"everything"``; ``"merged"``, where
            neighbouring pieces of a text are one; or ``"nothing"``.
        before: The state that the events continue; by default an empty one.
        home: Where it happens; by default on the running loop, else on the process's own.

    Raises:
        TypeError: There is nothing to start, or somebody who cannot watch; by the run's `on_error`
            when the stream emits what is no event.
    """
    if not isinstance(source, Observable):
        raise TypeError(f"launch takes a stream, as launch(agent(task)), not {shown(source)}.")
    attach = several("attach", attach, "observers")
    run = Run(source, keep, before or State(), scheduler or RunScheduler())
    for observer in attach:
        run.attach(observer)
    run._launch()
    return run


class Run(Observable[Event]):
    """A hot stream of events that owns the run it tells of.

    Those who watch come and go without an effect on it. One that comes late is told what has
    happened so far first; one that raises is detached and reported, and the run goes on.
    """

    def __init__(
        self, source: Observable[Event], keep: Keep, before: State, scheduler: RunScheduler
    ) -> None:
        super().__init__()
        if keep not in ("everything", "merged", "nothing"):
            raise ValueError(f"keep is 'everything', 'merged' or 'nothing', not {keep!r}.")
        self._source = source
        self._scheduler = scheduler
        self._replay_log = ReplayLog(before, keep)
        self._viewers: WeakSet[Viewer] = WeakSet()
        self._subscription = SingleAssignmentDisposable()
        self._outcome = Outcome(scheduler)
        self._broadcast = RunBroadcast(scheduler, self._replay_log, self._outcome.note_observed)
        self._unfinished = [None]
        self._work: OpenWork | None = None
        self._paused = False
        self._hold: abc.DisposableBase | None = None

    # The run's own life, on its loop's thread.

    def _launch(self) -> None:
        if self._outcome.ending is not None:  # its loop does not run
            return
        self._work = OpenWork("rxagent-run", self._scheduler.loop, self._leave, is_awaited=False)
        try:
            self._scheduler.spawn("rxagent-launch", self._arrive, self._lost)
        except RunCancelled as error:
            self._end(error)
        except KeyboardInterrupt:  # the run is handed to no one
            self._leave()
            raise

    def _leave(self) -> None:
        self.cancel("interrupted")

    async def _arrive(self) -> None:
        disposing_with_loop()
        self._scheduler.when_resumed(self._begin)

    def _lost(self) -> None:
        self._end(RunCancelled("The event loop was stopped."))

    def _begin(self) -> None:
        if self._outcome.ending is None:
            self._scheduler.owns(Disposable(), self._end)
            self._subscription.disposable = serialize_on_run(self._source).subscribe(
                _Inlet(self._outcome, self._broadcast, self._end), scheduler=self._scheduler
            )

    def _end(self, error: Exception | None) -> None:
        """Decide how the run has ended, unless that is decided, and finish it on its loop."""
        self._add_state(error)
        if self._outcome.claim(error):
            if error is not None:
                self._replay_log.fail(error)
            self._scheduler.post_or_run(self._finish)

    def _add_state(self, error: Exception | None) -> None:
        if isinstance(error, RunCancelled) and error.state is None and not self._outcome.decision:
            with suppress(Exception):  # of events that no state can be made of
                failed = RunFailed(type(error).__name__, describe(error))
                error.state = fold(self.state, failed)

    def _finish(self) -> None:
        try:
            self._unfinished.pop()
        except IndexError:
            return
        try:
            self.resume()
            self._subscription.dispose()
        except BaseException as fault:
            self._broadcast.report(self, fault)
        try:
            self._broadcast.end(self._outcome.error)
        finally:
            self._outcome.finish()
            if self._work is not None:
                self._work.close()

    def _end_if_stopped(self) -> None:
        """End the run here if its loop does not run any more."""
        if self._scheduler.is_stopped and not self._broadcast.ended:
            self._end(RunCancelled("The event loop of this run has stopped."))
            self._finish()

    # Watching

    def subscribe(
        self,
        on_next: Any = None,
        on_error: Callable[[Exception], Any] | None = None,
        on_completed: Callable[[], Any] | None = None,
        *,
        scheduler: abc.SchedulerBase | None = None,
    ) -> abc.DisposableBase:
        """Tell an observer of everything at the moment it happens; it must never block.

        Args:
            on_next: A function of an event, or anything with some of on_next, on_error and
                on_completed.
            on_error: Told what ended the run without an answer.
            on_completed: Told that the run has ended well.
            scheduler: Not needed, since a run has a home; while that of another run is held, so is
                this one.

        Returns:
            What detaches it when disposed.
        """
        observer = DirectObserver.of(on_next, on_error, on_completed)
        run_scheduler = getattr(scheduler, "run_scheduler", None)
        if (
            isinstance(run_scheduler, RunScheduler)
            and run_scheduler.blocked is self._scheduler.loop
        ):
            raise RuntimeError("This loop runs the run, so it cannot wait. Write `async for`.")
        self._end_if_stopped()
        self._broadcast.admit_direct(observer)
        if (
            isinstance(run_scheduler, RunScheduler)
            and run_scheduler is not self._scheduler
            and not self._broadcast.ended
        ):
            return CompositeDisposable(observer, run_scheduler.follows(self._scheduler))
        return observer

    def attach(
        self,
        watching: Any,
        *,
        buffer: int = 1024,
        overflow: Overflow = "merge",
        since: int = 0,
        on: On = "thread",
    ) -> Viewer:
        """Let an observer watch at its own pace, which is not the run's.

        Args:
            watching: A function of an event, or anything with some of on_next, on_error and
                on_completed.
            buffer: How many events may wait for it before anything is done about it.
            overflow: What is done then. ``"merge"``: pieces of one text become one, which loses
                nothing. ``"block"``: the run is held until the half has been told. ``"fail"``: it
                is told BufferOverflow, and detached. ``"drop_oldest"``: the pieces that have
                waited longest are lost; usage, tools and the end never are.
            since: The number of the first event it is told, as `Stamped.seq` counts them.
            on: Where it is told: on a ``"thread"``, or on the run's ``"loop"``, where it must not
                block.

        Returns:
            What detaches it when disposed, and tells how it fares.
        """
        if watching is None:
            raise TypeError("None cannot watch a run.")
        observer = PartialObserver.of(watching)
        waiting = self._buffer(buffer, overflow, since)
        viewer = Viewer(observer, waiting, dispatch(on, self._scheduler), self._broadcast.report)
        self._end_if_stopped()
        self._broadcast.admit(viewer, since)
        self._scheduler.post_or_run(self._viewers.add, viewer)
        return viewer

    def drain(self, timeout: float | None = None) -> None:
        """Block until all that were attached have been told what has happened by now.

        They have a pace of their own, so the run may have ended before they are told of its end;
        nobody else waits for them.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: Some are not that far yet; they go on.
            RuntimeError: This thread cannot wait, since it does the work.
        """
        self._outcome.refuse_own_thread("`await asyncio.to_thread(run.drain)`")
        self._end_if_stopped()
        drain = Drain()
        self._scheduler.post_or_run(lambda: drain.begin(list(self._viewers)))
        drain.wait(timeout, lambda: self._scheduler.is_stopped and not self._broadcast.ended)

    def follow(
        self, *, buffer: int = 1024, overflow: Overflow = "merge", since: int = 0
    ) -> Following:
        """Return what an `async for` can loop over, on the running loop; arguments as `attach`.

        A `for` or an `async for` over the run itself follows it from the beginning.
        """
        waiting = self._buffer(buffer, overflow, since)
        self._end_if_stopped()
        return Following(
            partial(RunReader, waiting, self._end_if_stopped),
            lambda reader: self._broadcast.admit(reader, since),
        )

    def __iter__(self) -> Iterator[Event]:
        self._outcome.refuse_own_thread("`async for`")
        waiting = self._buffer(1024, "merge", 0)
        self._end_if_stopped()
        try:
            yield from pull(
                partial(RunReader, waiting, self._end_if_stopped),
                lambda reader: self._broadcast.admit(reader, 0),
            )
        except KeyboardInterrupt:
            self.cancel("interrupted")
            raise

    def __aiter__(self) -> AsyncIterator[Event]:
        return self.follow()

    def _buffer(self, buffer: int, overflow: Overflow, since: int) -> Buffer:
        check_since(since, len(self._replay_log))
        waiting = buffer_for(overflow, buffer, self._scheduler)
        waiting.seq = since
        return waiting

    @like(Observable.pipe)
    def pipe(self, *operators: Callable[[Any], Any]) -> Any:
        """Return what operators make of the run, one after the other."""
        return piped(super().pipe(*operators))

    @property
    def faults(self) -> Observable[ViewerFault]:
        """What its viewers have raised, from the beginning."""
        return self._broadcast.faults

    # Owning

    @property
    def seq(self) -> int:
        """How many events there were so far; as `since`, it leaves out all of them."""
        return len(self._replay_log)

    @property
    def status(self) -> Status:
        """How the run is."""
        return self._outcome.ending or ("paused" if self._paused else "running")

    @property
    def state(self) -> State:
        """What the run has come to so far; safe on any thread, at any time."""
        return self._replay_log.state

    def pause(self) -> None:
        """Let the run stand still: no chunk is read, no tool starts, no time-out runs.

        It takes effect at the next turn of the run's queue. A run that was started on the running
        loop has emitted nothing then, and emits nothing; on another thread, what is happening
        meanwhile is still emitted. A script whose run is paused goes on to wait for it.
        """
        self._paused = True
        self._scheduler.post(self._obey)

    def resume(self) -> None:
        """Let the run go on."""
        self._paused = False
        self._scheduler.post(self._obey)

    def _obey(self) -> None:
        paused = self._paused and self._outcome.ending is None
        if paused and self._hold is None:
            self._hold = self._scheduler.hold()
        elif not paused and self._hold is not None:
            self._hold.dispose()
            self._hold = None

    def cancel(self, reason: str = "") -> None:
        """End the run, down to the request it waits for; its observers get RunCancelled.

        Status and result are decided when this returns, on whatever thread and in whatever signal
        handler it is called; what the run has opened is closed on its loop.
        """
        why = f": {reason}" if reason else "."
        error = RunCancelled(f"The run was cancelled{why}", reason=reason)
        if self._broadcast.ended:
            return
        self._add_state(error)
        try:
            if self._outcome.claim(error):
                self._replay_log.fail(error)
        finally:  # also for a cancel that was interrupted
            self._outcome.finish()
            self._scheduler.post_or_run(self._finish)

    def result(self, timeout: float | None = None) -> Any:
        """Block until the run has ended, and return the answer's value.

        Ctrl-C while waiting cancels the run.

        Args:
            timeout: Seconds to wait at most; the run goes on when they are over.

        Raises:
            TimeoutError: The time is over.
            RuntimeError: This thread cannot wait, since it does the work.
            RxAgentError: What ended the run without an answer.
        """
        try:
            if not self._outcome.wait(timeout):
                self._end_if_stopped()
        except KeyboardInterrupt:
            self.cancel("interrupted")
            raise
        return self._answer()

    def _answer(self) -> Any:
        self._outcome.raise_error()
        return thaw(self.state.answer)

    def run(self, scheduler: abc.SchedulerBase | None = None) -> Any:
        """Block until the run has ended, and return the answer's value, as `result` does."""
        return self.result()

    async def wait(self) -> Any:
        """Wait for the answer's value; the run goes on when the wait is cancelled.

        `await run` owns the run instead, as awaiting a task does.

        Raises:
            RxAgentError: What ended the run without an answer.
        """
        if not await self._outcome.come():
            self._end_if_stopped()
        return self._answer()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._owned().__await__()

    async def _owned(self) -> Any:
        try:
            return await self.wait()
        except (asyncio.CancelledError, GeneratorExit):
            self.cancel("its awaiting task was cancelled")
            raise

    def __reduce__(self) -> Never:
        raise PicklingError(
            "A run stays in its process. Send run.state, or a list of its events; "
            "the agent can be sent, too."
        )

    def __repr__(self) -> str:
        return f"<Run: {self.status}, {self.seq:,} events>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel("left")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel("left")


class _Inlet(Sink[Event, Event]):
    """Observes the source of a run, for as long as its end is open."""

    __slots__ = ("_broadcast", "_decision", "_end")

    def __init__(
        self,
        outcome: Outcome,
        broadcast: RunBroadcast,
        end: Callable[[Exception | None], None],
    ) -> None:
        super().__init__(self)
        self._decision = outcome.decision
        self._broadcast = broadcast
        self._end = end

    def on_next(self, value: Event) -> None:
        if not self._decision:
            self._broadcast.tell(value)

    def on_error(self, error: Exception) -> None:
        self._end(error)

    def on_completed(self) -> None:
        self._end(None)
