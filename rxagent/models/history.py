"""History: what requests to every provider do to the messages of others."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import count
from typing import Any

from jiter import from_json

from ..messages import Message, ToolCall

__all__ = [
    "Ids",
    "accepted_name",
    "arguments_of",
    "beginning_of_turn",
    "beginnings_of_turns",
    "is_object",
    "without_bare_data",
]

_LONGEST_NAME = 64
_DIGITS = 9


class Ids:
    """The ids of the calls of one conversation: each accepted by the provider, none used twice.

    A result has the id of its call, which is one of the message before it.

    Args:
        is_accepted: Tells whether the provider accepts an id.
    """

    def __init__(self, is_accepted: Callable[[str], object]) -> None:
        self._is_accepted = is_accepted
        self._used: set[str] = set()
        self._open: dict[str, deque[str]] = {}

    def of_calls(self, ids: Iterable[str], own: Container[str] = ()) -> list[str]:
        """Return the ids under which the calls of a message are sent.

        Args:
            ids: The ids of the calls.
            own: Those that the provider made itself, so that it accepts them.
        """
        self._open = {}
        sent = []
        for id in ids:
            unique = self._unique(id, id in own)
            self._used.add(unique)
            self._open.setdefault(id, deque()).append(unique)
            sent.append(unique)
        return sent

    def has_call(self, id: str) -> bool:
        """Return whether a call of the latest message with calls has this id."""
        return id in self._open

    def of_result(self, id: str) -> str:
        """Return the id under which a call's result is sent."""
        sent = self._open.get(id)
        if not sent:
            return self._accepted(id)
        return sent.popleft() if len(sent) > 1 else sent[0]

    def _unique(self, id: str, is_own: bool) -> str:
        accepted = id if is_own else self._accepted(id)
        if accepted not in self._used:
            return accepted
        others = (_hashed(f"{id} {number}") for number in count(2))
        return next(other for other in others if other not in self._used)

    def _accepted(self, id: str) -> str:
        return id if self._is_accepted(id) else _hashed(id)


def _hashed(id: str) -> str:
    """Return an id that stands for another: 9 letters and digits, which every provider accepts."""
    return sha256(id.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


def accepted_name(name: str) -> str:
    """Return a name of 1 to 64 letters, digits, `_` and `-`, unchanged if it is one already."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:_LONGEST_NAME] or "unnamed"


def beginning_of_turn(messages: Sequence[Message]) -> int:
    """Return the index at which the latest turn begins."""
    return max(beginnings_of_turns(messages), default=0)


def beginnings_of_turns(messages: Sequence[Message]) -> Iterator[int]:
    """Yield the indexes of the user's messages that do not follow a tool's result."""
    for index, message in enumerate(messages):
        if message.role == "user" and not (index and messages[index - 1].role == "tool"):
            yield index


def without_bare_data(messages: Iterable[Message]) -> Iterator[Message]:
    """Yield messages but for replies that hold nothing but data of a provider.

    Only protocols whose messages consist of blocks take such replies back.
    """
    for message in messages:
        if not message.extra or message.text or message.tool_calls or message.images:
            yield message


def is_object(text: str) -> bool:
    """Return whether a text, such as the arguments of a call, is a JSON object."""
    try:
        return isinstance(from_json(text.encode(), allow_inf_nan=False), dict)
    except ValueError:
        return False


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """Return the arguments of a call as an object that JSON can hold; empty if they are none.

    A number that is too large for a float, such as 1e999, becomes the largest one.
    """
    try:
        arguments = from_json(call.arguments.encode(), allow_inf_nan=False)
    except ValueError:
        return {}
    return _finite(arguments) if isinstance(arguments, dict) else {}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    largest = sys.float_info.max
    return max(-largest, min(value, largest)) if isinstance(value, float) else value
