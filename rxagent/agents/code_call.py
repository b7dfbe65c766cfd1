"""A run of code, as the events of one call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from reactivex import Observable, abc

from ..arguments import shown
from ..decisions import changed, is_edit
from ..errors import CodeError, InvalidArguments, ToolError, describe
from ..events import ApprovalAnswered, Event, ToolCompleted, ToolFailed, ToolOutput, ToolStarted
from ..executors import CodeResult
from ..frozen import freeze
from ..messages import ToolCall
from ..streams import RunScheduler, run_scoped
from ..streams.observe_on_run import serialize_on_run
from ..streams.sink import Producer, Sink
from ..tools.approval import Asking, ask_first
from ..tools.result_text import error_text, images_in, result_text
from .code_session import CodeSession, Variables

__all__ = ["run_code"]


def run_code(
    call: ToolCall,
    start: Callable[[str], Observable[Any]],
    session: CodeSession,
    on_end: Callable[[CodeResult | None], None],
) -> Observable[Event]:
    """Run code and emit its events.

    .. code-block:: text

        Call  = Asked? ToolStarted ToolOutput* (ToolCompleted | ToolFailed)  |  Asked ToolFailed
        Asked = ApprovalAsked ApprovalAnswered

    What it prints is emitted as it arrives; the model reads it with the value of the last line, or
    before the error. While the run is paused, no code starts.

    Args:
        call: The code as a call.
        start: Starts code in the session.
        session: The session of the run.
        on_end: Called with the result before the last event; None if it failed.
    """

    def subscribe(
        observer: abc.ObserverBase[Event], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        running = _Running(observer, call, start, run_scheduler, session, on_end)
        run_scheduler.when_resumed(running.begin)
        return running

    return run_scoped(Producer(subscribe))


class _Running(Sink[Any, Event]):
    __slots__ = (
        "_asking",
        "_call",
        "_edits",
        "_on_end",
        "_printed",
        "_result",
        "_scheduler",
        "_session",
        "_start",
    )

    def __init__(
        self,
        observer: abc.ObserverBase[Event],
        call: ToolCall,
        start: Callable[[str], Observable[Any]],
        scheduler: RunScheduler,
        session: CodeSession,
        on_end: Callable[[CodeResult | None], None],
    ) -> None:
        super().__init__(observer)
        self._call = call
        self._start = start
        self._scheduler = scheduler
        self._asking: Asking | None = None
        self._session = session
        self._printed: list[str] = []
        self._edits: list[str] = []
        self._result: CodeResult | None = None
        self._on_end = on_end

    def begin(self) -> None:
        if self.is_stopped:
            return
        self._asking = ask_first(
            self._call, self.observer, self._scheduler, self._run, self.on_error
        )
        if self._asking is None:
            self._run(self._call)
        else:
            self._asking.begin()

    def _run(self, call: ToolCall) -> None:
        if self.is_stopped:
            return
        self._call = call
        try:
            code = code_in(call)
        except InvalidArguments as error:
            self.on_error(error)
            return
        self.observer.on_next(ToolStarted(call))
        self._run_code(code)

    def _run_code(self, code: str) -> None:
        if self.is_stopped:
            return
        try:
            source = self._start(code)
        except Exception as error:
            self.on_error(error)
        else:
            scope = self._scheduler.scope.inside(self._call.id)
            self.follow(serialize_on_run(source), self._scheduler.within(scope))

    def on_next(self, value: Any) -> None:
        if isinstance(value, CodeResult):
            self._result = value
            return
        match value:
            case str():
                self._printed.append(value)
            case ApprovalAnswered(_, decision, ToolCall() as call) if is_edit(decision):
                self._edits.append(changed(call.arguments, call.name))
        self.observer.on_next(ToolOutput(self._call.id, value))

    def on_error(self, error: Exception) -> None:
        if isinstance(error, ToolError):
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

    def dispose(self) -> None:
        super().dispose()
        if self._asking is not None:
            self._asking.dispose()

    def _end(self, result: CodeResult | None, make: Callable[[Variables], Event]) -> None:
        is_answer = result is not None and result.is_final
        event = make(self._session.variables(is_answer=is_answer))
        self._on_end(result)
        self.observer.on_next(event)
        super().on_completed()

    @property
    def _printed_text(self) -> str:
        text = "".join(self._printed)
        printed = f"Printed:\n{text.removesuffix(chr(10))}" if text else ""
        return _joined(*self._edits, printed)


def code_in(call: ToolCall) -> str:
    """Return the code of a call.

    Raises:
        InvalidArguments: It was edited, and has none.
    """
    arguments = json.loads(call.arguments)
    code = arguments.get("code")
    if not isinstance(code, str):
        raise InvalidArguments(
            f'The arguments of {call.name} are {{"code": "..."}}, not {shown(arguments)}.',
            tool=call.name,
        )
    return code


def _joined(*texts: str) -> str:
    return "\n".join(filter(None, texts))
