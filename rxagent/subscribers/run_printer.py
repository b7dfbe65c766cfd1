"""RunPrinter: the lines about one run and the runs inside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .. import errors
from ..arguments import plural
from ..events import (
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    FinalAnswer,
    Finish,
    MessageCompleted,
    MessageReceived,
    Planned,
    PlanStarted,
    ReasoningDelta,
    RefusalDelta,
    RunCompleted,
    RunFailed,
    StepFailed,
    StepLimitReached,
    StepRetried,
    StepStarted,
    Summarised,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from ..messages import ToolCall
from ..printable import one_line, shown, spelled
from .spent import Spent
from .terminal import Part, Terminal
from .text import answer_text, call_text, code_of, duration, output_in, tokens, tokens_by_model

__all__ = ["RunPrinter"]

_MILD = {"RunCancelled": "cancelled", "ModelRefused": "refused"}
_TIMES = {1: "once", 2: "twice"}


class RunPrinter:
    """Prints a run: its text as it arrives, and a line for each step, call and failure.

    Each run inside it has a printer of its own, which indents its lines and prints whole messages,
    so that parallel runs never mix within a line.
    """

    def __init__(
        self,
        terminal: Terminal,
        clock: Callable[[], float],
        *,
        live: bool = True,
        code: bool = False,
        within: _Work | None = None,
    ) -> None:
        self._terminal = terminal
        self._clock = clock
        self._live = live and within is None
        self._code = code and within is None
        self._within = within
        self._indent: str = "" if within is None else within.printer._indent + "  "
        self._latest = self
        self._began = clock()
        self._steps = 0
        self._spent = Spent()
        self._planning = False
        self._writing = False
        self._text: list[str] = []
        self._works: dict[str, _Work] = {}
        self._calls: dict[str, ToolCall] = {}
        self._later: list[Callable[[], None]] = []

    def print_event(self, event: Event) -> None:
        """Print an event, and update the status line."""
        self._add(event)
        while isinstance(event, ToolOutput):
            event = event.value
        # The question is asked at this terminal, perhaps.
        self._terminal.status("" if isinstance(event, ApprovalAsked) else self._doing())

    def _add(self, event: Event) -> None:
        match event:
            case TextDelta(text):
                self._add_text(text)
            case ReasoningDelta(text) if self._within is None:
                self._terminal.aside("reasoning", text)
            case RefusalDelta(text) if self._within is None:
                self._terminal.aside("refusal", text, "yellow")
            case ToolCallDelta():
                self._writing = True
            case PlanStarted() | StepStarted():
                self._start_turn(event)
            case Usage():
                self._root._spent.add(event)
            case Finish("length"):
                self._line(("… cut off by the length limit", "yellow"))
            case Finish("interrupted"):
                self._line(("… interrupted", "yellow"))
            case StepRetried(_, error):
                self._withdraw()
                self.end_text()
                self._line((f"↻ retried: {one_line(error)}", "yellow"))
            case MessageCompleted(message):
                self._writing = False
                self._calls |= {call.id: call for call in message.tool_calls}
                if self._within is not None and message.tool_calls:
                    self._block(message.text, "dim")
                self.end_text()
            case StepFailed(error):
                self._withdraw()
                what, _, _ = error.partition("\n\n")  # then comes how to write it
                self._line((f"✗ step {self._steps}: {one_line(what)}", "yellow"))
            case MessageReceived(message):
                self._line(("›", "cyan"), f" {one_line(message.text)}")
            case StepLimitReached(limit):
                self._code = False  # the closing step writes the answer
                self._line(("●", "yellow"), f" the limit of {limit} steps is reached")
            case Planned(text):
                self._planning = False
                self._print_plan(text)
            case Summarised(_, steps):
                self._line(("●", "cyan"), f" {plural(steps, 'step')} summarised")
            case FinalAnswer(value) if self._within is None:
                self._print_answer(answer_text(value))
            case RunCompleted(usage) if self._within is None:
                self._print_end(usage)
            case RunFailed():
                self._print_failure(event)
            case _:
                self._add_call(event)

    # The turn

    def _start_turn(self, event: Event) -> None:
        self._writing = True
        self._text.clear()
        match event:
            case PlanStarted():
                self._planning = True
            case StepStarted(number):
                self._steps = number

    def _add_text(self, text: str) -> None:
        self._writing = True
        if self._code and not self._planning:
            self._terminal.aside("code", text, "")
        elif self._live and not self._planning:
            self._text.append(text)
            self._terminal.answer(text)

    def _withdraw(self) -> None:
        """Write below the text of a turn that it is not part of the answer."""
        if "".join(self._text).strip():
            self._terminal.withdraw()
        self._text.clear()

    def end_text(self) -> None:
        """End the open text, and print the lines that waited for its end."""
        if self._within is None:
            self._terminal.end_line()
            later, self._later = self._later, []
            for write in later:
                write()

    def _print_plan(self, text: str) -> None:
        lines = [line for line in map(one_line, shown(text).splitlines()) if line] or ["(empty)"]
        joined = "  ".join(lines)
        if len(joined) <= 60:
            self._line(("●", "cyan"), (" plan    ", "bold"), joined)
        else:
            self._line(("●", "cyan"), (" plan", "bold"))
            self._block(text)

    def _print_answer(self, answer: str) -> None:
        if answer != "".join(self._text):
            self._terminal.end_line()
            self._terminal.answer(answer)
        self._terminal.end_line()

    # Calls

    def _add_call(self, event: Event) -> None:
        match event:
            case ToolStarted(call):
                self._works[call.id] = self._work_of(call)
            case ToolOutput(call_id, Event() as inner):
                self._work(call_id).add(inner)
            case ToolOutput(call_id, str(text)):
                self._work(call_id).add_output(text)
            case ToolCompleted(call_id, result):
                self._end(call_id, result, failed=False)
            case ToolFailed(call_id, error):
                self._end(call_id, error, failed=True)
            case ApprovalAsked(call):
                self._calls[call.id] = call  # a call of code stands in no message
                self._line(("?", "yellow"), f" {call_text(call)}")
            case ApprovalAnswered(call_id, decision):
                name = self._work(call_id).call.name
                self._line(("?", "yellow"), f" {spelled(name)}: {one_line(decision)}")

    def _work(self, call_id: str) -> _Work:
        call = self._calls.get(call_id) or ToolCall(call_id, call_id)
        return self._works.get(call_id) or _Work(self, call)

    def _work_of(self, call: ToolCall) -> _Work:
        code = code_of(call)
        if code is None:
            return _Work(self, call)
        work = _CodeWork(self, call)
        if not self._code and code not in "".join(self._text):
            work.print_code(code)
        self._root._latest = self  # below its code, it needs no other head
        return work

    def _end(self, call_id: str, text: str, *, failed: bool) -> None:
        work = self._work(call_id)
        self._works.pop(call_id, None)
        work.print_end(text, self._clock() - work.began, failed)

    # The end

    def _print_failure(self, event: RunFailed) -> None:
        self.end_text()
        for work in self._works.values():
            work.print_unfinished()
        self._rest()
        error = one_line(event.error)
        if event.kind in errors.__all__:
            error = error.removeprefix(f"{event.kind}: ")
        word = _MILD.get(event.kind, "")
        text = error if word in error else f"{word}: {error}"
        self._line((f"✗ {text}", "yellow" if word else "red"))
        if self._within is None:
            self._print_end(self._spent.total)

    def _rest(self) -> None:
        self._works.clear()
        self._planning = self._writing = False

    def _print_end(self, usage: Usage | None) -> None:
        self._rest()
        took = duration(self._clock() - self._began)
        self._line((f"  {plural(self._steps, 'step')} · {took} · {tokens(usage)}", "dim"))
        for line in tokens_by_model(self._spent.by_model):
            self._line((f"  {line}", "dim"))

    # Lines

    def _line(self, *parts: Part, note: str = "", cut: bool = False) -> None:
        if self._within is not None:
            self._within.print_start()
        root = self._root
        root._latest = self
        write = partial(self._terminal.line, self._indent, *parts, note=note, cut=cut)
        if root._writing and self._terminal.is_streaming:
            root._later.append(write)
        else:
            write()

    def _block(self, text: str, style: str = "") -> None:
        for line in shown(text).strip("\n").splitlines():
            self._line((f"  {line}", style))

    @property
    def _root(self) -> RunPrinter:
        return self if self._within is None else self._within.printer._root

    def is_inside(self, other: RunPrinter | None) -> bool:
        """Return whether this printer is another one, or prints a run inside its run."""
        return self is other or (self._within is not None and self._within.printer.is_inside(other))

    def _doing(self) -> str:
        if self._works:
            return ", ".join(work.doing() for work in self._works.values())
        return "planning" if self._planning else "thinking" if self._writing else ""


class _Work:
    """Prints one call."""

    def __init__(self, printer: RunPrinter, call: ToolCall) -> None:
        self.printer = printer
        self.call = call
        self.began = printer._clock()
        self._retries = 0
        self._is_printed = False
        self._inner: RunPrinter | None = None

    def add(self, event: Event) -> None:
        """Print an event inside the call; count retries of a tool that is not an agent."""
        if isinstance(event, StepRetried) and self._inner is None:
            self._retries += 1
            return
        if self._inner is None:
            self._inner = RunPrinter(self.printer._terminal, self.printer._clock, within=self)
        self._inner._add(event)

    def add_output(self, text: str) -> None:
        """Ignore text that a tool emits; its result is printed at the end."""

    def doing(self) -> str:
        """Return the call's name, and the status of a run inside it."""
        inner = "" if self._inner is None else self._inner._doing()
        return f"{self.call.name} › {inner}" if inner else self.call.name

    def print_start(self) -> None:
        """Print the call before lines inside it; again after lines of other runs."""
        if not self._is_printed:
            self._is_printed = True
            self.printer._line(*self._head(), cut=True)
        elif not self.printer._root._latest.is_inside(self._inner):
            self.printer._line(("●", "cyan"), (f" {spelled(self.call.name)} …", "dim"), cut=True)

    def print_end(self, text: str, took: float, failed: bool) -> None:
        """Print the result, after the call unless that is printed already."""
        note = duration(took)
        if self._is_printed:
            self.print_start()
        else:
            self.printer._line(*self._head("red" if failed else "green"), note=note)
            note = ""
        first, _, rest = shown(text).strip().partition("\n")
        more = rest.count("\n") + 1 if rest else 0
        mark, style = ("✗ ", "red") if failed else ("└ ", "")
        outcome = f"{first} … {plural(more, 'more line')}" if more else first
        if outcome or note:
            self.printer._line("  ", (mark, style or "dim"), (outcome, style), note=note, cut=True)

    def print_unfinished(self) -> None:
        """Print a call that did not end before its run."""
        self.printer._line(*self._head("yellow"), note="not finished")

    def _head(self, style: str = "cyan") -> tuple[Part, ...]:
        text = call_text(self.call)
        name = spelled(self.call.name)
        retries = f"  ↻ retried {_TIMES.get(self._retries, f'{self._retries} times')}"
        return (
            ("●", style),
            (f" {name}", "bold"),
            text.removeprefix(name),
            (retries if self._retries else "", "yellow"),
        )


