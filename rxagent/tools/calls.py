"""Calls: what happens when a model calls a tool."""

from collections.abc import Mapping
from typing import Any

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable

from ..errors import ToolTimeout
from ..events import Event, FinalAnswer, ToolCompleted, ToolFailed, ToolOutput, ToolStarted
from ..messages import ToolCall
from ..streams import Home, at_home
from .definition import NOTHING_GIVEN, Tool
from .outputs import Raised, Returned, outputs
from .texts import error_text, result_text
from .toolbox import Toolbox

__all__ = ["run_call"]


def run_call(
    tools: Toolbox,
    call: ToolCall,
    additional: Mapping[str, Any] = NOTHING_GIVEN,
    *,
    cut: bool = False,
) -> Observable[Event]:
    """Run one call, and emit its events.

    .. code-block:: text

        Call = ToolStarted ToolOutput* (ToolCompleted | ToolFailed)  |  ToolFailed

    Whatever the tool does, its call ends in an event. Disposing stops a coroutine where it
    waits; of other code nothing more is heard. While the run is held, nothing starts.

    Args:
        tools: The tools that may be called.
        call: What the model wishes.
        additional: What the run gives to parameters that are `Given`, by name.
        cut: Whether the model was cut short, so that the arguments may be incomplete.
    """

    def subscribe(
        observer: abc.ObserverBase[Event], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        home = Home.of(scheduler)
        work = CompositeDisposable()

        def begin() -> None:
            try:
                tool = tools.find(call.name)
                arguments = tool.read(call.arguments, additional, cut=cut)
            except Exception as error:
                fail(error)
                return
            observer.on_next(ToolStarted(call))
            if tool.timeout is not None:
                late = _late(tool)
                work.add(home.schedule_relative(tool.timeout, lambda *_: fail(late)))
            if not work.is_disposed:
                follow(outputs(tool.function, arguments))

        def follow(stream: Observable[Any]) -> None:
            outcome = _Outcome()

            def on_next(output: Any) -> None:
                outcome.add(output)
                if not isinstance(output, Returned):
                    observer.on_next(ToolOutput(call.id, output))

            def on_error(error: Exception) -> None:
                if isinstance(error, Raised):
                    fail(error.cause)
                else:
                    observer.on_error(error)

            def on_completed() -> None:
                try:
                    value, text = outcome.result()
                except Exception as error:
                    fail(error)
                else:
                    end(ToolCompleted(call.id, text, value))

            work.add(stream.subscribe(on_next, on_error, on_completed, scheduler=home))

        def fail(error: BaseException) -> None:
            end(ToolFailed(call.id, error_text(error)))

        def end(event: Event) -> None:
            work.dispose()
            observer.on_next(event)
            observer.on_completed()

        home.when_open(begin)
        return work

    return at_home(Observable(subscribe))


def _late(tool: Tool) -> ToolTimeout:
    return ToolTimeout(
        f"{tool.name} took longer than {tool.timeout:g} s and was stopped.", tool=tool.name
    )


class _Outcome:
    """What a tool's outputs come to: what it returned, an inner agent's answer, the joined
    text if all is text, else the last."""

    def __init__(self) -> None:
        self._last: Any = None
        self._texts: list[str] | None = []
        self._answer: Returned | FinalAnswer | None = None

    def add(self, output: Any) -> None:
        if isinstance(output, Returned | FinalAnswer):
            self._answer = output
        elif isinstance(output, str) and self._texts is not None:
            self._texts.append(output)
        else:
            self._texts = None
        self._last = output

    def result(self) -> tuple[Any, str]:
        """Return the value and the text that the model reads."""
        match self._answer:
            case Returned(value, text):
                return value, text
            case FinalAnswer(value):
                return value, result_text(value)
        value = "".join(self._texts) if self._texts else self._last
        return value, result_text(value)
