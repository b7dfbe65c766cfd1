"""Saying: what the scripts are made of."""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from rxagent.testing.asked import FittingCall, fitting_calls, said_by
from rxagent.testing.frames import (
    Body,
    Chunk,
    finish_chunk,
    role_chunk,
    text_chunk,
    usage_chunk,
    wants_usage,
)
from rxagent.testing.scenarios import Item, Scenario

__all__ = [
    "INPUT_TOKENS",
    "PLAIN",
    "SCRIPTS",
    "paced",
    "plain",
    "results",
    "saying",
    "scenario",
    "texts",
    "using",
    "words",
]

PLAIN = "Hello from the scripted model."
"""What the scenario `plain` says, in five pieces."""

INPUT_TOKENS = 10
"""The input tokens reported; an output token is reported for each chunk that says something."""

SCRIPTS: dict[str, Scenario] = {}
"""The scenarios, by name; capitals in a name stand for numbers."""

S = TypeVar("S", bound=Scenario)
T = TypeVar("T", bound=Item)


def scenario(name: str) -> Callable[[S], S]:
    """Register a scenario that every server knows."""

    def register(function: S) -> S:
        SCRIPTS[name] = function
        return function

    return register


def saying(body: Body, items: Iterable[T], reason: str = "stop") -> Iterable[T | Chunk]:
    """Say the items as OpenAI does: the role before them, reason and usage after them."""
    yield role_chunk()
    spoken = 0
    for item in items:
        spoken += isinstance(item, dict)
        yield item
    yield finish_chunk(reason)
    if wants_usage(body):
        yield usage_chunk(INPUT_TOKENS, spoken)


def words(text: str) -> list[str]:
    """Return the words of a text, each with the space before it."""
    return re.findall(r"\s*\S+", text)


def texts(text: str) -> list[Chunk]:
    """Return a text as chunks of a word each."""
    return [text_chunk(word) for word in words(text)]


def paced(items: Iterable[Item], seconds: float) -> Iterable[Item]:
    """Put a pause before each item."""
    for item in items:
        yield seconds
        yield item


@scenario("plain")
def plain(body: Body) -> Iterable[Chunk]:
    """Say "Hello from the scripted model.", a word at a time."""
    return saying(body, texts(PLAIN))


def results(body: Body) -> Iterable[Item]:
    """Answer with what the tools have returned."""
    returned = said_by(body, "tool")
    return saying(body, texts(f"The answer is {', '.join(returned)}." if returned else PLAIN))


def using(
    body: Body,
    fragments: Callable[[FittingCall, FittingCall], Iterable[Item]],
    reason: str = "tool_calls",
) -> Iterable[Item]:
    """Call offered tools at first, and answer with what they have returned then."""
    wanted = fitting_calls(body)
    return saying(body, fragments(*wanted), reason) if wanted else results(body)
