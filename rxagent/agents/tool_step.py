"""The step of an agent that calls tools: a turn of the model, then its calls.

.. code-block:: text

    model ─ normalise ─ unless_refused ─┬─ the deltas themselves ────────────────────┐
                                        ├─ sealed ─ eager calls ─────────────────────┼─ step
                                        └─ accumulate ─ parse_calls ─ calls, answer ─┘
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from reactivex import Observable, compose

from .. import operators as ops
from ..call_forms import has_begun_call
from ..errors import ParseError
from ..events import (
    Delta,
    Event,
    Finish,
    MessageCompleted,
    StepRetried,
    ToolFailed,
)
from ..messages import Message, Request, ToolCall
from ..state import State
from ..streams import merge
from ..streams import operators as stream_ops
from ..streams.observe_on_run import serialize_on_run
from ..streams.workers import Workers
from ..tools import FINAL_ANSWER, Toolbox, run_call
from .answers import check_answer, failed_if_unusable, read_answer
from .asking import ask
from .eager import eager_calls
from .loop import Turn
from .output import Output

__all__ = ["ToolStep"]


@frozen
class ToolStep:
    """The step of an agent that calls tools.

    Attributes:
        model: A model, as `as_model` returns it.
        tools: The tools that a turn may call.
        request: Makes the next request from the state; its flag says whether the step is the
            closing one.
        checks: The checks of an answer: `check(value, state)`.
        output: The type of the answer; None for any.
        text_answers: Whether a turn without calls is the answer; if not, it failed.
        eager: Whether calls of a tool, by its name, start while the model still writes; None for
            no tool.
        workers: The threads that run plain functions; None for those that the process shares.
    """

    model: Callable[[Request], Observable[Delta]]
    tools: Toolbox
    request: Callable[[State, bool], Request]
    checks: tuple[Callable[..., Any], ...]
    output: Output | None
    text_answers: bool
    eager: Callable[[str], bool] | None
    workers: Workers | None

    def __call__(self, turn: Turn) -> Observable[Event]:
        """Return the events of a step."""
        step = _Step(self, turn, set())
        request = self.request(turn.state, turn.closing)
        final = FINAL_ANSWER if self.output is None else self.output.spec
        is_lenient = self.text_answers or self.output is not None
        deltas = ask(self._deltas, request, final) if is_lenient else self._deltas(request)
        return turn.interruptible(deltas).pipe(
            ops.normalise(turn.step), ops.unless_refused(), ops.branch(*step.branches)
        )

    def _deltas(self, request: Request) -> Observable[Delta]:
        return serialize_on_run(self.model(request))


@frozen
class _Step:
    """One step, with the ids of its eager calls."""

    how: ToolStep
    turn: Turn
    early: set[str]

    @property
    def branches(self) -> list[Callable[[Observable[Delta]], Observable[Event]]]:
        """The branches of the deltas, beside the deltas themselves."""
        is_eager = self.how.eager is not None and not self.turn.closing
        return [self.start_early, self.finish_turn] if is_eager else [self.finish_turn]

    def finish_turn(self, deltas: Observable[Delta]) -> Observable[Event]:
        """Complete the message, then carry it out."""
        return deltas.pipe(
            ops.accumulate(partial=False),
            stream_ops.with_latest_from(deltas.pipe(ops.of_type(Finish)), Finish("stop")),
            stream_ops.flat_map(self._take_turn),
        )

    def start_early(self, deltas: Observable[Delta]) -> Observable[Event]:
        """Start eager calls as soon as they are sealed; end them when the turn is retried."""
        calls = compose(
            ops.sealed(), stream_ops.take_while(_is_no_answer), stream_ops.filter(self._is_eager)
        )
        return deltas.pipe(
            ops.branch(calls),
            stream_ops.filter(lambda item: isinstance(item, _SIGNS)),
            stream_ops.map(self._begin_again),
            eager_calls(self._start, self._retract),
        )

    def _begin_again(self, item: Any) -> Any:
        if isinstance(item, StepRetried):
            self.early.clear()
        return item

    def _start(self, call: ToolCall) -> Observable[Event]:
        self.early.add(call.id)
        return self._call(call)

    def _take_turn(self, turn: tuple[Message, Finish]) -> Observable[Event]:
        message, finish = turn
        if self.turn.is_interrupted:  # what was half written is not read as calls
            return stream_ops.of(MessageCompleted(message))
        is_answer = self._is_typed_answer(message.text)
        specs = () if is_answer else (*self.how.tools.specs, FINAL_ANSWER)

        def do(calls: tuple[ToolCall, ...]) -> Observable[Event]:
            return self._carry_out(calls, message.text, finish.reason)

        calls = stream_ops.of(message).pipe(ops.parse_calls(specs, self.turn.step))
        return calls.pipe(
            stream_ops.flat_map(do),
            stream_ops.catch(failed_if_unusable),
            stream_ops.start_with(MessageCompleted(message)),
        )

    def _carry_out(self, calls: tuple[ToolCall, ...], text: str, reason: str) -> Observable[Event]:
        if self.turn.is_interrupted:
            return stream_ops.of()
        final = not all(map(_is_no_answer, calls))
        if final and len(calls) > 1:
            raise ParseError(
                "final_answer was called together with other tools, so it was ignored. "
                "Call the other tools first, then final_answer alone."
            )
        if final:
            output = self.how.output
            read = read_answer if output is None else output.read_call
            return self._answer(read(calls[0], reason))
        if calls and self.turn.closing:
            raise ParseError("No tool can be called any more. Write the answer as text.")
        if calls:
            return merge(*(self._call(call, reason) for call in calls if call.id not in self.early))
        if reason == "tool_calls" and not self._is_typed_answer(text):
            raise ParseError(
                "The reply announced tool calls, but none arrived. Call the tool again."
            )
        if reason == "length" and self._has_begun_call(text):
            raise ParseError(
                "The length limit cut off this call, so it was not run. Make it shorter."
            )
        if not text.strip():
            cut = ": the length limit (max_tokens), or a pause, ended it" * (reason == "length")
            raise ParseError(f"The reply was empty{cut}. Call a tool, or write the answer.")
        if not self._may_be_text:
            raise ParseError(
                "The reply called no tool. If this is the answer, "
                'call final_answer with it: {"answer": ...}.'
            )
        output = self.how.output
        return self._answer(text if output is None else output.read_text(text, reason))

    def _has_begun_call(self, text: str) -> bool:
        """Return whether a text that was cut is a call, of which the end is missing."""
        tools = self.how.tools.specs
        names = [spec.name for spec in (*tools, FINAL_ANSWER)]
        return bool(tools) and has_begun_call(text, names)

    @property
    def _may_be_text(self) -> bool:
        return self.how.text_answers or self.turn.closing

    def _is_typed_answer(self, text: str) -> bool:
        """Return whether a text that looks like a call is an answer of the type asked for."""
        output = self.how.output
        return output is not None and self._may_be_text and output.fits_exactly(text)

    def _call(self, call: ToolCall, reason: str = "stop") -> Observable[Event]:
        cut, workers = reason == "length", self.how.workers
        events = run_call(self.how.tools, call, self.turn.given, cut=cut, workers=workers)
        return self.turn.cancellable(call.id, events)

    def _answer(self, value: Any) -> Observable[Event]:
        checked = check_answer(self.how.checks, value, self.turn.state, self.how.workers)
        return checked.pipe(stream_ops.flat_map(self.turn.final))

    def _retract(self, call_id: str) -> ToolFailed:
        return ToolFailed(call_id, "StepRetried: retracted, because the turn was retried")

    def _is_eager(self, call: ToolCall) -> bool:
        return self.how.eager is not None and self.how.eager(call.name)


_SIGNS = (StepRetried, ToolCall)


def _is_no_answer(call: ToolCall) -> bool:
    return call.name != FINAL_ANSWER.name
