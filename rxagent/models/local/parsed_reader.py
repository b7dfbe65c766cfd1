"""ParsedReader: reads a text by the response template that a tokenizer has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ...call_forms import begun_call
from ...events import Delta, ReasoningDelta, TextDelta, ToolCallDelta

__all__ = ["ParsedReader", "parser_of"]

_TEXT, _CALLS = "content", "tool_calls"
_REASONING = ("reasoning_content", "reasoning", "thinking")


def parser_of(tokenizer: Any, prompt: str, tools: Any) -> Any | None:
    """Return the tokenizer's own parser of an answer, or None if it has none."""
    if getattr(tokenizer, "response_template", None) is None:
        return None
    make = getattr(tokenizer, "get_response_parser", None)
    return None if make is None else make(prefix=prompt, tools=tools)


class ParsedReader:
    """Reads a text by a `ResponseParser` of transformers.

    What the parser cannot read, such as a broken call, is text.
    """

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self._structured = ""
        self._raw = ""
        self._is_lost = False
        self._calls = 0

    @property
    def calls(self) -> int:
        """How many calls there were so far."""
        return self._calls

    def add(self, text: str) -> list[Delta]:
        """Add a piece of the text, and return the deltas that are certain now."""
        if self._is_lost:
            return [TextDelta(text)]
        self._raw = self._raw + text if self._structured else ""
        try:
            events = self._parser.feed(text)
        except Exception:  # what a model writes may break any parser
            return self._give_up(self._raw or text)
        deltas = self._deltas(events)
        self._raw = self._raw or self._structured
        return deltas

    def end(self, *, is_cut: bool) -> list[Delta]:
        """Return what was held back, at the end of the text.

        Args:
            is_cut: Whether the model was interrupted. A call that has begun then comes in half.
        """
        if self._is_lost:
            return []
        if is_cut and (begun := begun_call(self._structured)):
            return [self._call(*call) for call in begun]
        try:
            _, events = self._parser.finalize()
        except Exception:
            return self._give_up(self._raw)
        return self._deltas(events)

    def _give_up(self, text: str) -> list[Delta]:
        self._is_lost = True
        return [TextDelta(text)] if text else []

    def _deltas(self, events: Iterable[Mapping[str, Any]]) -> list[Delta]:
        deltas: list[Delta] = []
        for event in events:
            field, text = event["field"], event.get("text", "")
            if event["type"] == "region_close":
                if field == _CALLS:
                    deltas += self._called(event["value"])
                elif self._structured:  # a part that could only be read as a whole
                    deltas += _said(field, str(event["value"]))
                self._structured = ""
            elif event.get("dirty"):
                self._structured += text
            else:
                deltas += _said(field, text)
        return deltas

    def _called(self, value: Any) -> list[Delta]:
        deltas: list[Delta] = []
        for item in value if isinstance(value, list) else [value]:
            made = item.get("function", item)
            arguments = made.get("arguments", {})
            is_text = isinstance(arguments, str)
            written = arguments if is_text else json.dumps(arguments, ensure_ascii=False)
            deltas.append(self._call(made["name"], written))
        return deltas

    def _call(self, name: str, arguments: str) -> Delta:
        self._calls += 1
        return ToolCallDelta(self._calls - 1, None, name, arguments)


def _said(field: str, text: str) -> list[Delta]:
    if field == _TEXT and text:
        return [TextDelta(text)]
    return [ReasoningDelta(text)] if field in _REASONING and text else []
