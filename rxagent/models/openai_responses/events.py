"""Events of OpenAI's Responses protocol, read as deltas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...events import Delta, Finish
from ...finish_reasons import finish_of
from ...streams.fairness import Rest
from ..errors import ErrorFactory
from ..json_events import JsonEvents
from ..openai_chat.fields import Usages, id_of, number, string
from ..openai_chat.nesting import is_deep
from ..openai_chat.reasoning import thoughts_in
from ..own_tags import tags_of
from .contents import KIND_OF, REASONING, arguments_in, text_in, typed
from .failures import failure_in_event, is_of_tool
from .items import Signs
from .output import Add, Contradicted, Output, Unnamed

__all__ = ["ResponseEvents"]

_PIECES = {
    "response.function_call_arguments.delta": ("arguments", "call_index"),
    "response.output_text.delta": ("text", "content_index"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index"),
    "response.reasoning_text.delta": ("content", "content_index"),
    "response.refusal.delta": ("refusal", "content_index"),
}
"""The events of a piece: to which text it belongs, and what tells parts of that text apart."""

_TEXTS = {
    "response.function_call_arguments.done": ("arguments", "call_index", "arguments"),
    "response.output_text.done": ("text", "content_index", "text"),
    "response.reasoning_summary_text.done": ("summary", "summary_index", "text"),
    "response.reasoning_text.done": ("content", "content_index", "text"),
    "response.refusal.done": ("refusal", "content_index", "refusal"),
}
"""The events of a whole text, and the name that it has there."""

_PARTS = {
    "response.content_part.done": ("text", "content_index"),
    "response.reasoning_summary_part.done": ("summary", "summary_index"),
}
"""The events of a whole part of an item."""

_ENDS = {f"response.{end}" for end in ("completed", "incomplete", "failed", "cancelled")}
_STATES = ("failed", "cancelled", "incomplete", "completed")
"""The states of a response at its end, those first that count where it has two."""

_WORDS = {"max_messages": "length", "max_tool_calls": "length"}
"""The reasons of an end that only this protocol has."""


class ResponseEvents(JsonEvents):
    """Reads the events of one reply, one after the other, as deltas.

    A response that comes whole is read as the end of a stream that had nothing before it.

    Attributes:
        add: Adds a piece as the latest event did, if that was all that it did.
        answered: Whether a part of an answer, or its end, was read.
        failure: The error that an event has reported, if one has.
        finished: Whether the answer is whole.
        is_stream: Whether the values are events of a stream.

    Args:
        errors: Makes the errors.
        origin: The origin that gets back the items it wants back; None keeps none.
    """

    def __init__(self, errors: ErrorFactory, origin: str | None = None) -> None:
        super().__init__(errors)
        self.add: Add | None = None
        self._output = Output(origin, tags_of(errors.model))
        self._usages = Usages(errors.model)

    @property
    def is_plain(self) -> bool:
        """Whether `add` may be called with the next piece as it is."""
        return not self._output.has_halves and not self.finished

    def read(self, value: Any, /) -> Iterator[Delta | Rest]:
        """Yield the deltas of an event, or of a list of them.

        Raises:
            MalformedReply: The event has an unknown shape.
        """
        self.add = None
        try:
            yield from super().read(value)
        except Unnamed as error:
            raise self._errors.malformed("a call without a name", value) from error
        except Contradicted as error:
            what = "arguments of a call that differ from the pieces of them"
            raise self._errors.malformed(what, value) from error

    def fail(self, description: Any, /) -> None:
        """Note an error that the provider reports; the failure of a tool of its own is none."""
        if is_of_tool(description):
            return
        if isinstance(description, Mapping):
            response = description.get("response")
            inner = response if isinstance(response, Mapping) else description
            description = inner.get("error") or inner
        super().fail(description)

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the reply."""
        yield from self._output.flush()

    def _read(self, event: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        if self.finished:
            return
        given = event.get("type")
        kind = given if isinstance(given, str) else ""
        error = failure_in_event(event, self.answered)
        if error is not None:
            response = event.get("response")
            yield from self._report(response if isinstance(response, Mapping) else event)
            self.fail(error)
        elif kind in _PIECES:
            name, part = _PIECES[kind]
            if piece := _text_of(name, event.get("delta")):
                yield from self._grow(event, name, number(event.get(part)), piece)
        elif kind in _TEXTS:
            name, part, under = _TEXTS[kind]
            yield from self._fill(event, name, part, _text_of(name, event.get(under)))
        elif kind in _PARTS:
            usual, part = _PARTS[kind]
            name, text = text_in(event.get("part"), usual)
            if not text and usual == "text":
                name, text = text_in(event.get("part"), "content")
            yield from self._fill(event, name, part, text)
        elif kind in ("response.output_item.added", "response.output_item.done"):
            item = typed(event.get("item"))
            if isinstance(item, Mapping) and item:
                self.answered = True
                step = self._output.stop if kind.endswith("done") else self._output.start
                yield from step(number(event.get("output_index")), item)
        elif kind in _ENDS or event.get("object") == "response" or "output" in event:
            yield from self._end(kind, event)

    def _grow(
        self, event: Mapping[str, Any], name: str, part: int | None, piece: str
    ) -> Iterator[Delta | Rest]:
        self.answered = True
        yield from self._output.grow(_signs_of(event, name), name, part, piece)
        if not self._output.has_halves:
            self.add = self._output.adder()

    def _fill(
        self, event: Mapping[str, Any], name: str, part: str, text: str
    ) -> Iterator[Delta | Rest]:
        if text:
            self.answered = True
            yield from self._output.fill(
                _signs_of(event, name), name, number(event.get(part)), text
            )

    def _end(self, kind: str, event: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        inner = event.get("response") if kind in _ENDS else None
        response = inner if isinstance(inner, Mapping) else event
        states = response.get("status"), kind.rpartition(".")[2]
        state = next((state for state in _STATES if state in states), None)
        if state in ("failed", "cancelled"):
            yield from self._report(response)
            self.fail({"code": state, "message": f"the response is {state}"})
        elif state is not None:
            yield from self._finish(kind, state, response)

    def _finish(self, kind: str, state: str, response: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        output = response.get("output")
        if not output and not self._output and (text := response.get("output_text")):
            output = [{"type": "message", "content": text}]
        if not isinstance(output, list):
            if output or kind not in _ENDS:
                raise TypeError
            output = []
        self.answered = self.answered or bool(output)
        items = [typed(item) for item in output]
        if state == "incomplete":
            items[-1:] = map(_cut, items[-1:])
        yield from self._output.finish(items)
        if self._output.has_broken_off:
            yield from self._report(response)
            self.failure = self._errors.unavailable("broke off before its reply was whole")
            return
        if self._output.is_contradicted:
            yield from self._report(response)
            what = "a whole text that differs from the pieces of it"
            self.failure = self._errors.malformed(what, output)
            return
        reason = "tool_calls" if self._output.has_calls else "stop"
        word = _word_in(response.get("incomplete_details"))
        if word or state == "incomplete" or self._output.is_cut:
            word = word or "length"
            reason = finish_of(word) or _WORDS.get(word, "")
            if not reason:
                yield from self._report(response)
                self.fail({"code": word, "message": f"the reply ended with {word!r}"})
                return
        yield from self._output.answer()
        self.answered = self.finished = True
        yield Finish(reason)
        yield from self._report(response)

    def _report(self, response: Mapping[str, Any]) -> Iterator[Delta]:
        if usage := self._usages.add(response.get("usage")):
            yield usage


def _signs_of(event: Mapping[str, Any], name: str) -> Signs:
    """Return what an event of a text tells about its item."""
    return Signs(KIND_OF[name], number(event.get("output_index")), id_of(event.get("item_id")))


def _text_of(name: str, value: Any) -> str:
    """Return the text of an event, and nothing where that is empty.

    Raises:
        TypeError: A text of the answer is none; reasoning that cannot be read is skipped.
    """
    if not value:
        return ""
    if name == "arguments":
        return arguments_in(value) or string(value)
    if KIND_OF[name] != REASONING:
        return string(value)
    thoughts = () if is_deep(value) else thoughts_in(value)
    return "".join(thought for thought in thoughts if isinstance(thought, str))


def _cut(item: Any) -> Any:
    """Return the last item of an incomplete response; a call without a state is incomplete, too.

    Its server has read its arguments itself, if they are an object.
    """
    if not isinstance(item, Mapping) or item.get("status") is not None:
        return item
    is_read = isinstance(item.get("arguments"), Mapping)
    return {**item, "status": "incomplete"} if is_read else item


def _word_in(details: Any) -> str:
    """Return the reason that an incomplete response gives; empty when it gives none."""
    word = details.get("reason") if isinstance(details, Mapping) else details
    return word if isinstance(word, str) else ""
