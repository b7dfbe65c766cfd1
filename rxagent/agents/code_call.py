"""A run of code, as the events of one call."""

from collections.abc import Callable
from typing import Any

from reactivex import Observable, abc

from ..errors import CodeError, describe
from ..events import Event, ToolCompleted, ToolFailed, ToolOutput, ToolStarted
from ..executors import CodeResult
from ..frozen import freeze
from ..messages import ToolCall
from ..streams import RunScheduler, run_scoped
from ..streams.observe_on_run import serialize_on_run
from ..streams.sink import Producer, Sink
from ..tools.result_text import error_text, images_in, result_text
from .code_session import CodeSession, Variables

__all__ = ["run_code"]


def run_code(
    call: ToolCall,
    start: Callable[[], Observable[Any]],
    session: CodeSession,
    on_end: Callable[[CodeResult | None], None],
) -> Observable[Event]:
    """Run code and emit its events.

    .. code-block:: text

        Call = ToolStarted ToolOutput* (ToolCompleted | ToolFailed)

    What it prints is emitted as it arrives; the model reads it with the value of the last line, or
    before the error. While the run is paused, no code starts.

    Args:
        call: The code as a call.
        start: Starts it, in the session.
        session: The session of the run.
        on_end: Called with the result before the last event; None if it failed.
    """

    def subscribe(
        observer: abc.ObserverBase[Event], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        running = _Running(observer, call, session, on_end)
        run_scheduler.when_resumed(lambda: running.begin(start, run_scheduler))
        return running

    return run_scoped(Producer(subscribe))


class _Running(Sink[Any, Event]):
    __slots__ = ("_call", "_on_end", "_printed", "_result", "_session")

    def __init__(
        self,
        observer: abc.ObserverBase[Event],
        call: ToolCall,
        session: CodeSession,
        on_end: Callable[[CodeResult | None], None],
    ) -> None:
        super().__init__(observer)
        self._call = call
        self._session = session
        self._printed: list[str] = []
        self._result: CodeResult | None = None
        self._on_end = on_end

    def begin(self, start: Callable[[], Observable[Any]], scheduler: RunScheduler) -> None:
        if not self.is_stopped:
            self.observer.on_next(ToolStarted(self._call))
            self._start(start, scheduler)

    def _start(self, start: Callable[[], Observable[Any]], scheduler: RunScheduler) -> None:
        if self.is_stopped:
            return
        try:
            source = start()
        except Exception as error:
            self.on_error(error)
        else:
            self.follow(serialize_on_run(source), scheduler)

    def on_next(self, value: Any) -> None:
        if isinstance(value, CodeResult):
            self._result = value
            return
        if isinstance(value, str):
            self._printed.append(value)
        self.observer.on_next(ToolOutput(self._call.id, value))

    def on_error(self, error: Exception) -> None:
        if isinstance(error, CodeError):
            text = _joined(error_text(error), self._printed_text)
            self._end(None, lambda kept: ToolFailed(self._call.id, text, kept))
        else:
            super().on_error(error)

    def on_completed(self) -> None:
        result = self._result or CodeResult(None)
        what = "The answer" if result.is_final else "The value of the last line"
        try:
            shown = "" if result.value is None else result_text(result.value)
            images = images_in(result.value)
            if result.is_final:
                freeze(result.value)
        except Exception as error:
            advice = "Make it smaller, or give its main points as text"
            self.on_error(CodeError(f"{what} cannot be used: {describe(error)}. {advice}."))
            return
        value = f"{what}: {shown}" if shown else ""
        text = _joined(self._printed_text, value) or "It ran and printed nothing."
        self._end(
            result, lambda kept: ToolCompleted(self._call.id, text, result.value, images, kept)
        )

    def _end(self, result: CodeResult | None, make: Callable[[Variables], Event]) -> None:
        is_answer = result is not None and result.is_final
        event = make(self._session.variables(is_answer=is_answer))
        self._on_end(result)
        self.observer.on_next(event)
        super().on_completed()

    @property
    def _printed_text(self) -> str:
        text = "".join(self._printed)
        return f"Printed:\n{text.removesuffix(chr(10))}" if text else ""


def _joined(*texts: str) -> str:
    return "\n".join(filter(None, texts))
