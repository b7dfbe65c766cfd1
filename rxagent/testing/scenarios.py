"""Scenarios: what the scripted server is to say, by the name of the model that is asked.

A scenario is a function of the parsed request body that yields, plainly or asynchronously,
what is to happen next:

- a dict is a chunk of the answer,
- bytes are sent as they stand,
- a number is a pause, in seconds,
- a `Reply` is a whole HTTP reply,
- an `Ending` ends the answer otherwise than by `[DONE]`.

What it says should follow from the request alone, so that it may be asked again at any time.
"""

import re
from collections import Counter
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

from attrs import field, frozen

from rxagent.testing.frames import Body, Chunk

__all__ = ["Ending", "Item", "Reply", "Scenario", "Scenarios", "Script"]


class Ending(Enum):
    """How an answer may end otherwise than by `[DONE]`."""

    QUIET = "the body ends, and nothing says so"
    ABORT = "the connection breaks"


@frozen
class Reply:
    """A whole HTTP reply; a body that is no text is sent as JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(factory=dict)


Item = Chunk | bytes | float | Reply | Ending
"""What happens next."""

Script = AsyncIterable[Item] | Iterable[Item]
"""All that happens in answer to one request."""

Scenario = Callable[..., Script]
"""A function of the body and of the numbers in its name."""


class Scenarios:
    """The scenarios of one server, by name; capitals in a name stand for numbers.

    Any of them may be made to fail at first: `429-then-plain` fails the first time that it is
    asked, `503x3-then-plain` three times. This alone is counted, everything else is cold.
    """

    def __init__(self, known: Mapping[str, Scenario]) -> None:
        self._known = dict(known)
        self._asked: Counter[str] = Counter()

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def add(self, name: str, scenario: Scenario) -> None:
        """Add a scenario; it goes before those that were there."""
        self._known = {name: scenario} | {k: v for k, v in self._known.items() if k != name}

    def find(self, name: str) -> Callable[[Body], Script] | None:
        """Return the scenario of that name, its numbers filled in, or None."""
        if name in self._known:
            return self._known[name]
        for known, scenario in self._known.items():
            if match := _pattern(known).fullmatch(name):
                return _filled(scenario, [_number(text) for text in match.groups()])
        if match := re.fullmatch(r"(.+?)(?:x(\d+))?-then-(.+)", name):
            failure, times, then = match.groups()
            self._asked[name] += 1
            return self.find(failure if self._asked[name] <= int(times or 1) else then)
        return None


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"[A-Z]+", r"(\\d+(?:\\.\\d+)?)", re.escape(name)))


def _number(text: str) -> float:
    return float(text) if "." in text else int(text)


def _filled(scenario: Scenario, numbers: list[float]) -> Callable[[Body], Script]:
    return lambda body: scenario(body, *numbers)
