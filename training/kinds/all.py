"""All kinds, and how often each is trained."""

from collections.abc import Callable, Iterator
from random import Random
from typing import TypeAlias

from ..example import Example
from .arithmetic import arithmetic
from .calculators import calculators
from .dates import dates
from .fixing import fixing
from .off_subject import off_subject
from .percentages import percentages
from .talk import talk
from .tools import a_tool, tools
from .units import units

__all__ = ["FIRST", "KINDS", "LAST", "Kinds", "examples"]

Kinds: TypeAlias = dict[Callable[[Random], Example], int]

KINDS: Kinds = {
    arithmetic: 18,
    percentages: 8,
    units: 10,
    dates: 9,
    talk: 3,
    off_subject: 10,
    tools: 32,
    calculators: 8,
    fixing: 8,
}
"""The kinds, with their shares in percent, about."""


FIRST: Kinds = {arithmetic: 50, percentages: 15, units: 15, dates: 15, off_subject: 5}
"""What is trained first: copying the digits of a question is what all else builds on."""

LAST: Kinds = {
    arithmetic: 20,
    percentages: 3,
    units: 30,
    dates: 6,
    talk: 4,
    off_subject: 6,
    tools: 24,
    calculators: 3,
    fixing: 4,
}
"""What is trained last: more of what has to be remembered, the factors of the units."""


def examples(seed: int, of: Kinds = KINDS) -> Iterator[Example]:
    """Yield examples for ever, the same ones for the same seed."""
    random = Random(seed)
    kinds, shares = list(of), list(of.values())
    while True:
        example = random.choices(kinds, shares)[0](random)
        if not example.tools and example.is_code and of is not FIRST and random.random() < 0.12:
            yield _with_tools(random, example)
        else:
            yield example


def _with_tools(random: Random, example: Example) -> Example:
    """Return an example in which tools are offered that are not needed."""
    listed = tuple(a_tool(random).tool for _ in range(random.randrange(1, 4)))
    return Example(example.kind, example.question, example.replies, listed, answer=example.answer)
