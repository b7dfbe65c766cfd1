"""Events of OpenAI's Responses protocol, read as deltas."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import ModelError
from ...events import Delta, Finish
from ...streams.fairness import REST, Rest, rested
from ..errors import ErrorFactory
from ..failures import failure_in
from ..openai_chat.fields import Usages, finish_of, number, string
from .output import Add, Key, Output

__all__ = ["ResponseEvents"]

_PIECES = {
    "response.function_call_arguments.delta": ("arguments", "output_index"),
    "response.output_text.delta": ("text", "content_index"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index"),
    "response.reasoning_text.delta": ("content", "content_index"),
    "response.refusal.delta": ("refusal", "content_index"),
}
"""The events of a piece: to which text it belongs, and what tells parts of that text apart."""

_TEXTS = {
    "response.function_call_arguments.done": ("arguments", "output_index", "arguments"),
    "response.output_text.done": ("text", "content_index", "text"),
    "response.reasoning_summary_text.done": ("summary", "summary_index", "text"),
    "response.reasoning_text.done": ("content", "content_index", "text"),
    "response.refusal.done": ("refusal", "content_index", "refusal"),
}
"""The events of a whole text, and the name that it has there."""

_ENDS = {f"response.{end}" for end in ("completed", "incomplete", "failed", "cancelled")}
_FAILED = "failed", "cancelled"
_WORDS = {"max_messages": "length", "max_tool_calls": "length"}
"""The reasons of an end that only this protocol has."""


class ResponseEvents:
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
        self.answered = self.finished = self.is_stream = False
        self.failure: ModelError | None = None
        self.add: Add | None = None
        self._errors = errors
        self._output = Output(origin)
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
            for event in rested(value) if isinstance(value, list) else (value,):
                if event is REST:
                    yield REST
                elif not self.finished:
                    yield from self._read(event)
        except (AttributeError, LookupError, RecursionError, TypeError) as error:
            if self.failure is None:
                raise self._errors.malformed("an event of an unknown shape", value) from error

    def fail(self, description: Any, /) -> None:
        """Note an error that the provider reports; the failure of a tool of its own is none."""
        if isinstance(description, Mapping):
            kind = description.get("type")
            if isinstance(kind, str) and kind.startswith("response.") and kind not in _ENDS:
                return
            description = _error_in(description)
        if self.failure is None:
            self.failure = self._errors.reported(description)

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the reply."""
        yield from self._output.flush()

    def _read(self, event: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        kind = event.get("type")
        if kind in _PIECES:
            if piece := event.get("delta"):
                yield from self._grow(event, *_PIECES[kind], string(piece))
        elif kind in _TEXTS:
            name, part, under = _TEXTS[kind]
            if text := event.get(under):
                self.answered = True
                place = _key_of(event), name, number(event.get(part)) or 0
                yield from self._output.fill(*place, string(text))
        elif kind in ("response.output_item.added", "response.output_item.done"):
            if item := event.get("item"):
                self.answered = True
                is_whole = kind.endswith("done")
                step = self._output.stop if is_whole else self._output.start
                yield from step(_key_of(event), item)
        elif kind in _ENDS or _is_whole(event):
            yield from self._end(kind, event)
        elif isinstance(kind, str) and kind.startswith("response."):
            pass
        elif (error := failure_in(event)) is not None:
            self.fail(event if error is event else {**event, "error": error})

    def _grow(
        self, event: Mapping[str, Any], name: str, part: str, piece: str
    ) -> Iterator[Delta | Rest]:
        self.answered = True
        place = _key_of(event), name, number(event.get(part)) or 0
        yield from self._output.grow(*place, piece)
        if not self._output.has_halves:
            self.add = self._output.adder(*place)

    def _end(self, kind: Any, event: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        response = event.get("response") or {} if kind in _ENDS else event
        status = response.get("status") or str(kind).rpartition(".")[2]
        if status in _FAILED or response.get("error"):
            yield from self._report(response)
            self.fail(response)
            return
        if status not in ("completed", "incomplete"):
            return
        if not self._output.has_items:  # else it repeats what came before
            for index, item in enumerate(response.get("output") or ()):
                self.answered = True
                yield from self._output.stop(index, item)
                yield REST
        yield from self._output.flush()
        reason = "tool_calls" if self._output.has_calls else "stop"
        if status == "incomplete":
            word = (response.get("incomplete_details") or {}).get("reason") or "length"
            reason = finish_of(string(word)) or _WORDS.get(word, "")
            if not reason:
                self.fail({"code": word, "message": f"the reply ended with {word!r}"})
                return
        self.answered = self.finished = True
        yield Finish(reason)
        yield from self._report(response)

    def _report(self, response: Mapping[str, Any]) -> Iterator[Delta]:
        if usage := self._usages.add(response.get("usage")):
            yield usage


def _key_of(event: Mapping[str, Any]) -> Key:
    """Return what tells the item of an event from others."""
    index = number(event.get("output_index"))
    id = event.get("item_id")
    return id if index is None and isinstance(id, str) else index


def _is_whole(event: Mapping[str, Any]) -> bool:
    """Return whether an object is a response, and no event."""
    return event.get("object") == "response" or isinstance(event.get("output"), list)


def _error_in(event: Mapping[str, Any]) -> Any:
    """Return the error that an event, or a response, describes."""
    response = event.get("response")
    inner = response if isinstance(response, Mapping) else event
    if error := inner.get("error"):
        return error
    if inner.get("status") in _FAILED:
        return {"code": inner["status"], "message": f"the response is {inner['status']}"}
    return event
