"""Chunks: what one parsed chunk of OpenAI's chat protocol, in all its dialects, tells."""

import json
from collections.abc import Mapping
from typing import Any

from ..events import (
    Delta,
    Finish,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from .faults import Faults
from .thoughts import Thoughts

__all__ = ["ChatChunks"]

_REASONS = {
    "end_turn": "stop",
    "eos": "stop",
    "function_call": "tool_calls",
    "max_tokens": "length",
    "stop_sequence": "stop",
}
"""Finish reasons that some servers call otherwise than OpenAI does."""


class ChatChunks:
    """Reads the chunks of one reply, one after the other, as the deltas they tell.

    Fragments of tool calls are passed on as they came; one without an index has the latest.
    Reports of usage are taken for totals so far, and passed on as increments.
    `finished` is true after the finish reason, `settled` after the last report.
    """

    def __init__(self, faults: Faults) -> None:
        self.finished = False
        self.settled = False
        self._used = [0, 0, 0, 0]
        self._faults = faults
        self._thoughts = Thoughts()
        self._index = 0

    @property
    def is_plain(self) -> bool:
        """Whether further text is the answer's, and can no more begin a thought."""
        return self._thoughts.are_over

    def read(self, chunk: Any) -> list[Delta]:
        """Return the deltas of a chunk.

        Raises:
            MalformedReply: The protocol knows no such chunk.
            ModelError: The chunk tells of an error.
        """
        told: list[Delta] = []
        try:
            if error := chunk.get("error") or (chunk.get("object") == "error" and chunk):
                raise self._faults.told(error)
            for choice in chunk.get("choices") or ():
                if not choice.get("index"):  # we never ask for a second one
                    self._choose(choice, told)
            if usage := chunk.get("usage"):
                self._report(usage, told)
                self.settled = self.finished and any(self._used)
        except (AttributeError, LookupError, TypeError) as error:
            raise self._faults.malformed("a chunk of a shape that is unknown", chunk) from error
        return told

    def end(self) -> list[Delta]:
        """Return what was held back, now that no chunk will come."""
        return self._thoughts.end()

    def _choose(self, choice: Mapping[str, Any], told: list[Delta]) -> None:
        reason = choice.get("finish_reason")
        whole = "delta" not in choice
        said = choice.get("message" if whole else "delta")
        if said is not None:
            self._say(said, told, whole)
        elif not reason:
            raise self._faults.malformed("an event without delta and finish reason", choice)
        if reason and not self.finished:
            finish = Finish(_REASONS.get(_text(reason), reason))
            self.finished = True
            told += self._thoughts.end()
            told.append(finish)

    def _say(self, said: Mapping[str, Any], told: list[Delta], whole: bool) -> None:
        thought = said.get("reasoning_content") or said.get("reasoning")
        if thought and isinstance(thought, str):
            told.append(ReasoningDelta(thought))
        if content := said.get("content"):
            self._tell(content, told)
        if refusal := said.get("refusal"):
            told.append(RefusalDelta(_text(refusal)))
        for place, fragment in enumerate(said.get("tool_calls") or ()):
            if (index := fragment.get("index", place if whole else None)) is not None:
                self._index = index
            told.append(_fragment(self._index, fragment.get("id"), fragment.get("function") or {}))
        if function := said.get("function_call"):  # before there were several calls
            told.append(_fragment(0, None, function))

    def _tell(self, content: Any, told: list[Delta]) -> None:
        if isinstance(content, list):  # of parts, as Mistral's models that think
            for part in content:
                for thought in part.get("thinking") or ():
                    told.append(ReasoningDelta(_text(thought["text"])))
                if text := part.get("text"):
                    self._tell(text, told)
        elif self._thoughts.are_over:
            told.append(TextDelta(_text(content)))
        else:
            told += self._thoughts.add(_text(content))

    def _report(self, usage: Mapping[str, Any], told: list[Delta]) -> None:
        read = usage.get("prompt_tokens_details") or {}
        written = usage.get("completion_tokens_details") or {}
        total = (
            _count(usage.get("prompt_tokens")),
            _count(usage.get("completion_tokens")),
            _count(read.get("cached_tokens")),
            _count(written.get("reasoning_tokens")),
        )
        added = [max(0, now - before) for now, before in zip(total, self._used, strict=True)]
        if any(added):
            self._used = [sum(pair) for pair in zip(self._used, added, strict=True)]
            told.append(Usage(*added))


def _fragment(index: Any, id: Any, function: Mapping[str, Any]) -> ToolCallDelta:
    if type(index) is not int:
        raise TypeError
    arguments = function.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        arguments = json.dumps(arguments)
    return ToolCallDelta(
        index, _text(id or "") or None, _text(function.get("name") or "") or None, arguments
    )


def _count(said: Any) -> int:
    if said is not None and not (isinstance(said, int | float) and said % 1 == 0):
        raise TypeError
    return int(said or 0)


def _text(said: Any) -> str:
    if not isinstance(said, str):
        raise TypeError
    return said
