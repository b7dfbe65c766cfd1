"""Steering: messages that are said to a run while it works.

.. code-block:: text

    run.say, inbox= ─▶ Inbox ─▶ MessageReceived, beside the events of the step that runs
                                └─ switch ─▶ ends its answer, and its calls if they are cancelled
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from attrs import field, frozen
from reactivex import Observable, abc
from reactivex.disposable import Disposable

from ..arguments import one_of, shown, valid
from ..events import Delta, Event, FinalAnswer, Finish, MessageReceived, ToolFailed, ToolStarted
from ..runs.inbox import Inbox, Steer, check_steer
from ..streams import operators as stream_ops
from ..streams.sink import Producer, lift
from .stopping import WholeCall

__all__ = ["CANCELLED", "INTERRUPTED", "Steering", "SteeringOptions"]

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
    """The steering of one run.

    Attributes:
        is_interrupted: Whether a message has cut the step that runs.
    """

    def __init__(self, options: SteeringOptions) -> None:
        source = options.inbox
        self._inbox = source if isinstance(source, Inbox) else Inbox()
        self._messages = None if isinstance(source, Inbox) else source
        self._steer = options.steer
        self._cancels_tools = options.cancel_tools
        self._is_open = False
        self.is_interrupted = False
        self._answers: dict[_Answer, None] = {}
        self._calls: dict[_Call, None] = {}

    # Beside the steps

    def begin(
        self, notify: Callable[[], None], scheduler: abc.SchedulerBase | None
    ) -> abc.DisposableBase:
        """Listen, until the result is disposed."""
        if self._messages is not None:
            self._inbox.follow(self._messages, scheduler)
        self._inbox.notify(notify)
        return Disposable(self._inbox.dispose)

    def open(self) -> None:
        """Let messages be taken, as the run begins."""
        self._is_open = True

    def take(self) -> Iterator[Event]:
        """Yield what was said; after each of them, end what it ends."""
        if not self._is_open:
            return
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
        self.is_interrupted = True
        for answer in [*self._answers]:
            answer.interrupt()
        for call in [*self._calls]:
            if self._cancels_tools or not call.has_started:
                call.interrupt()

    # For a step

    def note_read(self) -> None:
        """Note that the request of a step is made."""
        self._inbox.note_read()
        self.is_interrupted = False

    def final(self, value: Any) -> Observable[Event]:
        """Return the end of the run, or nothing if the model has not read all that was said."""
        return stream_ops.of(FinalAnswer(value)) if self._inbox.close_if_read() else stream_ops.of()

    def interruptible(self, deltas: Observable[Delta]) -> Observable[Delta]:
        """Return an answer that a message may cut."""

        def subscribe(
            observer: abc.ObserverBase[Delta], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            answer = _Answer(observer, self._answers)
            answer.source = deltas.subscribe(observer, scheduler=scheduler)
            return answer

        return Producer(subscribe)

    def cancellable(
        self, call: Observable[Event], failed: Callable[[], ToolFailed]
    ) -> Observable[Event]:
        """Return a call that a message may end, also before it is subscribed to.

        Args:
            call: Its events.
            failed: Makes its last event, when it has been stopped.
        """

        def begin() -> Observable[Event]:
            return stream_ops.of(failed()) if self.is_interrupted else cancellable

        cancellable: Observable[Event] = lift(partial(_Call, self._calls, failed))(call)
        return stream_ops.defer(begin)


class _Answer(abc.DisposableBase):
    """The subscription of an answer; its deltas go to their observer directly.

    Args:
        observer: The observer.
        open: The subscriptions that are open.
    """

    __slots__ = ("_observer", "_open", "source")

    def __init__(self, observer: abc.ObserverBase[Delta], open: dict[_Answer, None]) -> None:
        self._observer = observer
        self._open = open
        self.source: abc.DisposableBase | None = None
        open[self] = None

    def interrupt(self) -> None:
        """Dispose the source, and end the answer."""
        self.dispose()
        self._observer.on_next(Finish(INTERRUPTED))
        self._observer.on_completed()

    def dispose(self) -> None:
        self._open.pop(self, None)
        source, self.source = self.source, None
        if source is not None:
            source.dispose()


class _Call(WholeCall):
    """A call that a message may end.

    Attributes:
        has_started: Whether its code runs.
    """

    __slots__ = ("_failed", "_open", "has_started")

    def __init__(
        self,
        open: dict[_Call, None],
        failed: Callable[[], ToolFailed],
        observer: abc.ObserverBase[Event],
    ) -> None:
        super().__init__(observer)
        self._open = open
        self._failed = failed
        self.has_started = False
        open[self] = None

    def on_next(self, value: Event) -> None:
        if not self.has_started:
            self.has_started = type(value) is ToolStarted
        super().on_next(value)

    def interrupt(self) -> None:
        """End the call, and those within it."""
        self.stop(self._failed)

    def dispose(self) -> None:
        self._open.pop(self, None)
        super().dispose()