class _CodeWork(_Work):
    """Prints code that runs, with its output below it."""

    def __init__(self, printer: RunPrinter, call: ToolCall) -> None:
        super().__init__(printer, call)
        self._printed: list[str] = []
        self._open_line = ""
        self._is_printed = True

    def print_code(self, code: str) -> None:
        """Print the code, which was not printed while the model wrote it."""
        self.printer._line(*self._head())
        self.printer._block(code, "dim")

    def print_start(self) -> None:
        """Print the call again after lines of other runs."""
        if self.printer._root._latest is not self.printer:
            super().print_start()

    def add_output(self, text: str) -> None:
        """Print the lines that a piece of output completes."""
        self._printed.append(text)
        *lines, self._open_line = (self._open_line + shown(text)).split("\n")
        for line in lines:
            self._line(line)

    def _line(self, line: str) -> None:
        self.print_start()
        self.printer._line("  ", ("│ ", "dim"), line)

    def print_end(self, text: str, took: float, failed: bool) -> None:
        """Print the value or the error; the output is printed already, but in a replay."""
        if not self._printed:
            printed, text = output_in(text, failed)
            self.add_output(printed)
        if self._open_line:
            self._line(self._open_line)
        printed = f"Printed:\n{''.join(self._printed).removesuffix(chr(10))}"
        rest = text.removeprefix(printed).removesuffix(printed) if self._printed else text
        if rest.strip():
            super().print_end(rest, took, failed)

    def _head(self, style: str = "cyan") -> tuple[Part, ...]:
        return (("●", style), (" code", "bold"))
