"""Scoping: streams whose every subscription is a run of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import Disposable, SingleAssignmentDisposable

from ..errors import RunCancelled
from .observe_on_run import OnLoop, serialize_on_run
from .open_work import OpenWork
from .process_end import disposing_with_loop
from .scheduler import RunScheduler
from .serial_queue import log_fault, log_unobserved
from .sink import NO_OBSERVER, Producer

__all__ = ["JoinedStream", "Joining", "run_scoped"]

_T = TypeVar("_T")

Joining: TypeAlias = Callable[[Observable[Any], bool], Observable[Any]]
"""Makes a stream a part of a run; called also with whether others share its subscription."""


def run_scoped(source: Observable[_T], *, is_serial: bool = False) -> Observable[_T]:
    """Give every subscription of a source its own run scheduler, unless it has one.

    The source is subscribed on the run's loop, so subscribing returns before the first item,
    except within a run, of which the subscription is then a part. When a subscriber raises, the
    run is disposed and the fault is logged.

    Args:
        source: What is subscribed.
        is_serial: Whether the source emits on the run's loop thread only.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        if run_scheduler.is_inside:
            return source.subscribe(observer, scheduler=run_scheduler)
        return _Subscription(observer, run_scheduler, source).begin(
            not run_scheduler.is_of(scheduler)
        )

    return JoinedStream(subscribe, _join, is_serial=is_serial)


class JoinedStream(Producer[_T]):
    """A stream of a run, which what operators make of it joins; subscribing never blocks.

    Args:
        subscribe: Makes a subscription, on the run's loop.
        joining: Makes a stream, which operators have made of this one, a part of the run.
        is_serial: Whether it emits on the run's loop thread only, one item after the other.
    """

    def __init__(
        self,
        subscribe: abc.Subscription[_T],
        joining: Joining,
        *,
        is_serial: bool = False,
    ) -> None:
        super().__init__(subscribe, is_serial=is_serial)
        self.never_blocks = True  # a `Stream` of it shares its attributes
        self.joining = joining


def _join(made: Observable[Any], is_shared: bool) -> Observable[Any]:
    if isinstance(made, JoinedStream):
        return made
    if is_shared:  # then it is subscribed to at once, as the run of another part may begin soon
        return JoinedStream(partial(_subscribe_at_once, made), lambda made, _: _join(made, True))
    return run_scoped(serialize_on_run(made))


def _subscribe_at_once(
    made: Observable[Any],
    observer: abc.ObserverBase[Any],
    scheduler: abc.SchedulerBase | None = None,
) -> abc.DisposableBase:
    run_scheduler = RunScheduler.of(scheduler)
    return OnLoop(observer, run_scheduler).follow(made, run_scheduler)


class _Subscription(abc.ObserverBase[_T], abc.DisposableBase):
    """A subscription from outside a run; any thread may dispose it."""

    def __init__(
        self, observer: abc.ObserverBase[_T], scheduler: RunScheduler, source: Observable[_T]
    ) -> None:
        self._observer = observer
        self._scheduler = scheduler
        self._source: Observable[_T] | None = source
        self._upstream = SingleAssignmentDisposable()

    def begin(self, is_owner: bool) -> _Subscription[_T]:
        """Subscribe on the loop's thread.

        Raises:
            RunCancelled: The loop is closed.
        """
        scheduler = self._scheduler
        self._is_owner = is_owner
        if is_owner:
            scheduler.owns(Disposable(), self._fail)
        if not scheduler.is_moved_by_hand:
            scheduler.call_on_loop(disposing_with_loop)
        self._noted = OpenWork("rxagent-run", scheduler.loop, self.dispose, run=self)
        with self._noted.closing_on_error():
            if not scheduler.call_on_loop(scheduler.run_serialized, self._begin):
                raise RunCancelled("The event loop of this run is closed.")
        return self

    def _begin(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            self._upstream.disposable = source.subscribe(self, scheduler=self._scheduler)
        if source is None or not self._is_owner or self._scheduler.is_moved_by_hand:
            self._close()

    def _close(self) -> None:
        self._scheduler.close_later(self._noted)

    def on_next(self, value: _T) -> None:
        try:
            self._observer.on_next(value)
        except BaseException as fault:
            self.dispose()
            if not isinstance(fault, Exception):
                raise
            self._scheduler.fail(fault)

    def on_error(self, error: Exception) -> None:
        try:
            self._take().on_error(error)
        except Exception as raised:  # what ReactiveX does where no on_error was given
            if raised is not error:
                raise
            log_unobserved(error)
        finally:
            self._let_go()

    def on_completed(self) -> None:
        try:
            self._take().on_completed()
        finally:
            self._let_go()

    def _take(self) -> abc.ObserverBase[_T]:
        observer, self._observer = self._observer, NO_OBSERVER
        return observer

    def _fail(self, fault: Exception) -> None:
        """End the run with what was raised in it, unless its own observer raised it."""
        observer = self._take()
        self.dispose()
        if observer is NO_OBSERVER:
            log_fault(fault)
        else:
            observer.on_error(fault)

    def dispose(self) -> None:
        """Stop at once; what was opened is closed on the loop."""
        self._observer = NO_OBSERVER
        self._source = None
        if self._scheduler.post(self._leave):
            self._noted.end()
        else:
            self._noted.close()

    def _leave(self) -> None:
        self._upstream.dispose()
        self._let_go()

    def _let_go(self) -> None:
        if self._is_owner:
            self._scheduler.disown()
        self._close()

    def __repr__(self) -> str:
        return "<Subscription of a stream>"
