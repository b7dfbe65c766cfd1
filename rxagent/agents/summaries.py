"""Summaries: a model shortens the early steps of a conversation, when it has become long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen
from reactivex import Observable

from .. import operators as ops
from ..arguments import number, plural, valid
from ..events import Delta, Event, Summarised, Usage
from ..messages import Message, Request
from ..models import as_model
from ..passages import Passage
from ..state import State
from ..streams import operators as stream_ops
from ..streams.observe_on_run import serialize_on_run
from .cutting import Count, after_steps, cut, estimate, first_within, is_count
from .loop import Turn
from .prompts import check_template, fill_in, render

__all__ = ["summarise"]

_VALUES = frozenset({"before", "record", "task", "words"})
_FEWEST_WORDS = 30


def summarise(
    model: Any,
    over: int,
    *,
    prompt: str | None = None,
    count: Count | None = None,
    options: Mapping[str, Any] | None = None,
) -> _Summarise:
    """Return a policy by which a model summarises early steps when messages have become long.

    Before a step whose messages need more than `over` tokens, the model summarises all but the
    latest steps, which need half of `over`, together with the summary before. Summarised holds
    the summary, so a run that is replayed needs no second one; its tokens are a Usage of the run.
    An empty summary is ignored.

    .. marbles:: agents/summarise

    Args:
        model: The model that summarises: a model, its name, or a function.
        over: The tokens of all messages, without those of the system prompt and the tools.
        prompt: The template of what it reads, with the values `task`, `before` (the summary
            before, or an empty text), `record` and `words`.
        count: Returns the tokens of a message; by default `estimate`.
        options: Passed unchanged to the provider.
    """
    return _Summarise(as_model(model), over, prompt, count or estimate, dict(options or {}))


def _is_prompt(name: str, prompt: Any) -> None:
    if prompt is not None:
        check_template(name, prompt, _VALUES)


@frozen
class _Summarise:
    model: Callable[[Request], Observable[Delta]]
    over: int = field(validator=valid(number, least=1, whole=True, what="a number of tokens"))
    prompt: str | None = field(validator=valid(_is_prompt))
    count: Count = field(validator=valid(is_count))
    options: Mapping[str, Any] = field(hash=False)

    def __repr__(self) -> str:
        return f"summarise({self.model!r}, over={self.over})"

    def __call__(self, state: State) -> list[Message]:
        """Return the messages, with the latest summary in the place of what it stands for."""
        passages, summary = state.passages, state.summary
        if summary is None:
            return cut(passages, 0)
        text = render("summary", text=summary.text, count=plural(summary.steps, "step"))
        return cut(passages, after_steps(passages, summary.steps), Message("user", text))

    def prepare(self, turn: Turn) -> Observable[Event] | None:
        """Return the events of a summary, or None if none is due before a step."""
        state = turn.state
        if sum(map(self.count, self(state))) <= self.over:
            return None
        passages, before = state.passages, state.summary or Summarised("", 0)
        first = first_within(passages, self.over // 2, self.count)
        steps = sum(passage.kind == "step" for passage in passages[:first])
        if steps <= before.steps:
            return None
        new = passages[after_steps(passages, before.steps) : after_steps(passages, steps)]
        request = self._request(_task(passages), before.text, new)

        def made(message: Message) -> Observable[Event]:
            text = message.text
            return stream_ops.of(Summarised(text, steps)) if text.strip() else stream_ops.of()

        def summarised(deltas: Observable[Delta]) -> Observable[Event]:
            return deltas.pipe(ops.accumulate(partial=False), stream_ops.flat_map(made))

        return serialize_on_run(self.model(request)).pipe(
            ops.normalise(0),
            ops.unless_refused(),
            ops.branch(summarised),
            stream_ops.filter(lambda event: isinstance(event, Usage | Summarised)),
        )

    def _request(self, task: str, before: str, passages: Iterable[Passage]) -> Request:
        values = {
            "task": task,
            "before": before,
            "record": "\n\n".join(line for passage in passages for line in _lines(passage)),
            "words": max(self.over // 8, _FEWEST_WORDS),
        }
        if self.prompt is None:
            text = render("summarise", **values)
        else:
            text = fill_in("prompt", self.prompt, **values)
        return Request([Message("user", text)], options=self.options)


def _task(passages: Iterable[Passage]) -> str:
    tasks = [passage.messages[0].text for passage in passages if passage.kind == "task"]
    return tasks[-1] if tasks else ""


def _lines(passage: Passage) -> Iterator[str]:
    """Yield a passage as text, since some providers refuse calls where no tools are offered."""
    names: deque[str] = deque()
    for message in passage.messages:
        text = message.text + f" [{plural(len(message.images), 'image')}]" * bool(message.images)
        match message.role:
            case "assistant":
                if text:
                    yield f"{'Plan' if passage.kind == 'plan' else 'Agent'}: {text}"
                for call in message.tool_calls:
                    names.append(call.name)
                    yield f"Agent calls {call.name}: {call.arguments}"
            case "tool":
                yield f"Result of {names.popleft()}: {text}"
            case "user" if passage.kind != "plan":
                yield f"{'Task' if passage.kind == 'task' else 'Note'}: {text}"
