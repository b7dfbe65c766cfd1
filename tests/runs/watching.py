"""What the tests of runs share: streams that a test drives, and viewers that take notes."""

import asyncio
import threading
from contextlib import suppress

from reactivex import Observable
from reactivex.disposable import Disposable

from rxagent.coalescing import coalesced
from rxagent.events import (
    FinalAnswer,
    MessageCompleted,
    ReasoningDelta,
    RunCompleted,
    RunStarted,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolOutput,
    ToolStarted,
    Usage,
)
from rxagent.messages import Message, ToolCall
from rxagent.streams import RunScheduler, daemon_loop, from_async

from ..streams.recorder import WATCHDOG, Recorder

CALL = ToolCall("call_1", "add", '{"a":1}')
EVENTS = [
    RunStarted("What is 1 + 1?", "agent"),
    StepStarted(1),
    *(ReasoningDelta(f"r{number} ") for number in range(10)),
    *(TextDelta(f"a{number} ") for number in range(15)),
    ToolCallDelta(0, "call_1", "add", ""),
    *(ToolCallDelta(0, arguments=piece) for piece in ('{"a"', ":", "1", "}")),
    Usage(10, 5),
    MessageCompleted(Message("assistant", "".join(f"a{n} " for n in range(15)), (CALL,))),
    ToolStarted(CALL),
    *(ToolOutput("call_1", TextDelta(f"i{number} ")) for number in range(5)),
    ToolOutput("call_1", Usage(3, 4)),
    ToolCompleted("call_1", "2"),
    StepStarted(2),
    *(TextDelta(f"b{number} ") for number in range(13)),
    Usage(20, 6),
    MessageCompleted(Message("assistant", "".join(f"b{number} " for number in range(13)))),
    FinalAnswer("two"),
    RunCompleted(Usage(33, 15)),
]
"""A run of sixty events."""


def joined(events):
    """Return events with their pieces joined: what makes differently cut sequences equal."""
    return list(coalesced(events))


def done(scheduler, action=lambda: None):
    """Run an action on a run's loop thread, and wait until it and those before it have run."""
    over = threading.Event()

    def act():
        try:
            action()
        finally:
            scheduler.post(over.set)

    scheduler.run_serialized(act)
    assert scheduler.on_loop_thread or over.wait(WATCHDOG)


class Feed:
    """A stream whose events a test emits."""

    def __init__(self):
        self.source = Observable(self._subscribe)
        self.disposed = threading.Event()
        self._subscribed = threading.Event()

    def _subscribe(self, observer, scheduler=None):
        self._observer = observer
        self._scheduler = scheduler
        self._subscribed.set()
        return Disposable(self.disposed.set)

    @property
    def observer(self):
        """Its observer, as soon as there is one."""
        assert self._subscribed.wait(WATCHDOG)
        return self._observer

    @property
    def scheduler(self):
        """The scheduler of its subscription, as soon as there is one."""
        return self.observer and self._scheduler

    def say(self, *events):
        """Emit events, all at once."""
        observer = self.observer
        done(self.scheduler, lambda: [observer.on_next(event) for event in events])

    def end(self, error=None):
        """Complete, or fail."""
        observer = self.observer
        done(
            self.scheduler,
            lambda: observer.on_error(error) if error else observer.on_completed(),
        )


def streamed(events=EVENTS, after=None):
    """Return a stream that gives its loop back after each event, and ends by itself.

    Args:
        after: A coroutine function that is awaited after each event, with the number of events.
    """

    async def emit():
        for number, event in enumerate(events, 1):
            yield event
            await (asyncio.sleep(0) if after is None else after(number))

    return from_async(emit)


def scheduler():
    """Return a scheduler on the process's own loop, whatever loop runs here."""
    return RunScheduler(loop=daemon_loop())


class Seen(Recorder):
    """All that a viewer receives, and a way to wait for it.

    Args:
        then: Called with each event, after it was noted; may raise.
    """

    def __init__(self, then=None):
        super().__init__(then)
        self.threads = set()

    def on_next(self, event):
        self.threads.add(threading.current_thread().name)
        super().on_next(event)

    @property
    def events(self):
        """The events so far."""
        return self.items

    @property
    def end(self):
        """The end, as soon as it has come: an error, or "completed"."""
        self.wait_end()
        (end,) = self.ends
        return end


class Stuck(Seen):
    """A viewer that blocks in each event until it is released."""

    def __init__(self):
        super().__init__(lambda _: self.released.wait(60))
        self.released = threading.Event()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.released.set()


class Faulty(Seen):
    """A viewer that raises at one of its events, counted from 0, or at the end."""

    def __init__(self, position):
        super().__init__()
        self.position = position

    def on_next(self, event):
        super().on_next(event)
        if len(self.events) == self.position + 1:
            raise ValueError(f"I raise at {self.position}")

    def _end(self, end):
        super()._end(end)
        raise ValueError("I raise at the end")


def run_of(run, timeout=WATCHDOG):
    """Wait for the end of a run, whatever it is, and return its status."""
    with suppress(Exception):
        run.result(timeout)
    return run.status
