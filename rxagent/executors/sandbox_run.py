"""One run of a piece of code in the sandbox.

.. code-block:: text

    start ─▶ turn: it computes ─┬─ prints ─────────────────────────────▶ str
              ▲                 ├─ it calls a tool ─ Functions.call ───▶ Event
              └─── an answer ───┼─ it waits for several, or sleeps
                                └─ it ends ────────────────────────────▶ CodeResult | CodeError
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from reactivex import Observable, abc
from reactivex.disposable import SerialDisposable

from ..errors import CodeError
from ..events import Event
from ..streams import RunScheduler
from .process_worker.unawaited import early_answer, note_on
from .protocol import PATIENCE, CodeResult, Functions, Limits
from .sandbox_answers import Answer, ended, named, nothing, pending, raised, raising, returned
from .sandbox_awaits import Awaits, Place
from .sandbox_calls import SandboxCall
from .sandbox_errors import error_of, is_limit, is_of_code, limit_error, time_error, undefined
from .sandbox_turns import Awaited, Called, Ended, Failed, Item, Turns, Undefined
from .sandbox_variables import SandboxVariables

__all__ = ["SandboxRun"]

_LATE = 0.05
"""Seconds beyond its time in which code that has slept may end, before its process is killed."""

_OF_OTHER_CODE = (
    "RuntimeError: the code awaits a call that code before it made, which has ended. "
    "Call the function again, and await it in the same code."
)

_SLEEPS = ("time.sleep", "asyncio.sleep")


class SandboxRun(abc.DisposableBase):
    """Runs a piece of code; everything but its turns happens on the run's loop thread.

    Args:
        variables: Those of the session, which this run has for itself.
        limits: The limits of the code.
        code: The code.
        functions: What it may call.
        observer: The observer of its prints, events and result.
        scheduler: The run's.
        previous: The run before it in the same session.
    """

    def __init__(
        self,
        variables: SandboxVariables,
        limits: Limits,
        code: str,
        functions: Functions,
        observer: abc.ObserverBase[str | Event | CodeResult],
        scheduler: RunScheduler,
        previous: SandboxRun | None = None,
    ) -> None:
        self._previous = previous if previous is not None and not previous.is_done else None
        self._has_begun = False
        self._when_over: list[Callable[[], None]] = []
        self._variables = variables
        self._limits = limits
        self._code = code.encode("utf-8", "replace").decode("utf-8")
        self._functions = functions
        self._observer = observer
        self._scheduler = scheduler
        self._turns = Turns(variables, scheduler, self._arrive, self.dispose)
        self._timer = SerialDisposable()
        self._has_slept = False
        self._printed = 0
        self._called = 0
        self._outcome: CodeResult | CodeError | None = None  # once the code has to end
        self._calls: dict[int, SandboxCall] = {}
        self._unawaited: dict[int, str] = {}  # the names of asynchronous calls
        self._awaits = Awaits(self._code, functions.names)
        self._places: dict[int, Place | None] = {}
        self._sleeping: dict[int, abc.DisposableBase] = {}
        self._settled: dict[int, Answer] = {}
        self._waiting: tuple[Awaited, float] | None = None

    @property
    def is_over(self) -> bool:
        """Whether the code has ended, or was disposed."""
        return self._turns.is_over

    @property
    def is_done(self) -> bool:
        """Whether neither this nor the run before it uses the session."""
        return self.is_over and (self._previous is None or self._previous.is_done)

    def begin(self) -> None:
        """Start the code, once that before it is over, unless this is disposed."""
        if self._previous is None or self._previous.is_done:
            self._start()
        else:
            self._timer.disposable = self._after(PATIENCE, self._refuse)
            self._previous.notify(lambda: self._scheduler.when_resumed(self._start))

    def notify(self, action: Callable[[], None]) -> None:
        """Call a function once this is over, on any thread, perhaps twice."""
        self._when_over.append(action)
        if self.is_over:
            action()

    def _start(self) -> None:
        if self.is_over or self._has_begun:
            return
        self._has_begun = True
        self._previous = None
        self._timer.disposable = None
        names = (*self._functions.names, "final_answer")
        self._turns.start(self._code, {name: named(name) for name in names}, self._print)

    def _refuse(self) -> None:
        self._close()
        error = RuntimeError("This session runs other code. Wait for its end.")
        self._observer.on_error(error)

    def dispose(self) -> None:
        """Kill the code."""
        if not self.is_over:
            self._turns.is_over = True  # first, so that no process is taken any more
            if self._has_begun:
                self._variables.lose()
            self._close()

    def _close(self) -> None:
        self._turns.close()
        for action in self._when_over:
            action()
        self._timer.dispose()
        for call in (*self._calls.values(), *self._sleeping.values()):
            call.dispose()
        self._calls.clear()  # they hold this
        self._sleeping.clear()

    # What it prints.

    def _print(self, _: str, text: str) -> None:
        """Emit a text, as long as there is room; on the thread of a turn."""
        room = self._limits.output - self._printed
        self._printed += len(text)
        if room > 0 and not self.is_over:
            self._scheduler.when_resumed(partial(self._emit, text[:room]))

    def _emit(self, item: str | Event) -> None:
        if not self.is_over:
            self._observer.on_next(item)

    # What a turn ended with.

    def _arrive(self, item: Item) -> None:
        if self.is_over:
            return
        if self._has_slept:
            self._timer.disposable = None
        match item:
            case Ended(value, fault):
                self._end(self._outcome or (CodeError(fault) if fault else CodeResult(value)))
            case Failed(error):
                self._fail(error)
            case _ if self._turns.used > self._limits.seconds:
                self._stop_late()
            case Called(is_system=True):
                self._ask_system(item)
            case Called():
                self._call(item)
            case Awaited():
                self._wait(item)
            case Undefined(snapshot):
                self._go_on(snapshot.resume, counted=True)

    def _go_on(self, step: Callable[[], Any], *, counted: bool = False) -> None:
        if self._has_slept:  # the library does not count that
            left = max(self._limits.seconds - self._turns.used, 0.0) + _LATE
            self._timer.disposable = self._after(left, self._stop_late)
        self._turns.go_on(step, counted=counted)

    def _answer(self, snapshot: Any, answer: Answer, *, counted: bool = True) -> None:
        if not self.is_over:
            self._go_on(lambda: snapshot.resume(answer()), counted=counted)

    def _after(self, seconds: float, action: Callable[[], None]) -> abc.DisposableBase:
        return self._scheduler.schedule_relative(
            seconds, lambda *_: None if self.is_over else action()
        )

    # Calls.

    def _call(self, item: Called) -> None:
        functions, name, snapshot = self._functions, item.name, item.snapshot
        if self._outcome is not None:
            self._answer(snapshot, ended)
        elif item.fault is not None:
            self._answer(snapshot, raising(*item.fault.split(": ", 1)))
        elif name == "final_answer":
            self._answer(snapshot, self._final_answer([*item.args, *item.kwargs.values()]))
        elif name not in functions.names:
            text = f"name '{name}' is not defined.{undefined(name, functions)}"
            self._answer(snapshot, raising("NameError", text))
        elif self._called >= self._limits.calls:
            self._outcome = CodeError(
                f"RuntimeError: the code called more than {self._limits.calls} tools, and was "
                "stopped. Call fewer, or do the rest in the next step."
            )
            self._answer(snapshot, ended)
        else:
            self._called += 1
            events = functions.call(name, item.args, item.kwargs)
            if name in functions.asynchronous:
                number = snapshot.call_id
                self._unawaited[number] = name
                self._places[number] = item.place
                self._subscribe(number, name, events, partial(self._settle, number))
                self._answer(snapshot, pending)
            else:
                answer = partial(self._answer, snapshot, counted=False)
                self._subscribe(-1, name, events, answer)

    def _final_answer(self, values: list[Any]) -> Answer:
        if len(values) != 1:
            text = f"final_answer takes one value, the answer, not {len(values)}"
            return raising("TypeError", text)
        if self._unawaited:
            return raising("RuntimeError", early_answer(self._unawaited.values()))
        self._outcome = CodeResult(values[0], is_final=True)
        self._turns.has_answer = True
        return ended

    def _subscribe(
        self, number: int, name: str, events: Observable[Event], then: Callable[[Answer], None]
    ) -> None:
        def settle(value: Any, text: str, error: str | None) -> None:
            self._calls.pop(number, None)
            then(returned(value, text) if error is None else raised(error))

        call = SandboxCall(self._observer, name, settle, self._break)
        self._calls[number] = call
        call.follow(events, self._scheduler)

    def _break(self, error: Exception) -> None:
        """End by an error that no code can catch."""
        self.dispose()
        self._observer.on_error(error)

    def _ask_system(self, item: Called) -> None:
        if item.name not in _SLEEPS:
            self._go_on(item.snapshot.resume_not_handled, counted=True)
            return
        self._has_slept = True
        seconds = max(0.0, float(item.args[0])) if item.args else 0.0
        left = max(self._limits.seconds - self._turns.used, 0.0)
        if item.name == "asyncio.sleep":
            number = item.snapshot.call_id
            # Longer than there is time is as good as for ever.
            end = partial(self._settle, number, nothing)
            self._sleeping[number] = self._after(min(seconds, 2 * left + 1), end)
            self._answer(item.snapshot, pending)
        elif seconds >= left:
            self._timer.disposable = self._after(left, self._stop_late)
        else:
            self._turns.used += seconds
            answer = partial(self._answer, item.snapshot, nothing, counted=not seconds)
            self._timer.disposable = self._after(seconds, answer)

    # Several at once.

    def _wait(self, item: Awaited) -> None:
        places = self._places
        held = {n for n in item.ids if self._awaits.hold(item.place, places.get(n))} or item.ids
        for number in held:
            self._unawaited.pop(number, None)
        if not item.ids:
            self._kill(_OF_OTHER_CODE)
            return
        if self._outcome is not None:
            self._go_on(lambda: item.snapshot.resume({number: ended() for number in item.ids}))
            return
        # What nothing has awaited is kept, so that the code waits when it awaits that.
        ready = {number: self._settled.pop(number) for number in held if number in self._settled}
        if ready:
            self._go_on(
                lambda: item.snapshot.resume({number: make() for number, make in ready.items()})
            )
            return
        self._waiting = item, self._scheduler.time()
        if self._only_sleeps(item):
            left = max(self._limits.seconds - self._turns.used, 0.0)
            self._timer.disposable = self._after(left, self._stop_late)

    def _only_sleeps(self, item: Awaited) -> bool:
        return not item.ids & self._calls.keys()

    def _settle(self, number: int, answer: Answer) -> None:
        if self.is_over:
            return
        self._settled[number] = answer
        if self._waiting is not None and number in self._waiting[0].ids:
            item, since = self._waiting
            self._waiting = None
            if number in self._sleeping and self._only_sleeps(item):
                self._turns.used += self._scheduler.time() - since
            self._wait(item)
        self._sleeping.pop(number, None)

    # The end.

    def _stop_late(self) -> None:
        self._kill(time_error(self._limits))

    def _fail(self, error: Exception) -> None:
        if is_limit(error):
            self._kill(limit_error(error, self._limits))
        elif is_of_code(error):
            self._end(self._outcome or error_of(error, self._functions, self._unawaited.values()))
        else:
            self._break(error)

    def _kill(self, text: str) -> None:
        """End at a limit; code that has given its answer before has succeeded."""
        if isinstance(self._outcome, CodeResult):
            self._variables.lose(is_undone=False)
            self._end(self._outcome)
        else:
            self._variables.lose()
            left = self._variables.tell_what_is_left()
            self._end(CodeError(f"{self._outcome or text}\n{left}"))

    def _end(self, outcome: CodeResult | CodeError) -> None:
        is_usual = isinstance(outcome, CodeResult) and not outcome.is_final
        for call in tuple(self._calls.values()):
            if (event := call.cut()) is not None:
                self._emit(event)
                self._unawaited[-1] = call.name
        if is_usual and self._unawaited:
            self._emit(note_on(self._unawaited.values()))
        if self._printed > self._limits.output:
            self._emit(
                f"\n(The code printed {self._printed:,} characters; only the first "
                f"{self._limits.output:,} are shown. Print less.)\n"
            )
        if self._variables.are_lost and (is_usual or isinstance(outcome, CodeError)):
            left = self._variables.tell_what_is_left()
            self._emit(f"(The variables take too much memory. {left})\n")
        if self.is_over:
            return
        self._close()
        if isinstance(outcome, CodeError):
            self._observer.on_error(outcome)
        else:
            self._observer.on_next(outcome)
            self._observer.on_completed()
