"""Watch: what a provider itself has sent, before LiteLLM reads it.

LiteLLM writes `stop` where the finish reason is missing, or is none that it knows, drops some
errors, and makes text of arguments that came as an object. The lines of a reply show that, where
its reader of lines can be reached.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from ...call_arguments import in_order
from ..failures import is_foreign
from ..mould import EVERY, NO_MOULD
from ..openai_chat.text_mould import mould_of_text
from ..sse import Failure, Frames, Strange
from .deltas import OF_DELTAS
from .parts import (
    arguments_in,
    counts_thoughts,
    decisive_in,
    failure_of,
    reasons_in,
    without_odd_fields,
)
from .sources import open_source

__all__ = ["Watch", "json_in"]

_TAKEN_OVER = {
    "code": "unsupported_fallback",
    "message": "The model declined behind a call, and another one took over. LiteLLM does not show "
    "which calls were abandoned, so none is run; AnthropicModel does.",
}

_NAMES = ('"usage', '"provider_specific_fields"', *(f'"{name}"' for name in OF_DELTAS))


class Watch:
    """Sees the lines of one reply, as its provider has sent them.

    Attributes:
        failure: The description of an error that a line has reported, or None.
        is_open: Whether the lines can be seen.
        counts_thoughts: Whether the provider may have reported the tokens of its thoughts.
        reasons: The finish reasons, in the provider's words.

    Args:
        stream: LiteLLM's stream, which is changed so that its lines are seen here first.
    """

    def __init__(self, stream: Any) -> None:
        self.failure: Any = None
        self.is_open = self.counts_thoughts = self._is_chat = self._has_called = False
        self.reasons: list[str] = []
        self._objects: set[str] = set()
        self._frames = Frames()
        self._mould = NO_MOULD
        self._unfit = 0
        if (source := getattr(stream, "completion_stream", None)) is not None:
            self.is_open = open_source(source, self)
        elif callable(call := getattr(stream, "make_call", None)):
            stream.make_call = partial(self._call, call)

    def reason(self, given: str) -> str | None:
        """Return the finish reason that counts, where LiteLLM gives one; None if none was sent."""
        return decisive_in(self.reasons) or (given if self.reasons else None)

    def restore(self, choice: Mapping[str, Any]) -> None:
        """Make an object again of each call's arguments that the provider has sent as one."""
        delta = (choice.get("delta") if self._objects else None) or {}
        calls = [call.get("function") or {} for call in delta.get("tool_calls") or ()]
        for function in [*calls, delta.get("function_call") or {}]:
            text = function.get("arguments")
            if text and in_order(text) in self._objects:
                function["arguments"] = json.loads(text)

    def is_plain(self, line: bytes) -> bool:
        """Return whether a line, with its end, differs in its text alone from one seen before."""
        if line == b"\n":
            return not self._frames.is_open
        return line.startswith(b"data: ") and bool(self._mould.text_in(line[6:-1]))

    def note(self, piece: bytes) -> None:
        """Look at a line, with its end: LiteLLM reads its data before the event is whole."""
        if not self.counts_thoughts:
            self.counts_thoughts = counts_thoughts(piece.decode(errors="replace"))
        if (value := json_in(piece.removeprefix(b"data:"))) is not None:
            seen = len(self.reasons)
            self._look(value)
            if self.failure is None and len(self.reasons) == seen:
                self._learn(piece, value)
            return
        for data in self._frames.feed(piece):
            if (value := json_in(data)) is not None:
                self._look(value)
            is_strange = isinstance(data, Strange) and self._is_in_chat
            if isinstance(data, Failure) or is_strange:
                words = data.decode(errors="replace").strip()
                self._fail({"message": words or "the provider reported an error"})

    def readable(self, text: str) -> str:
        """Return the data of an event, or a line, without what LiteLLM could not read."""
        if not any(name in text for name in _NAMES) or self._mould.text_in(text.encode()):
            return text
        head, brace, rest = text.partition("{")
        value = json_in((brace + rest).encode(errors="replace"))
        if head.strip() not in ("", "data:") or not isinstance(value, dict):
            return text
        if not without_odd_fields(value):
            return text
        return head + json.dumps(value)

    def _learn(self, line: bytes, value: Any) -> None:
        """Make a mould of a line of a text, in which there was nothing else to be seen."""
        with suppress(ValueError, LookupError, TypeError):
            if not value["choices"][0]["delta"]["content"] or without_odd_fields(value):
                return
            self._unfit += 1
            if self._unfit % EVERY == 1:
                frame = line.removeprefix(b"data: ").removesuffix(b"\n")
                self._mould = mould_of_text(frame, value) or self._mould

    def _look(self, value: Any) -> None:
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, Mapping):
                error = failure_of(part)
                if error is None and self._is_in_chat and is_foreign(part):
                    error = part
                if error is None and self._is_abandoned(part.get("content_block")):
                    error = _TAKEN_OVER
                if error is not None:
                    self._fail(error)
                self._is_chat = self._is_chat or bool(part.get("choices"))
                self.reasons += reasons_in(part)
                given = arguments_in(part)
                if "content_block" in part:  # of Anthropic, which begins with an empty object
                    given = filter(None, given)
                self._objects.update(map(in_order, given))

    def _is_abandoned(self, block: Any) -> bool:
        """Return whether a block of Anthropic's says that the calls so far are none."""
        kind = block.get("type") if isinstance(block, Mapping) else None
        self._has_called = self._has_called or kind == "tool_use"
        return self._has_called and kind == "fallback"

    @property
    def _is_in_chat(self) -> bool:
        """Whether chunks of OpenAI's chat protocol came, and no finish reason."""
        return self._is_chat and not self.reasons

    def _fail(self, error: Any) -> None:
        """Note a failure, the first that tells more than a sentence."""
        if self.failure is None or (
            isinstance(self.failure, Mapping) and {*self.failure} == {"message"}
        ):
            self.failure = error

    async def _call(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        source = await call(*args, **kwargs)
        self.is_open = open_source(source, self)
        return source


def json_in(data: bytes) -> Any:
    """Return the object or the list that is all of some bytes, or None."""
    if not data.lstrip().startswith((b"{", b"[")):
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
