"""A run: a stream that goes on by itself, for any number of observers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from typing import Any
from weakref import WeakSet

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable

from ..arguments import several, shown
from ..attributes import OF_RUNS, advised
from ..decisions import Allow, Decision, Deny, check_decision
from ..errors import NotAsked
from ..events import ApprovalAsked, Event
from ..messages import ToolCall
from ..state import State
from ..streams import PartialObserver, RunScheduler
from ..streams.each import pull
from ..streams.here_scheduler import subscribing_here
from ..streams.scoping import JoinedStream
from ..streams.stream import like, piped
from .beside import Beside, LettingGo
from .broadcast import ViewerFault
from .buffers import Buffer, Overflow, buffer_for, check_since
from .event_log import Keep
from .inbox import Inbox
from .lifecycle import Lifecycle
from .questions import find_question
from .run_reader import Following, RunReader
from .viewer import DirectObserver, Drain, Viewer
from .viewer_pool import On, dispatch

__all__ = ["Run", "launch"]


def launch(
    source: Observable[Event],
    *,
    attach: Iterable[Any] = (),
    keep: Keep = "merged",
    before: State | None = None,
    scheduler: RunScheduler | None = None,
    inbox: Inbox | None = None,
) -> Run:
    """Start a stream of events as a run that owns it, and return at once.

    Args:
        source: The events; an agent's run, or any pipeline that ends in events.
        attach: Observers that are attached before the first event.
        keep: What late observers get of the past: ``"everything"``; ``"merged"``, in which
            neighbouring pieces of a text are one; or ``"nothing"``.
        before: The state that the events continue; by default an empty one.
        scheduler: Where the run happens; by default on the running loop, else on the process's
            own.
        inbox: What `run.say` adds to, and the agent of the stream reads; by default the run takes
            no messages.

    Raises:
        TypeError: `source` is no stream, or one of `attach` cannot observe; by the run's
            `on_error` when the stream emits something that is no event.
    """
    if not isinstance(source, Observable):
        raise TypeError(f"launch takes a stream, as launch(agent(task)), not {shown(source)}.")
    attach = several("attach", attach, "observers")
    run = Run(source, keep, before or State(), scheduler or RunScheduler(), inbox)
    for observer in attach:
        run.attach(observer)
    run._launch()
    return run


@advised(OF_RUNS)
class Run(Lifecycle):
    """A hot stream of events that owns the run whose events it emits.

    Observers come and go without an effect on the run. A late one first gets a replay; one that
    raises is detached, its error is logged, and the run goes on.
    """

    def __init__(
        self,
        source: Observable[Event],
        keep: Keep,
        before: State,
        scheduler: RunScheduler,
        inbox: Inbox | None = None,
    ) -> None:
        super().__init__(source, keep, before, scheduler, inbox)
        self._viewers: WeakSet[Viewer] = WeakSet()

    def subscribe(
        self,
        on_next: Any = None,
        on_error: Callable[[Exception], Any] | None = None,
        on_completed: Callable[[], Any] | None = None,
        *,
        scheduler: abc.SchedulerBase | None = None,
    ) -> abc.DisposableBase:
        """Notify an observer of each event as it happens; the observer must never block.

        Args:
            on_next: A function of an event, or an object with some of on_next, on_error and
                on_completed.
            on_error: Called with the error that ended the run without an answer.
            on_completed: Called when the run has ended well.
            scheduler: Not needed, since a run has its own. If you pass the scheduler of another
                run, this run is held whenever that one is.

        Returns:
            A disposable that detaches the observer.
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
            and not run_scheduler.is_same_run(self._scheduler)
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
        """Attach an observer that has its own queue and pace.

        Args:
            watching: A function of an event, or an object with some of on_next, on_error and
                on_completed.
            buffer: How many events may wait in the queue.
            overflow: What happens to further ones. ``"merge"``: pieces of one text become one,
                which loses nothing. ``"block"``: the run is held until the queue is half empty.
                ``"fail"``: the observer gets BufferOverflow, and is detached. ``"drop_oldest"``:
                the pieces that have waited longest are lost; usage, tools and the end never are.
            since: The number of the first event to receive, as `Stamped.seq` counts them.
            on: Where the observer is notified: on a ``"thread"``, or on the run's ``"loop"``, where
                it must not block.

        Returns:
            A viewer, which detaches the observer when disposed, and shows how far it has read.
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
        """Block until all attached observers have received what has happened so far.

        They have their own pace, so the run may end before they have received its end.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: Some have not received it in that time; they go on.
            RuntimeError: This thread executes the run, so it cannot wait for it.
        """
        self._outcome.refuse_own_thread("`await asyncio.to_thread(run.drain)`")
        self._end_if_stopped()
        drain = Drain()
        self._scheduler.post_or_run(lambda: drain.begin(list(self._viewers)))
        drain.wait(timeout, lambda: self._scheduler.is_stopped and not self._broadcast.ended)

    def follow(
        self, *, buffer: int = 1024, overflow: Overflow = "merge", since: int = 0
    ) -> Following:
        """Return an iterator for `async for`, on the running loop; arguments as `attach`.

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
            self._interrupt()
            raise

    def __aiter__(self) -> AsyncIterator[Event]:
        return self.follow()

    def _buffer(self, buffer: int, overflow: Overflow, since: int) -> Buffer:
        check_since(since, len(self._event_log))
        waiting = buffer_for(overflow, buffer, self._scheduler)
        waiting.seq = since
        return waiting

    @like(Observable.pipe)
    def pipe(self, *operators: Callable[[Any], Any]) -> Any:
        """Return the stream that operators make of the run, one after the other."""
        return piped(super().pipe(*operators), self._join)

    def __getitem__(self, key: slice | int) -> Observable[Event]:
        return self.pipe(lambda run: Observable.__getitem__(run, key))

    def __add__(self, other: Observable[Event]) -> Observable[Event]:
        return self.pipe(lambda run: Observable.__add__(run, other))

    __iadd__ = __add__

    def _join(self, made: Observable[Any], _: bool) -> Observable[Any]:
        return JoinedStream(partial(self._subscribe_beside, made), self._join)

    def _subscribe_beside(
        self,
        made: Observable[Any],
        observer: abc.ObserverBase[Any],
        scheduler: abc.SchedulerBase | None = None,
    ) -> abc.DisposableBase:
        self._end_if_stopped()
        home, report = self._scheduler, self._broadcast.report
        is_replayed = self._broadcast.ended and (home.is_lost or not home.is_moved_by_hand)
        if scheduler is not None or is_replayed:  # then it is replayed on this thread
            letting_go = LettingGo(observer, report)
            if scheduler is not None:
                return letting_go.follow(made, scheduler)
            with subscribing_here(RunScheduler()) as here:
                return letting_go.follow(made, here)
        beside = home.beside()
        with subscribing_here(beside) as here:
            return Beside(observer, beside, report).follow(made, here)

    def decide(self, asked: ApprovalAsked | str, decision: Decision | bool) -> None:
        """Answer the question whether a call may run, on any thread; `by_decision()` waits for it.

        Args:
            asked: The ApprovalAsked that asks, or its id. The id of the call will do if the run
                asks about one call of this id only; some models, and inner agents, repeat ids.
            decision: Allow(), Deny(reason), Edit(arguments) or AllowAll(); True is Allow(), and
                False is Deny().

        Raises:
            NotAsked: No such question waits: it was decided, or the run has ended; or several
                calls have had this id.
            TypeError: One of them has another type.
        """
        if isinstance(decision, bool):
            decision = Allow() if decision else Deny()
        check_decision("decision", decision)
        self._end_if_stopped()
        if self._outcome.ending is not None:
            raise NotAsked(
                f"The run is {self._outcome.ending}, so no call waits for a decision.",
                call_id=asked.call.id if isinstance(asked, ApprovalAsked) else asked,
            )
        question = find_question(self._scheduler, asked)
        if not question.offer(decision):
            raise NotAsked(
                f"The call {question.call.id!r} was decided already, so this decision came too "
                "late.",
                call_id=question.call.id,
            )

    @property
    def asked(self) -> dict[str, ToolCall]:
        """The calls that wait for a decision, by the ids of the questions."""
        if self._outcome.ending is not None:
            return {}
        questions = self._scheduler.questions.copy()
        return {key: each.call for key, each in questions.items() if each.is_waiting}

    @property
    def faults(self) -> Observable[ViewerFault]:
        """The errors for which observers were detached, from the beginning."""
        return self._broadcast.faults
