"""Tool calls as streams of events."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import BoundArguments
from typing import Any

from attrs import evolve
from reactivex import Observable, abc
from reactivex.disposable import SerialDisposable

from ..call_arguments import as_object
from ..errors import PoolExhausted, ToolError, ToolTimeout
from ..events import (
    Event,
    FinalAnswer,
    StepRetried,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)
from ..messages import Image, ToolCall
from ..streams import RunScheduler, run_scoped
from ..streams.sink import Producer, Sink
from ..streams.workers import Workers
from .approval import Asking, ask_first
from .definition import NOTHING_GIVEN, Tool
from .outputs import Pictured, Raised, Returned
from .result_text import error_text, images_in, result_text
from .toolbox import Toolbox

__all__ = ["run_call"]


def run_call(
    tools: Toolbox,
    call: ToolCall,
    additional: Mapping[str, Any] = NOTHING_GIVEN,
    *,
    cut: bool = False,
    workers: Workers | None = None,
    is_asked: bool = True,
) -> Observable[Event]:
    """Run one call and emit its events.

    .. code-block:: text

        Call  = Asked? ToolStarted ToolOutput* (ToolCompleted | ToolFailed)  |  Asked? ToolFailed
        Asked = ApprovalAsked ApprovalAnswered

    Every call ends with an event, whatever the tool raises. A call that could run is asked about,
    if its agent has a policy of approval. The arguments of a call that could run are the object
    with which it runs, from then on. ToolStarted is emitted when a worker is free; the time-out
    starts then. Disposing cancels a coroutine; output of a running thread is discarded. While the
    run is paused, no call starts.

    Args:
        tools: The tools that may be called.
        call: The call that the model requests.
        additional: The values of `Given` parameters, by name.
        cut: Whether the length limit cut off the turn, so that the arguments may be incomplete.
        workers: The threads that run plain functions; by default those that the process shares.
        is_asked: Whether the call needs approval where its agent has a policy.
    """

    def subscribe(
        observer: abc.ObserverBase[Event], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        running = _Running(observer, call, run_scheduler, workers)
        run_scheduler.when_resumed(lambda: running.begin(tools, additional, cut, is_asked))
        return running

    return run_scoped(Producer(subscribe))


class _Running(Sink[Any, Event]):
    __slots__ = (
        "_asking",
        "_call",
        "_has_started",
        "_outcome",
        "_scheduler",
        "_timer",
        "_tool",
        "_workers",
    )

    def __init__(
        self,
        observer: abc.ObserverBase[Event],
        call: ToolCall,
        scheduler: RunScheduler,
        workers: Workers | None,
    ) -> None:
        super().__init__(observer)
        self._workers = workers
        self._call = call
        self._has_started = False
        self._scheduler = scheduler
        self._outcome = _Outcome()
        self._timer = SerialDisposable()
        self._tool: Tool | None = None
        self._asking: Asking | None = None

    def begin(
        self, tools: Toolbox, additional: Mapping[str, Any], cut: bool, is_asked: bool
    ) -> None:
        if self.is_stopped:
            return
        call = self._call
        try:
            tool = tools.find(call.name)
            arguments = tool.read(call.arguments, additional, cut=cut)
            call = self._call = _as_read(tool, call)
        except Exception as error:
            self._fail(error)
            return

        def approved(call: ToolCall) -> None:
            if call.arguments == self._call.arguments:
                self._run(tool, arguments)
                return
            self._call = _as_read(tool, call)
            try:
                edited = tool.read(call.arguments, additional)
            except Exception as error:
                self._fail(error)
            else:
                self._run(tool, edited)

        if is_asked:
            self._asking = ask_first(call, self.observer, self._scheduler, approved, self._fail)
        if self._asking is None:
            self._run(tool, arguments)
        else:
            self._asking.begin()

    def _run(self, tool: Tool, arguments: BoundArguments) -> None:
        if self.is_stopped:
            return
        self._tool, self._asking = tool, None
        source = tool.outputs(arguments, self._start, self._workers)
        scope = self._scheduler.scope.inside(self._call.id)
        self.follow(source, self._scheduler.within(scope))

    def _start(self) -> None:
        """Emit ToolStarted and start the time-out, the first time that the function is called.

        An operator may also answer in the place of the function, or before it.
        """
        tool = self._tool
        if tool is None or self.is_stopped or self._has_started:
            return
        self._has_started = True
        self.observer.on_next(ToolStarted(self._call))
        if tool.timeout is not None and not self.is_stopped:
            self._timer.disposable = self._scheduler.schedule_relative(
                tool.timeout, lambda *_: self._fail(_late(tool))
            )

    def on_next(self, value: Any) -> None:
        self._start()
        if isinstance(value, StepRetried):  # what was emitted so far is retracted
            self._outcome = _Outcome()
            outputs = [value]
        else:
            outputs = self._outcome.add(value)
        for output in outputs:
            if not self.is_stopped:
                self.observer.on_next(ToolOutput(self._call.id, output))

    def on_error(self, error: Exception) -> None:
        if isinstance(error, Raised):
            self._fail(error.cause)
        elif isinstance(error, ToolError | PoolExhausted):
            self._fail(error)
        else:
            super().on_error(error)

    def on_completed(self) -> None:
        self._start()
        if self.is_stopped:
            return
        try:
            value, text, images = self._outcome.result()
        except Exception as error:
            self._fail(error)
        else:
            self._end(ToolCompleted(self._call.id, text, value, images))

    def _fail(self, error: BaseException) -> None:
        self._end(ToolFailed(self._call.id, error_text(error)))

    def _end(self, event: Event) -> None:
        self._timer.dispose()
        self._asking = None
        self._dispose_source()
        self.observer.on_next(event)
        super().on_completed()

    def dispose(self) -> None:
        super().dispose()
        self._timer.dispose()
        if self._asking is not None:
            self._asking.dispose()


def _as_read(tool: Tool, call: ToolCall) -> ToolCall:
    """Return a call whose arguments are the object with which it runs, if they stand for one."""
    arguments = as_object(call.arguments, tool.parameters["properties"])
    return call if arguments is call.arguments else evolve(call, arguments=arguments)


def _late(tool: Tool) -> ToolTimeout:
    return ToolTimeout(
        f"{tool.name} took longer than {tool.timeout:g} s and was stopped.", tool=tool.name
    )


class _Outcome:
    """The result of a tool: the one value that it returned, an inner agent's answer, the joined
    text if all outputs are text, or else the last output."""

    def __init__(self) -> None:
        self._is_empty = True
        self._last: Any = None
        self._texts: list[str] | None = []
        self._returned: Returned | None = None
        self._answer: FinalAnswer | None = None
        self._images: tuple[Image, ...] = ()
        self._captions: list[str] = []

    def add(self, value: Any) -> list[Any]:
        """Add a value; return the outputs to emit."""
        if isinstance(value, Returned) and self._is_empty:
            self._is_empty, self._returned = False, value
            return []
        # Operators emit more than the function returned, so all that they emit are outputs.
        several = [value] if self._returned is None else [self._returned, value]
        self._is_empty, self._returned = False, None
        return [self._plain(each) for each in several]

    def _plain(self, output: Any) -> Any:
        if isinstance(output, Pictured | Returned):
            self._images += output.images
            output = output.value
        if isinstance(output, FinalAnswer):
            self._answer = output
        elif isinstance(output, str):
            self._captions.append(output)
            if self._texts is not None:
                self._texts.append(output)
        else:
            self._texts = None
        self._last = output
        return output

    def result(self) -> tuple[Any, str, tuple[Image, ...]]:
        """Return the value, and the text and the images for the model."""
        if self._returned is not None:
            return self._returned.value, self._returned.text, self._returned.images
        if self._answer is not None:
            value = self._answer.value
            return value, result_text(value), images_in(value)
        value = "".join(self._texts) if self._texts else self._last
        if self._images:
            named = [f"(image {number})" for number in range(1, len(self._images) + 1)]
            own = [] if isinstance(value, str) or images_in(value) else [result_text(value)]
            return value, "\n".join([*self._captions, *own, *named]), self._images
        return value, result_text(value), ()
