"""Chunks of OpenAI's chat protocol, in all its dialects, read as deltas."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...errors import ModelError
from ...events import Delta, Finish, ReasoningDelta, RefusalDelta, ToolCallDelta
from ...messages import ProviderData
from ...streams.fairness import REST, Rest, rested
from ..errors import ErrorFactory
from .failures import failure_in, is_foreign
from .fields import FAR, Halves, Usages, finish_of, id_of, number, reason_of, string, whole
from .reasoning import REASONING_FIELDS, Failed, ReasoningParts, pieces_in, thoughts_in
from .think_tags import ThinkTags

__all__ = ["ChatChunks"]

_OF_CALLS = {"index", "id", "type", "function"}
_OF_FUNCTIONS = {"name", "arguments"}
_FEW = 32
"""How many choices of a chunk are searched for the answer."""

_CONTENTS = (*REASONING_FIELDS, "content", "refusal", "tool_calls", "function_call")

_TEXT, _REASONING, _REFUSAL = "text", "reasoning", "refusal"


class ChatChunks:
    """Reads the chunks of one reply, one after the other, as deltas.

    Fragments of tool calls are passed on as they came; one without an index has the latest.
    What stands beside text and calls, and cannot be read, is skipped.

    Attributes:
        answered: Whether any choice was read.
        failure: The error that a chunk has reported, if one has.
        finished: Whether the reply is whole, by its finish reason or its form.
        tags: Separates the answer from the thoughts before it.

    Args:
        errors: Makes the errors.
        origin: The origin that gets back the data it wants back; None keeps no such data.
    """

    def __init__(self, errors: ErrorFactory, origin: str | None = None) -> None:
        self.answered = self.finished = False
        self.failure: ModelError | None = None
        self.tags = ThinkTags()
        self._errors = errors
        self._origin = origin
        self._answer: int | None = None
        """The index of the choice that is the answer."""
        self._reason: str | None = None
        self._usages = Usages()
        self._halves = Halves()
        self._parts = ReasoningParts()
        self._field: str | None = None
        self._index = 0
        self._streamed: set[tuple[int, str]] = set()
        self._elsewhere: dict[tuple[int, int], int] = {}

    @property
    def is_plain(self) -> bool:
        """Whether further text without the sign `<` is the answer's."""
        return self.tags.may_pass and not self._halves

    def read(self, chunk: Any) -> Iterator[Delta | Rest]:
        """Yield the deltas of a chunk, or of a list of them; REST, where much holds few deltas.

        Raises:
            MalformedReply: The chunk has an unknown shape.
        """
        try:
            for part in rested(chunk) if isinstance(chunk, list) else (chunk,):
                if part is REST:
                    yield REST
                else:
                    yield from self._read(part)
        except (AttributeError, LookupError, TypeError) as error:
            if self.failure is None:
                raise self._errors.malformed("a chunk of an unknown shape", chunk) from error

    def fail(self, description: Any) -> None:
        """Note an error that the provider reports; a later finish reason does not undo it."""
        if self.failure is None:
            self.failure = self._errors.reported(description)

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the reply."""
        yield from self._settle()
        yield from self.tags.end()

    def _read(self, chunk: Any) -> Iterator[Delta | Rest]:
        error = failure_in(chunk)
        if error is None and self.answered and not self.finished and is_foreign(chunk):
            error = chunk
        if error is not None:
            self.fail(error)
        choices = chunk.get("choices") or ()
        if self._answer is None:
            self._answer = _answer_among(choices[:_FEW])
        for choice in choices if len(choices) < 2 else rested(choices):
            if choice is REST:
                yield REST
            elif choice:
                yield from self._read_choice(choice)
        if report := chunk.get("usage"):
            yield from self._report(report)

    def _read_choice(self, choice: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        index = number(choice.get("index")) or 0
        is_answer = index == (self._answer or 0)
        fields, reason = choice.get("delta"), reason_of(choice.get("finish_reason"))
        is_whole = fields is None and choice.get("message") is not None
        fields = choice["message"] if is_whole else fields
        error = failure_in(choice, inside=True) or failure_in(fields or {}, inside=True)
        if error is not None:
            self.fail(error)
        if not fields and isinstance(choice.get("text"), str):  # the protocol before messages
            fields = {"content": choice["text"]}
        if fields is None and not reason:
            return
        self.answered = True
        fields = fields or {}
        if is_whole:  # it repeats what came in deltas
            fields = {k: part for k, part in fields.items() if (index, k) not in self._streamed}
        else:
            self._streamed.update((index, name) for name, part in fields.items() if part)
        if is_answer:
            yield from self._read_message(fields)
        calls = False
        if fields.get("tool_calls") or fields.get("function_call"):
            for delta in self._read_calls(fields, index, is_whole):
                calls = calls or delta is not REST
                yield delta
        if report := choice.get("usage"):
            yield from self._report(report)
        if not is_answer and not calls:  # only one answer was requested
            return
        if reason:
            yield from self._finish(reason)
        elif is_whole:
            self.finished = True

    def _read_message(self, fields: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        is_read = False
        for name in REASONING_FIELDS:
            reasoning = fields.get(name)
            if not reasoning:
                continue
            if isinstance(reasoning, list | Mapping):
                yield from self._parts.add(name, reasoning)
            if not is_read:
                for delta in self._think(thoughts_in(reasoning), self._under(name, fields)):
                    is_read = is_read or delta is not REST
                    yield delta
        if content := fields.get("content"):
            yield from self._read_content(content)
        if (refusal := fields.get("refusal")) and refusal is not True:
            yield from self._refuse(string(refusal))

    def _think(
        self, thoughts: Iterable[str | Rest], extra: tuple[ProviderData, ...] = ()
    ) -> Iterator[Delta | Rest]:
        for thought in thoughts:
            if thought is REST:
                yield REST
            elif thought and (joined := self._halves.join(_REASONING, thought)):
                yield from self.tags.settle()
                yield ReasoningDelta(joined, extra)
                extra = ()

    def _refuse(self, refusal: str) -> Iterator[Delta | Rest]:
        yield from self._settle_reasoning()
        yield from self.tags.settle()
        yield RefusalDelta(self._halves.join(_REFUSAL, refusal))

    def _under(self, name: str, fields: Mapping[str, Any]) -> tuple[ProviderData, ...]:
        """Return in which field the reasoning came, the first time."""
        if self._origin is None or not isinstance(fields.get(name), str) or name == self._field:
            return ()
        self._field = name
        return (ProviderData(self._origin, {"reasoning_field": name}),)

    def _read_content(self, content: Any) -> Iterator[Delta | Rest]:
        for piece in (("text", content),) if isinstance(content, str) else pieces_in(content):
            if piece is REST:
                yield REST
            elif isinstance(piece, Failed):
                self.fail(piece[0])
            elif piece[0] == _TEXT:
                if self._parts:
                    yield from self._settle_reasoning()
                if text := self._halves.join(_TEXT, piece[1]):
                    yield from self.tags.add(text)
            elif piece[0] == _REFUSAL:
                yield from self._refuse(piece[1])
            else:
                yield from self._think(piece[1:])

    def _read_calls(
        self, fields: Mapping[str, Any], choice: int, is_whole: bool
    ) -> Iterator[Delta | Rest]:
        fragments = fields.get("tool_calls") or ()
        if not isinstance(fragments, list | tuple):
            raise TypeError
        position = -1
        for fragment in rested(fragments):
            if fragment is REST:
                yield REST
                continue
            position += 1
            if fragment is None:
                continue
            index = number(fragment.get("index"))
            if index is None:
                index = position if is_whole else self._index
            self._index = index
            yield from self._read_call(self._unique(choice, index), fragment)
        function = fields.get("function_call")  # the protocol before parallel calls
        if function and not fragments:
            yield from self._read_call(self._unique(choice, 0), {"function": function})

    def _unique(self, choice: int, index: int) -> int:
        """Return an index that no call of another choice has."""
        if choice == (self._answer or 0):
            return index
        return self._elsewhere.setdefault((choice, index), FAR + len(self._elsewhere))

    def _read_call(self, index: int, fragment: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        yield from self._settle_reasoning()
        yield from self.tags.settle()
        function = fragment.get("function") or {}
        error = failure_in(fragment, inside=True) or failure_in(function, inside=True)
        if error is not None:
            self.fail(error)
            return
        name, arguments = function.get("name"), function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        if arguments:
            arguments = self._halves.join(index, arguments)
            self.finished = self.finished and arguments.isspace()
        name = whole(string(name)) if name else None
        self.finished = self.finished and not name
        id = id_of(fragment.get("id"))
        yield ToolCallDelta(index, id, name, arguments, self._beside(fragment, function))

    def _beside(
        self, fragment: Mapping[str, Any], function: Mapping[str, Any]
    ) -> tuple[ProviderData, ...]:
        """Return the unknown fields of a call, which its provider wants back."""
        if self._origin is None:
            return ()
        kept = {name: fragment[name] for name in fragment.keys() - _OF_CALLS}
        inner = {name: function[name] for name in function.keys() - _OF_FUNCTIONS}
        kept = {name: value for name, value in kept.items() if value is not None}
        if inner := {name: value for name, value in inner.items() if value is not None}:
            kept["function"] = inner
        return (ProviderData(self._origin, kept),) if kept else ()

    def _report(self, report: Any) -> Iterator[Delta]:
        if usage := self._usages.add(report):
            yield usage

    def _finish(self, reason: str) -> Iterator[Delta | Rest]:
        meaning = finish_of(reason)
        if meaning is None and not self.finished:
            self.fail({"code": reason, "message": f"the reply ended with {reason!r}"})
        if self.finished or self.failure:
            return
        self.finished = True
        yield from self._settle()
        yield from self.tags.end()
        if meaning is not None and meaning != self._reason:
            self._reason = meaning
            yield Finish(meaning)

    def _settle(self) -> Iterator[Delta | Rest]:
        yield from self._settle_reasoning()
        for key, half in self._halves.flush().items():
            match key:
                case int():
                    yield ToolCallDelta(key, arguments=half)
                case "reasoning":
                    yield ReasoningDelta(half)
                case "refusal":
                    yield RefusalDelta(half)
                case _:
                    yield from self.tags.add(half)

    def _settle_reasoning(self) -> Iterator[Delta | Rest]:
        """Yield the reasoning to be sent back, once something else follows it."""
        if self._parts:
            kept = yield from self._parts.take()
            if self._origin is not None:
                yield ReasoningDelta("", (ProviderData(self._origin, {"message": kept}),))


def _answer_among(choices: Any) -> int | None:
    """Return the lowest index of choices, once one of them holds anything: that is the answer.

    A choice that is still being streamed may hold something later.
    """
    found = [choice for choice in choices if choice]
    holding = [choice for choice in found if _holds_anything(choice)]
    if not holding:
        return None
    able = [choice for choice in found if choice.get("delta") is not None] + holding
    return min(number(choice.get("index")) or 0 for choice in able)


def _holds_anything(choice: Mapping[str, Any]) -> bool:
    if choice.get("finish_reason") or choice.get("text"):
        return True
    fields = choice.get("delta") or choice.get("message")
    return isinstance(fields, Mapping) and any(fields.get(name) for name in _CONTENTS)
