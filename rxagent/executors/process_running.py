"""One piece of code that runs in a process: its calls, its time, its output and its end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from reactivex import abc
from reactivex.disposable import SerialDisposable

from ..errors import CodeError, describe
from ..events import ApprovalAsked, Event, ToolCompleted, ToolFailed, ToolStarted
from ..streams import RunScheduler, from_batches
from ..streams.interruptible_wait import Latch
from ..streams.sink import MergeSink, Sink, lift
from .process_link import LOST, Link
from .process_messages import (
    Called,
    Cancelled,
    Exceeded,
    Failed,
    Message,
    Printed,
    Ready,
    Resulted,
)
from .process_worker.values import TooLarge, plain
from .protocol import PATIENCE, CodeResult, Functions, Limits

__all__ = ["KEPT", "SAID", "STOPPED", "Running"]

KEPT, SAID, STOPPED = "kept", "said", "stopped"
"""What became of the variables: they are kept; the model knows that they are lost, or does not."""

_START = 30.0
"""Seconds that a process may take to start; they do not count for the code."""

Output = str | Event | CodeResult


class Running(MergeSink[Message, Output]):
    """Emits what a piece of code prints, the events of its calls, and its result.

    Args:
        observer: The observer.
        functions: The functions that it may call.
        limits: Its limits.
        scheduler: The run's.
        ended: Called once it has ended, with what became of the variables.
    """

    __slots__ = (
        "_calls",
        "_clock",
        "_count",
        "_ended",
        "_exceeding",
        "_functions",
        "_is_in_line",
        "_is_timed",
        "_left",
        "_limits",
        "_link",
        "_number",
        "_run",
        "over",
    )

    def __init__(
        self,
        observer: abc.ObserverBase[Output],
        functions: Functions,
        limits: Limits,
        scheduler: RunScheduler,
        ended: Callable[[str], None],
    ) -> None:
        super().__init__(observer, scheduler)
        self._functions = functions
        self._limits = limits
        self._run = scheduler
        self._ended = ended
        self._link: Link | None = None
        self._calls: dict[int, _Answer] = {}
        self._clock = _Stopwatch(scheduler)
        self.over = Latch()
        self._is_timed = self._is_in_line = False
        self._left, self._count, self._exceeding = limits.output, 0, 0

    def wait_for(self, earlier: Running, begin: Callable[[], None]) -> None:
        """Begin once earlier code is over, which may have been left right now; or fail soon."""
        text = "Other code is running in this session. Wait until it has ended."
        self._clock.start(PATIENCE, lambda: self.on_error(CodeError(text)))
        earlier.over.call(partial(self._run.when_resumed, begin))

    def begin(self, link: Link, number: int, code: str, notes: list[str]) -> None:
        """Send the code to a process, with what the model must know before."""
        self._link, self._number = link, number
        for note in notes:
            self.observer.on_next(f"[{note}]\n")
        if self.is_stopped:
            return
        names = sorted(self._functions.names), sorted(self._functions.asynchronous)
        message = {"run": number, "code": code, "functions": names[0], "asynchronous": names[1]}
        link.send(message, self._run)
        if link.is_ready:
            self._time()
        else:
            text = f"The process for the code did not start within {_START:g} s."
            self._clock.start(_START, partial(self._fail, text, SAID))
        self.follow(from_batches(partial(link.messages, number)), self._run)

    def _time(self) -> None:
        self._is_timed = True
        seconds = self._limits.seconds
        text = f"The code ran for longer than {seconds:g} s, so its process was ended. {LOST}"
        self._clock.start(seconds, partial(self._fail, text, SAID))

    def on_next(self, value: Message) -> None:
        """Carry out what a message of the process says."""
        match value:
            case Ready():
                if not self._is_timed:  # what the code may send, too
                    self._time()
            case _ if value.run != self._number:  # threads of earlier code
                pass
            case Printed(_, text):
                self._print(text)
            case Exceeded(_, count):
                self._exceeding += count
            case Called():
                self._call(value)
            case Cancelled(_, number):
                if number in self._calls:
                    self._calls[number].cancel("the code no longer waits for it")
            case Resulted(_, result, is_final):
                self._finish(CodeResult(result, is_final))
            case Failed(_, text, is_fatal):
                self._fail(f"{text} {LOST}" if is_fatal else text, SAID if is_fatal else KEPT)

    def _print(self, text: str) -> None:
        kept = text[: self._left]
        self._left -= len(kept)
        self._exceeding += len(text) - len(kept)
        if kept:
            self._is_in_line = not kept.endswith("\n")
            self.observer.on_next(kept)

    # Calls

    def _call(self, call: Called) -> None:
        self._count += 1
        most = self._limits.calls
        if call.name not in self._functions.names or call.number in self._calls:
            self._reply(call.number, "error", f"NameError: there is no function {call.name}")
        elif self._count > most:
            text = f"RuntimeError: code may make {most:,} calls, which are used up"
            self._reply(call.number, "error", text)
        else:
            self._clock.pause()
            try:
                events = self._functions.call(call.name, call.args, call.kwargs)
            except Exception as error:
                self.on_error(error)
            else:
                self.join(lift(partial(self._answer, call.number))(events))

    def _answer(self, number: int, observer: abc.ObserverBase[Event]) -> _Answer:
        answer = self._calls[number] = _Answer(observer, partial(self._answered, number))
        return answer

    def _answered(self, number: int, outcome: tuple[str, Any] | None) -> None:
        """Go on after a call that has ended; without an outcome, the code does not wait for it."""
        self._calls.pop(number, None)
        if outcome is not None:
            self._reply(number, *outcome)
        if not self._calls and not self.is_stopped:
            self._clock.resume()

    def _reply(self, number: int, kind: str, content: Any) -> None:
        try:
            content, notes = plain(content)
        except TooLarge as error:
            kind, content, notes = "error", f"ValueError: {error}", []
        except Exception as error:  # of the value, or of what it holds
            kind, content, notes = "error", describe(error), []
        for note in notes:
            self._print(f"[{note}]\n")
        if self._link is not None:
            self._link.send({"reply": number, kind: content}, self._run)

    # The end

    def _finish(self, result: CodeResult) -> None:
        self._conclude(KEPT)
        self.observer.on_next(result)
        Sink.on_completed(self)

    def _fail(self, text: str, fate: str) -> None:
        self._conclude(fate)
        super().on_error(CodeError(text))

    def on_error(self, error: Exception) -> None:
        """Kill the process, and pass the error on."""
        self._conclude(SAID)
        super().on_error(error)

    def _conclude(self, fate: str) -> None:
        """End the calls that still run, and say how much output was not emitted."""
        self._end(fate)
        for call in tuple(self._calls.values()):
            call.cancel("the code ended before it")
        if self._exceeding:
            text = f"[{self._exceeding:,} more characters were printed; they were not kept.]\n"
            self.observer.on_next(f"\n{text}" if self._is_in_line else text)

    def _end(self, fate: str) -> None:
        link, self._link = self._link, None
        self._clock.dispose()
        if link is not None:
            self._ended(fate)
            self.over.set()

    def dispose(self) -> None:
        """Emit nothing more, and kill the process if the code still runs."""
        super().dispose()
        self._end(STOPPED)


class _Answer(Sink[Event, Event]):
    """Passes the events of a call on, and its outcome to the code."""

    __slots__ = ("_answered", "_call_id", "_outcome")

    def __init__(
        self,
        observer: abc.ObserverBase[Event],
        answered: Callable[[tuple[str, Any] | None], None],
    ) -> None:
        super().__init__(observer)
        self._answered = answered
        self._call_id: str | None = None
        self._outcome: tuple[str, Any] = "error", "RuntimeError: the call had no result"

    def on_next(self, value: Event) -> None:
        match value:
            case ApprovalAsked(call) | ToolStarted(call):
                self._call_id = call.id
            case ToolCompleted(value=result):
                self._outcome, self._call_id = ("value", result), None
            case ToolFailed(error=error):
                self._outcome, self._call_id = ("error", error), None
        self.observer.on_next(value)

    def on_completed(self) -> None:
        if not self.is_stopped:
            self._answered(self._outcome)
            super().on_completed()

    def cancel(self, reason: str) -> None:
        """End the call, of which the code hears nothing more."""
        observer, call_id = self.observer, self._call_id
        self._dispose_source()
        if call_id is not None:
            observer.on_next(ToolFailed(call_id, f"CodeError: cancelled, since {reason}"))
        self._answered(None)
        super().on_completed()


class _Stopwatch(abc.DisposableBase):
    """Calls a function when its seconds are over; they stand still while it is paused."""

    def __init__(self, scheduler: RunScheduler) -> None:
        self._scheduler = scheduler
        self._timer = SerialDisposable()
        self._late: Callable[[], None] | None = None
        self._left = self._since = 0.0
        self._is_paused = False

    def start(self, seconds: float, late: Callable[[], None]) -> None:
        self._left, self._late, self._is_paused = seconds, late, True
        self.resume()

    def pause(self) -> None:
        if self._late is not None and not self._is_paused:
            self._is_paused = True
            self._left -= self._scheduler.time() - self._since
            self._timer.disposable = None

    def resume(self) -> None:
        if (late := self._late) is not None and self._is_paused:
            self._is_paused = False
            self._since = self._scheduler.time()
            left = max(0.0, self._left)
            self._timer.disposable = self._scheduler.schedule_relative(left, lambda *_: late())

    def dispose(self) -> None:
        self._late = None
        self._timer.dispose()
