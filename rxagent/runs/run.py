"""A run that goes on by itself, for as many as want to watch."""

import logging
import threading
from collections.abc import AsyncIterator, Generator, Iterable
from types import TracebackType
from typing import Any

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, SingleAssignmentDisposable

from ..errors import RunCancelled
from ..events import Event
from ..state import State
from ..streams import Home, Hub, each, is_daemon_loop, refuse_own_loop
from ..streams.workers import Workers
from .record import Record
from .viewer import Viewer, observer_of

__all__ = ["Run", "launch"]

_log = logging.getLogger("rxagent")


def launch(
    source: Observable[Event], *, attach: Iterable[Any] = (), home: Home | None = None
) -> "Run":
    """Start a stream of events as a run that owns it, and return at once.

    Args:
        source: The events; an agent's run, or any pipeline that ends in events.
        attach: Observers that are attached before the first event.
        home: Where it happens; by default on the running loop, else on the process's own.
    """
    run = Run(source, home or Home())
    for observer in attach:
        run.attach(observer)
    run._launch()
    return run


class Run(Observable[Event]):
    """A hot stream of events that owns the run it tells of.

    Subscribers come and go without an effect on it; one that comes late is told what has happened
    so far first. One that raises is detached and reported, and the run goes on.
    """

    def __init__(self, source: Observable[Event], home: Home) -> None:
        super().__init__()
        self._source = source
        self._home = home
        self._record = Record()
        self._hub: Hub[Event] = Hub(self._report)
        self._subscription = SingleAssignmentDisposable()
        self._ended = threading.Event()
        self._error: Exception | None = None

    def _launch(self) -> None:
        if self._home.is_here:
            self._home.loop.call_soon(self._home.gate, self._begin)
        else:
            self._home.soon(self._home.gate, self._begin)

    def _begin(self) -> None:
        if not self._ended.is_set():
            self._home.owns(self._subscription, self._on_error)
            self._subscription.disposable = self._source.subscribe(
                self._on_next, self._on_error, self._on_completed, scheduler=self._home
            )

    def _on_next(self, event: Event) -> None:
        self._record.add(event)
        self._hub.on_next(event)

    def _on_error(self, error: Exception) -> None:
        self._end(error)

    def _on_completed(self) -> None:
        self._end(None)

    def _end(self, error: Exception | None) -> None:
        if self._ended.is_set():
            return
        self._error = error
        self._ended.set()
        if error is None:
            self._hub.on_completed()
        else:
            self._hub.on_error(error)

    def _report(self, observer: Any, fault: Exception) -> None:
        if fault is self._error:
            return
        watching = getattr(observer, "watching", observer)
        _log.error("%r raised and was detached from its run", watching, exc_info=fault)

    # Watching

    def _subscribe_core(
        self, observer: abc.ObserverBase[Event], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        joined = SingleAssignmentDisposable()

        def join() -> None:
            if joined.is_disposed:
                return
            for event in self._record.events:
                observer.on_next(event)
            if not self._ended.is_set():
                joined.disposable = self._hub.add(observer)
            elif self._error is None:
                observer.on_completed()
            else:
                observer.on_error(self._error)

        self._home.gate(join)
        return joined

    def attach(self, watching: Any) -> abc.DisposableBase:
        """Let an observer watch at its own pace, on a thread that is not the run's.

        Args:
            watching: Anything with some of on_next, on_error and on_completed, or a function of an
                event.

        Returns:
            What detaches it when disposed.
        """
        viewer = Viewer(observer_of(watching), self._report)
        subscription = self.subscribe(viewer)
        return CompositeDisposable(subscription, viewer)

    # Owning

    @property
    def state(self) -> State:
        """What the run has come to so far; safe on any thread."""
        return self._record.state

    def cancel(self, reason: str = "cancelled") -> None:
        """End the run, down to the request it waits for; watchers are told RunCancelled."""
        self._home.gate(self._cancel, reason)

    def _cancel(self, reason: str) -> None:
        if not self._ended.is_set():
            self._subscription.dispose()
            self._end(
                RunCancelled(f"The run was cancelled: {reason}", state=self.state, reason=reason)
            )

    def result(self, timeout: float | None = None) -> Any:
        """Block until the run has ended, and return the answer's value.

        Ctrl-C while waiting cancels the run.

        Args:
            timeout: Seconds to wait at most; the run goes on when they are over.

        Raises:
            TimeoutError: The time is over.
            RxAgentError: What ended the run without an answer.
        """
        if is_daemon_loop(self._home.loop):
            refuse_own_loop("Write `await run` instead.")
        elif self._home.is_here:
            raise RuntimeError("This loop runs the run, so it cannot wait. Write `await run`.")
        try:
            with Workers.waiting():
                if not self._ended.wait(timeout):
                    raise TimeoutError(f"The run has not ended after {timeout} s; it goes on.")
        except KeyboardInterrupt:
            self.cancel("interrupted")
            raise
        return self._answer()

    def _answer(self) -> Any:
        if self._error is not None:
            raise self._error
        return self.state.answer

    def __await__(self) -> Generator[Any, None, Any]:
        return self._awaited().__await__()

    async def _awaited(self) -> Any:
        async for _ in self:
            pass
        return self._answer()

    def __aiter__(self) -> AsyncIterator[Event]:
        return aiter(each(self))

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel("left")

    async def __aenter__(self) -> "Run":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel("left")
