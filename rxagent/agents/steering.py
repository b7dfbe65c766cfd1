"""Steering: messages that are said to a run while it works.

.. code-block:: text

    run.say, inbox= ─▶ Inbox ─▶ MessageReceived, beside the events of the step that runs
                                └─ switch ─▶ ends its answer, and its calls if they are cancelled
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from attrs import field, frozen
from reactivex import Observable, abc
from reactivex.disposable import Disposable

from ..arguments import one_of, shown, valid
from ..events import Delta, Event, FinalAnswer, Finish, MessageReceived, ToolFailed
from ..runs.inbox import Inbox, Steer, check_steer
from ..streams import operators as stream_ops
from ..streams.sink import Producer

__all__ = ["CANCELLED", "INTERRUPTED", "Steering", "SteeringOptions"]

_T = TypeVar("_T")

INTERRUPTED = "interrupted"
"""The finish reason of an answer that a message has cut."""

CANCELLED = "MessageReceived: cancelled, because a message was said to the run"
"""The error of a call that a message has ended."""


def _is_inbox(_: Any, __: Any, inbox: Any) -> None:
    if not isinstance(inbox, Observable | Inbox):
        raise TypeError(
            f"inbox must be a stream of messages, as a Subject of reactivex, not {shown(inbox)}."
        )


@frozen
class SteeringOptions:
    """How messages steer a run.

    Attributes:
        inbox: Where they come from.
        steer: What they do to the step that runs.
        cancel_tools: Whether a message that cuts the answer also ends the calls that run.
    """

    inbox: Inbox | Observable[Any] = field(validator=_is_inbox)
    steer: Steer = field(default="concat", validator=lambda _, __, steer: check_steer(steer))
    cancel_tools: bool = field(default=False, validator=valid(one_of, known=(True, False)))


class Steering:
    """The steering of one run."""

    def __init__(self, options: SteeringOptions) -> None:
        source = options.inbox
        self._inbox = source if isinstance(source, Inbox) else Inbox()
        self._messages = None if isinstance(source, Inbox) else source
        self._steer = options.steer
        self._cancels_tools = options.cancel_tools
        self._answers: dict[_Interruptible, None] = {}
        self._calls: dict[_Interruptible, None] = {}

    # Beside the steps

    def begin(
        self, notify: Callable[[], None], scheduler: abc.SchedulerBase | None
    ) -> abc.DisposableBase:
        """Listen, until the result is disposed."""
        if self._messages is not None:
            self._inbox.follow(self._messages, scheduler)
        self._inbox.notify(notify)
        return Disposable(self._inbox.dispose)

    def take(self) -> Iterator[Event]:
        """Yield what was said; after each of them, end what it ends."""
        for said in self._inbox.take():
            yield MessageReceived(said.message)
            if (said.steer or self._steer) == "switch":
                self._interrupt()

    def end(self) -> None:
        """Refuse further messages, and interrupt nothing more."""
        self._answers.clear()
        self._calls.clear()
        self._inbox.dispose()

    def _interrupt(self) -> None:
        ended = [*self._answers]
        if self._cancels_tools:
            ended += self._calls
        for subscription in ended:
            subscription.interrupt()

    # For a step

    def note_read(self) -> None:
        """Note that the request of a step is made."""
        self._inbox.note_read()

    def final(self, value: Any) -> Observable[Event]:
        """Return the end of the run, or nothing if the model has not read all that was said."""
        return stream_ops.of(FinalAnswer(value)) if self._inbox.close_if_read() else stream_ops.of()

    def interruptible(self, deltas: Observable[Delta]) -> Observable[Delta]:
        """Return an answer that a message may cut."""
        return _ending(deltas, self._answers, lambda: Finish(INTERRUPTED))

    def cancellable(
        self, call: Observable[Event], failed: Callable[[], ToolFailed]
    ) -> Observable[Event]:
        """Return a call that a message may end; its last event is made when it has been stopped."""
        return _ending(call, self._calls, failed)


def _ending(
    source: Observable[_T], running: "dict[_Interruptible, None]", last: Callable[[], _T]
) -> Observable[_T]:
    """Return a stream that can be ended with a last item; items pass no further sink."""

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        subscription = _Interruptible(observer, last, running)
        running[subscription] = None
        subscription.source = source.subscribe(observer, scheduler=scheduler)
        return subscription

    return Producer(subscribe)


class _Interruptible(abc.DisposableBase):
    """A subscription that can be ended with a last item, while it is open."""

    __slots__ = ("_last", "_observer", "_running", "source")

    def __init__(
        self,
        observer: abc.ObserverBase[Any],
        last: Callable[[], Any],
        running: "dict[_Interruptible, None]",
    ) -> None:
        self._observer = observer
        self._last = last
        self._running = running
        self.source: abc.DisposableBase | None = None

    def interrupt(self) -> None:
        """Dispose the source, emit the last item, and complete."""
        self.dispose()
        self._observer.on_next(self._last())
        self._observer.on_completed()

    def dispose(self) -> None:
        self._running.pop(self, None)
        source, self.source = self.source, None
        if source is not None:
            source.dispose()
