"""Chunks: what one parsed chunk of OpenAI's chat protocol, in all its dialects, tells."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import ModelError
from ..events import (
    Delta,
    Finish,
    ReasoningDelta,
    RefusalDelta,
    ToolCallDelta,
)
from ..messages import ProviderData
from ..streams.fairness import REST, Rest, rested
from .contents import Failed, spoken
from .failures import failure_in, is_foreign
from .faults import ErrorFactory
from .finishes import finish_of
from .halves import Halves, whole_text
from .reasonings import FIELDS, Kept, thoughts_in
from .thoughts import Thoughts
from .usages import Usages

__all__ = ["ChatChunks"]

_OF_CALLS = {"index", "id", "type", "function"}
_OF_FUNCTIONS = {"name", "arguments"}
_NO_REASON = ("", "null", "none")
_FEW = 32
"""Among so many choices of a chunk the answer is looked for."""

_FAR = 1_000_000
"""Beyond any index of the first choice."""

_SAYING = (*FIELDS, "content", "refusal", "tool_calls", "function_call")

_TEXT, _REASONING, _REFUSAL = "text", "reasoning", "refusal"


class ChatChunks:
    """Reads the chunks of one reply, one after the other, as the deltas they tell.

    Fragments of tool calls are passed on as they came; one without an index has the latest.
    What stands beside text and calls, and cannot be read, is left out.

    Attributes:
        answered: Whether any choice was read.
        failure: What a chunk has told of an error, if one has.
        finished: Whether the reply is whole, as the finish reason or its form says.
        thoughts: Tells an answer from the thoughts before it.

    Args:
        faults: Makes the errors.
        origin: What the provider wants back goes back to this origin; None, to no one.
    """

    def __init__(self, faults: ErrorFactory, origin: str | None = None) -> None:
        self.answered = self.finished = False
        self.failure: ModelError | None = None
        self.thoughts = Thoughts()
        self._faults = faults
        self._origin = origin
        self._answer: int | None = None
        """The index of the choice that is the answer."""
        self._reason: str | None = None
        self._usages = Usages()
        self._halves = Halves()
        self._kept = Kept()
        self._field: str | None = None
        self._index = 0
        self._told: set[tuple[int, str]] = set()
        self._elsewhere: dict[tuple[int, int], int] = {}

    @property
    def is_plain(self) -> bool:
        """Whether further text without the sign `<` is the answer's."""
        return self.thoughts.may_pass and not self._halves

    def read(self, chunk: Any) -> Iterator[Delta | Rest]:
        """Yield the deltas of a chunk, or of a list of them; REST, where much tells little.

        Raises:
            MalformedReply: The protocol knows no such chunk.
        """
        try:
            for part in rested(chunk) if isinstance(chunk, list) else (chunk,):
                if part is REST:
                    yield REST
                else:
                    yield from self._read(part)
        except (AttributeError, LookupError, TypeError) as error:
            if self.failure is None:
                raise self._faults.malformed("a chunk of a shape that is unknown", chunk) from error

    def fail(self, said: Any) -> None:
        """Note an error that the provider has told of; even a finish reason does not undo it."""
        if self.failure is None:
            self.failure = self._faults.told(said)

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, now that no chunk will come."""
        yield from self._settle()
        yield from self.thoughts.end()

    def _read(self, chunk: Any) -> Iterator[Delta | Rest]:
        error = failure_in(chunk)
        if error is None and self.answered and not self.finished and is_foreign(chunk):
            error = chunk
        if error is not None:
            self.fail(error)
        choices = chunk.get("choices") or ()
        if self._answer is None:
            self._answer = _first_to_say(choices[:_FEW])
        for choice in choices if len(choices) < 2 else rested(choices):
            if choice is REST:
                yield REST
            elif choice:
                yield from self._choose(choice)
        if report := chunk.get("usage"):
            yield from self._report(report)

    def _choose(self, choice: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        number = _number(choice.get("index")) or 0
        is_answer = number == (self._answer or 0)
        said, reason = choice.get("delta"), _reason(choice.get("finish_reason"))
        is_whole = said is None and choice.get("message") is not None
        said = choice["message"] if is_whole else said
        error = failure_in(choice, inside=True) or failure_in(said or {}, inside=True)
        if error is not None:
            self.fail(error)
        if not said and isinstance(choice.get("text"), str):  # before there were messages
            said = {"content": choice["text"]}
        if said is None and not reason:
            return
        self.answered = True
        said = said or {}
        if is_whole:  # what deltas have told it only says again
            said = {name: part for name, part in said.items() if (number, name) not in self._told}
        else:
            self._told.update((number, name) for name, part in said.items() if part)
        if is_answer:
            yield from self._say(said)
        calls = False
        if said.get("tool_calls") or said.get("function_call"):
            for delta in self._call(said, number, is_whole):
                calls = calls or delta is not REST
                yield delta
        if report := choice.get("usage"):
            yield from self._report(report)
        if not is_answer and not calls:  # we never ask for a second answer
            return
        if reason:
            yield from self._finish(reason)
        elif is_whole:
            self.finished = True

    def _say(self, said: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        is_told = False
        for name in FIELDS:
            reasoning = said.get(name)
            if not reasoning:
                continue
            if isinstance(reasoning, list | Mapping):
                yield from self._kept.add(name, reasoning)
            if not is_told:
                for delta in self._think(thoughts_in(reasoning), self._under(name, said)):
                    is_told = is_told or delta is not REST
                    yield delta
        if content := said.get("content"):
            yield from self._tell(content)
        if (refusal := said.get("refusal")) and refusal is not True:
            yield from self._refuse(_text(refusal))

    def _think(
        self, thoughts: Iterable[str | Rest], extra: tuple[ProviderData, ...] = ()
    ) -> Iterator[Delta | Rest]:
        for thought in thoughts:
            if thought is REST:
                yield REST
            elif thought and (whole := self._halves.join(_REASONING, thought)):
                yield from self.thoughts.settle()
                yield ReasoningDelta(whole, extra)
                extra = ()

    def _refuse(self, refusal: str) -> Iterator[Delta | Rest]:
        yield from self._settle_reasoning()
        yield from self.thoughts.settle()
        yield RefusalDelta(self._halves.join(_REFUSAL, refusal))

    def _under(self, name: str, said: Mapping[str, Any]) -> tuple[ProviderData, ...]:
        """Return the note under which field the reasoning came, the first time."""
        if self._origin is None or not isinstance(said.get(name), str) or name == self._field:
            return ()
        self._field = name
        return (ProviderData(self._origin, {"reasoning_field": name}),)

    def _tell(self, content: Any) -> Iterator[Delta | Rest]:
        for piece in (("text", content),) if isinstance(content, str) else spoken(content):
            if piece is REST:
                yield REST
            elif isinstance(piece, Failed):
                self.fail(piece[0])
            elif piece[0] == _TEXT:
                if self._kept:
                    yield from self._settle_reasoning()
                if text := self._halves.join(_TEXT, piece[1]):
                    yield from self.thoughts.add(text)
            else:
                aside = self._refuse(piece[1]) if piece[0] == _REFUSAL else self._think(piece[1:])
                yield from aside

    def _call(self, said: Mapping[str, Any], choice: int, is_whole: bool) -> Iterator[Delta | Rest]:
        """Tell the fragments of calls."""
        fragments = said.get("tool_calls") or ()
        if not isinstance(fragments, list | tuple):
            raise TypeError
        place = -1
        for fragment in rested(fragments):
            if fragment is REST:
                yield REST
                continue
            place += 1
            if fragment is None:
                continue
            index = _number(fragment.get("index"))
            if index is None:
                index = place if is_whole else self._index
            self._index = index
            yield from self._add(self._placed(choice, index), fragment)
        function = said.get("function_call")  # before there were several calls
        if function and not fragments:
            yield from self._add(self._placed(choice, 0), {"function": function})

    def _placed(self, choice: int, index: int) -> int:
        """Return an index that no call of another choice has."""
        if choice == (self._answer or 0):
            return index
        return self._elsewhere.setdefault((choice, index), _FAR + len(self._elsewhere))

    def _add(self, index: int, fragment: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        yield from self._settle_reasoning()
        yield from self.thoughts.settle()
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
        name = whole_text(_text(name)) if name else None
        self.finished = self.finished and not name
        id = _id(fragment.get("id"))
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
            self.fail({"code": reason, "message": f"the reply ended by {reason!r}"})
        if self.finished or self.failure:
            return
        self.finished = True
        yield from self._settle()
        yield from self.thoughts.end()
        if meaning is not None and meaning != self._reason:
            self._reason = meaning
            yield Finish(meaning)

    def _settle(self) -> Iterator[Delta | Rest]:
        yield from self._settle_reasoning()
        for channel, half in self._halves.flush().items():
            match channel:
                case int():
                    yield ToolCallDelta(channel, arguments=half)
                case "reasoning":
                    yield ReasoningDelta(half)
                case "refusal":
                    yield RefusalDelta(half)
                case _:
                    yield from self.thoughts.add(half)

    def _settle_reasoning(self) -> Iterator[Delta | Rest]:
        """Tell what is to be sent back of the reasoning so far, now that something else comes."""
        if self._kept:
            kept = yield from self._kept.take()
            if self._origin is not None:
                yield ReasoningDelta("", (ProviderData(self._origin, {"message": kept}),))


def _first_to_say(choices: Any) -> int | None:
    """Return the lowest index of choices, once one of them says something: that is the answer.

    A choice that is still to be streamed may say something later.
    """
    found = [choice for choice in choices if choice]
    saying = [choice for choice in found if _says(choice)]
    if not saying:
        return None
    able = [choice for choice in found if choice.get("delta") is not None] + saying
    return min(_number(choice.get("index")) or 0 for choice in able)


def _says(choice: Mapping[str, Any]) -> bool:
    if choice.get("finish_reason") or choice.get("text"):
        return True
    said = choice.get("delta") or choice.get("message")
    return isinstance(said, Mapping) and any(said.get(name) for name in _SAYING)


def _reason(said: Any) -> str:
    if isinstance(said, Mapping):
        said = said.get("type") or said.get("reason") or said
    reason = _text(said or "")
    return "" if reason.strip().lower() in _NO_REASON else reason


def _number(said: Any) -> int | None:
    """Return an index, however it is written; None when it is none."""
    if isinstance(said, str) and said.isdecimal() and len(said) < 10:
        said = int(said)
    is_number = isinstance(said, int | float) and not isinstance(said, bool) and said % 1 == 0
    return int(said) if is_number and 0 <= said < _FAR else None


def _id(said: Any) -> str | None:
    if isinstance(said, str):
        return whole_text(said) or None
    return None if said is None or isinstance(said, bool) else json.dumps(said)


def _text(said: Any) -> str:
    if not isinstance(said, str):
        raise TypeError
    return said
