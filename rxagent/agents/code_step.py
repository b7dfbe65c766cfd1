"""The step of an agent that writes code: a turn of the model, then its code.

.. code-block:: text

    model ─ normalise ─ unless_refused ─ cut_at_code ─┬─ the deltas themselves ───────┐
                                                      ├─ statements ─ eager code ─────┼─ step
                                                      └─ accumulate ─ find_code ─ code ┘  └ answer
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attrs import frozen
from reactivex import Observable

from .. import operators as ops
from ..errors import ParseError
from ..events import (
    Delta,
    Event,
    Finish,
    MessageCompleted,
    StepRetried,
    ToolFailed,
)
from ..executors import CodeResult
from ..frozen import freeze
from ..messages import INTERPRETER, Message, Request, ToolCall
from ..state import State
from ..streams import operators as stream_ops
from ..streams.observe_on_run import serialize_on_run
from ..streams.workers import Workers
from ..tools import Toolbox
from .answers import check_answer, failed_if_unusable
from .code_blocks import Tags, find_code
from .code_call import run_code
from .code_eager import eager_statements, written_statements
from .code_functions import asynchronous_of, functions_of
from .code_session import CodeSession
from .code_stream import cut_at_code
from .loop import Turn
from .output import Output
from .steering import CANCELLED

__all__ = ["CodeStep"]

_CUT = (
    "The code was cut off by the length limit (max_tokens), so {what} was not run. "
    "Write less in one step."
)


@frozen
class CodeStep:
    """The step of an agent that writes code.

    Attributes:
        model: A model, as `as_model` returns it.
        tools: The tools that code may call.
        request: Makes the next request from the state; its flag says whether the step is the
            closing one.
        checks: The checks of an answer: `check(value, state)`.
        output: The type of the answer; None for any.
        workers: The threads that run plain functions; None for those that the process shares.
        tags: The texts around code.
        structured: Whether replies are JSON objects that hold code.
        eager: Whether statements run while the model still writes.
        session: The session of this run.
    """

    model: Callable[[Request], Observable[Delta]]
    tools: Toolbox
    request: Callable[[State, bool], Request]
    checks: tuple[Callable[..., Any], ...]
    output: Output | None
    workers: Workers | None
    tags: Tags
    structured: bool
    eager: bool
    session: CodeSession

    def __call__(self, turn: Turn) -> Observable[Event]:
        """Return the events of a step."""
        deltas = serialize_on_run(self.model(self.request(turn.state, turn.closing)))
        deltas = turn.interruptible(deltas).pipe(ops.normalise(turn.step), ops.unless_refused())
        if not (turn.closing or self.structured):
            deltas = deltas.pipe(cut_at_code(self.tags))
        return stream_ops.defer(lambda: _Step(self, turn).events(deltas))


class _Step:
    """One step: which of its code has run, and its answer."""

    def __init__(self, how: CodeStep, turn: Turn) -> None:
        self._how = how
        self._turn = turn
        self._call_id = ""
        self._begin(1)

    def _begin(self, attempt: int) -> None:
        self._attempt = attempt
        self._calls = 0
        self._has_failed = False
        self._is_cut = False
        self._answer: CodeResult | None = None

    def events(self, deltas: Observable[Delta]) -> Observable[Event]:
        """Return the events of the step."""
        branches = [self._finish_turn]
        if self._how.eager and not self._turn.closing:
            branches.insert(0, self._start_early)
        return deltas.pipe(ops.branch(*branches), stream_ops.then(self._end))

    def _start_early(self, deltas: Observable[Delta]) -> Observable[Event]:
        return deltas.pipe(
            written_statements(self._how.tags, asynchronous_of(self._how.tools)),
            stream_ops.map(self._begin_again),
            eager_statements(self._run, self._retracted),
        )

    def _begin_again(self, item: str | StepRetried) -> str | StepRetried:
        if isinstance(item, StepRetried):
            self._begin(self._attempt + 1)
        return item

    def _finish_turn(self, deltas: Observable[Delta]) -> Observable[Event]:
        return deltas.pipe(
            ops.accumulate(partial=False),
            stream_ops.with_latest_from(deltas.pipe(ops.of_type(Finish)), Finish("stop")),
            stream_ops.flat_map(self._take_turn),
        )

    def _take_turn(self, turn: tuple[Message, Finish]) -> Observable[Event]:
        message, finish = turn
        action = stream_ops.defer(lambda: self._carry_out(message.text, finish.reason))
        return action.pipe(
            stream_ops.catch(failed_if_unusable), stream_ops.start_with(MessageCompleted(message))
        )

    def _carry_out(self, text: str, reason: str) -> Observable[Event]:
        is_early = self._calls > 0
        if self._turn.is_interrupted:
            return stream_ops.of() if is_early or self._turn.closing else self._not_run(text)
        if self._turn.closing:
            if not text.strip():
                raise ParseError("The reply was empty. Write the answer as text.")
            output = self._how.output
            value = text if output is None else output.read_text(text, reason)
            self._answer = CodeResult(value, is_final=True)
        elif reason == "length":
            self._is_cut = True
        elif not is_early:
            return self._run(find_code(text, self._how.tags, structured=self._how.structured))
        return stream_ops.of()

    def _not_run(self, text: str) -> Observable[Event]:
        """Return the end of a call that a message kept from running, if the reply has code."""
        try:
            find_code(text, self._how.tags, structured=self._how.structured)
        except ParseError:
            return stream_ops.of()
        return stream_ops.of(ToolFailed(self._next_id(), CANCELLED, self._how.session.variables()))

    def _next_id(self) -> str:
        self._call_id = f"call_{self._turn.step}_{self._attempt}_{self._calls}"
        self._calls += 1
        return self._call_id

    def _run(self, code: str, lines: int = 0) -> Observable[Event]:
        """Run code, unless the code before it has failed or answered, or the turn was cut."""
        if self._has_failed or self._answer or self._turn.is_interrupted:
            return stream_ops.of()
        how = self._how
        written = json.dumps({"code": code}, ensure_ascii=False)
        call = ToolCall(self._next_id(), INTERPRETER, written)
        functions = functions_of(how.tools, call.id, self._turn.given, how.workers)

        def start(code: str) -> Observable[Any]:
            padded = "\n" * lines + code  # so that errors name the lines of the whole code
            return how.session.run(padded, functions)

        events = run_code(call, start, how.session, self._note)
        return self._turn.cancellable(call.id, events, self._cancelled)

    def _cancelled(self) -> Any:
        self._note(None)
        return self._how.session.variables()

    def _note(self, result: CodeResult | None) -> None:
        self._has_failed = result is None
        if result is not None and result.is_final:
            self._answer = result

    def _retracted(self) -> ToolFailed:
        text = "StepRetried: retracted, because the turn was retried"
        return ToolFailed(self._call_id, text, self._how.session.variables())

    def _end(self) -> Observable[Event]:
        if self._answer is not None:
            return self._check(self._answer)
        if self._is_cut and not self._has_failed:
            return failed_if_unusable(
                ParseError(_CUT.format(what="its end" if self._calls else "it"))
            )
        return stream_ops.of()

    def _check(self, answer: CodeResult) -> Observable[Event]:
        how = self._how

        def check() -> Observable[Any]:
            value = freeze(answer.value) if how.output is None else how.output.read(answer.value)
            return check_answer(how.checks, value, self._turn.state, how.workers)

        final = stream_ops.defer(check).pipe(stream_ops.flat_map(self._turn.final))
        return final.pipe(stream_ops.catch(failed_if_unusable))
