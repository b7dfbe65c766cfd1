"""Chunks: what one parsed chunk of OpenAI's chat protocol, in all its dialects, tells."""

import json
from collections.abc import Mapping
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
from .failures import failure_in, is_foreign
from .faults import Faults
from .finishes import finish_of
from .halves import Halves, whole_text
from .reasonings import FIELDS, Kept, thought_in
from .thoughts import Thoughts
from .usages import Usages

__all__ = ["ChatChunks"]

_OF_CALLS = {"index", "id", "type", "function"}
_OF_FUNCTIONS = {"name", "arguments"}
_OF_CHUNKS = {"choices", "usage", "id", "object", "created", "model", "system_fingerprint"}
_OF_CHUNKS |= {"service_tier", "provider", "base_resp", "prompt_filter_results", "timings"}
_OF_PINGS = {"type", "event", "ping", "keepalive", "keep_alive", "heartbeat", "status", "comment"}
_OF_PINGS |= {"time", "timestamp", "ts"}
_NO_REASON = ("", "null", "none")
_FAR = 1_000_000
"""Beyond any index of the first choice."""

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

    def __init__(self, faults: Faults, origin: str | None = None) -> None:
        self.answered = self.finished = False
        self.failure: ModelError | None = None
        self.thoughts = Thoughts()
        self._faults = faults
        self._origin = origin
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

    def read(self, chunk: Any) -> list[Delta]:
        """Return the deltas of a chunk, or of a list of them.

        Raises:
            MalformedReply: The protocol knows no such chunk.
        """
        told: list[Delta] = []
        try:
            for part in chunk if isinstance(chunk, list) else (chunk,):
                self._read(part, told)
        except (AttributeError, LookupError, TypeError) as error:
            if self.failure is None:
                raise self._faults.malformed("a chunk of a shape that is unknown", chunk) from error
        return told

    def fail(self, said: Any) -> None:
        """Note an error that the provider has told of; even a finish reason does not undo it."""
        if self.failure is None:
            self.failure = self._faults.told(said)

    def end(self) -> list[Delta]:
        """Return what was held back, now that no chunk will come."""
        told: list[Delta] = []
        self._settle(told)
        told += self.thoughts.end()
        return told

    def _read(self, chunk: Any, told: list[Delta]) -> None:
        error = failure_in(chunk)
        if error is None and self.answered and not self.finished and is_foreign(chunk):
            error = chunk
        if error is not None:
            self.fail(error)
        for choice in chunk.get("choices") or ():
            if choice:
                self._choose(choice, told)
        self._report(chunk.get("usage"), told)

    def _choose(self, choice: Mapping[str, Any], told: list[Delta]) -> None:
        number = _number(choice.get("index")) or 0
        said, reason = choice.get("delta"), _reason(choice.get("finish_reason"))
        is_whole = said is None and choice.get("message") is not None
        said = choice["message"] if is_whole else said
        error = failure_in(choice, inside=True) or failure_in(said or {}, inside=True)
        if error is not None:
            self.fail(error)
        if said is None and not reason:
            return
        self.answered = True
        said = said or {}
        if is_whole:  # what deltas have told it only says again
            said = {name: part for name, part in said.items() if (number, name) not in self._told}
        else:
            self._told.update((number, name) for name, part in said.items() if part)
        if number == 0:
            self._say(said, told)
        calls = self._call(said, number, is_whole, told)
        self._report(choice.get("usage"), told)
        if number and not calls:  # we never ask for a second answer
            return
        if reason:
            self._finish(reason, told)
        elif is_whole:
            self.finished = True

    def _say(self, said: Mapping[str, Any], told: list[Delta]) -> None:
        for name in FIELDS:
            self._kept.add(name, said.get(name))
        found = ((name, text) for name in FIELDS if (text := thought_in(said.get(name))))
        for name, text in list(found)[:1]:
            if thought := self._halves.join(_REASONING, text):
                told += self.thoughts.settle()
                told.append(ReasoningDelta(thought, self._under(name, said)))
        if content := said.get("content"):
            self._tell(content, told)
        if (refusal := said.get("refusal")) and refusal is not True:
            self._settle_reasoning(told)
            told += self.thoughts.settle()
            told.append(RefusalDelta(self._halves.join(_REFUSAL, _text(refusal))))

    def _under(self, name: str, said: Mapping[str, Any]) -> tuple[ProviderData, ...]:
        """Return the note under which field the reasoning came, the first time."""
        if self._origin is None or not isinstance(said.get(name), str) or name == self._field:
            return ()
        self._field = name
        return (ProviderData(self._origin, {"reasoning_field": name}),)

    def _tell(self, content: Any, told: list[Delta]) -> None:
        match content:
            case list():  # of parts, as Mistral's models that think
                for part in content:
                    self._tell(part, told)
            case Mapping():
                if thought := thought_in(content.get("thinking")):
                    told.append(ReasoningDelta(self._halves.join(_REASONING, thought)))
                if text := content.get("text"):
                    self._tell(text, told)
            case _:
                self._settle_reasoning(told)
                text = self._halves.join(_TEXT, _text(content))
                told += self.thoughts.add(text) if text else ()

    def _call(
        self, said: Mapping[str, Any], choice: int, is_whole: bool, told: list[Delta]
    ) -> bool:
        """Tell the fragments of calls; return whether there were any."""
        before = len(told)
        fragments = said.get("tool_calls") or ()
        if not isinstance(fragments, list | tuple):
            raise TypeError
        for place, fragment in enumerate(fragments):
            if fragment is None:
                continue
            index = _number(fragment.get("index"))
            if index is None:
                index = place if is_whole else self._index
            self._index = index
            self._add(self._placed(choice, index), fragment, told)
        function = said.get("function_call")  # before there were several calls
        if function and not fragments:
            self._add(self._placed(choice, 0), {"function": function}, told)
        return len(told) > before

    def _placed(self, choice: int, index: int) -> int:
        """Return an index that no call of another choice has."""
        if not choice:
            return index
        return self._elsewhere.setdefault((choice, index), _FAR + len(self._elsewhere))

    def _add(self, index: int, fragment: Mapping[str, Any], told: list[Delta]) -> None:
        self._settle_reasoning(told)
        told += self.thoughts.settle()
        function = fragment.get("function") or {}
        name, arguments = function.get("name"), function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        if arguments:
            arguments = self._halves.join(index, arguments)
            self.finished = self.finished and arguments.isspace()
        name = whole_text(_text(name)) if name else None
        self.finished = self.finished and not name
        id = _id(fragment.get("id"))
        told.append(ToolCallDelta(index, id, name, arguments, self._beside(fragment, function)))

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

    def _report(self, report: Any, told: list[Delta]) -> None:
        if report and (usage := self._usages.add(report)):
            told.append(usage)

    def _finish(self, reason: str, told: list[Delta]) -> None:
        meaning = finish_of(reason)
        if meaning is None and not self.finished:
            self.fail({"code": reason, "message": f"the reply ended by {reason!r}"})
        if self.finished or self.failure:
            return
        self.finished = True
        self._settle(told)
        told += self.thoughts.end()
        if meaning is not None and meaning != self._reason:
            self._reason = meaning
            told.append(Finish(meaning))

    def _settle(self, told: list[Delta]) -> None:
        self._settle_reasoning(told)
        for channel, half in self._halves.flush().items():
            match channel:
                case int():
                    told.append(ToolCallDelta(channel, arguments=half))
                case "reasoning":
                    told.append(ReasoningDelta(half))
                case "refusal":
                    told.append(RefusalDelta(half))
                case _:
                    told += self.thoughts.add(half)

    def _settle_reasoning(self, told: list[Delta]) -> None:
        """Tell what is to be sent back of the reasoning so far, now that something else comes."""
        if (kept := self._kept.take()) and self._origin is not None:
            told.append(ReasoningDelta("", (ProviderData(self._origin, {"message": kept}),)))


def _is_foreign(chunk: Mapping[str, Any]) -> bool:
    """Tell whether an object is no chunk, and no sign of life either."""
    if not chunk or any(name in _OF_CHUNKS or name.startswith("x_") for name in chunk):
        return False
    return any(name not in _OF_PINGS or isinstance(v, dict | list) for name, v in chunk.items())


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
