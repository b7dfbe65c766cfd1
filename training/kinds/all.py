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
from .reading import reading
from .requests import Asked, a_tool
from .shapes import a_shape, shapes
from .talk import talk
from .tools import tools
from .unfit import unfit
from .units import units

__all__ = ["KINDS", "STAGES", "Kinds", "examples"]

Kinds: TypeAlias = dict[Callable[[Random], Example], int]

KINDS: Kinds = {
    arithmetic: 12,
    percentages: 4,
    units: 15,
    dates: 7,
    talk: 4,
    off_subject: 9,
    tools: 36,
    calculators: 6,
    fixing: 7,
}
"""The kinds, with their shares in percent, about."""


_LAST: Kinds = {
    arithmetic: 18,
    percentages: 5,
    units: 16,
    dates: 9,
    talk: 4,
    off_subject: 9,
    tools: 20,
    calculators: 9,
    fixing: 7,
    shapes: 30,
    unfit: 8,
}

STAGES: dict[str, Kinds] = {
    "sums": {arithmetic: 50, percentages: 15, units: 15, dates: 15, off_subject: 5},
    "tools": {tools: 80, off_subject: 4, arithmetic: 6, units: 4, fixing: 3, calculators: 3},
    "all": KINDS,
    "more": {**KINDS, tools: 22, shapes: 34, unfit: 6},
    "last": _LAST,
    "end": {**_LAST, calculators: 15, reading: 16},
}
"""What is trained when: copying the digits of a question is what all else builds on; copying the
names of tools takes long to learn where it is a small part; requests in many wordings come last,
and with them more sums, so that these are not forgotten, and then results with signs."""


def examples(seed: int | str, of: Kinds = KINDS) -> Iterator[Example]:
    """Yield examples for ever, the same ones for the same seed."""
    random = Random(seed)
    kinds, shares = list(of), list(of.values())
    while True:
        example = random.choices(kinds, shares)[0](random)
        if tools in of and not example.tools and example.is_code and random.random() < 0.12:
            is_other = shapes in of and random.random() < 0.5
            yield _with_tools(random, example, a_shape if is_other else a_tool)
        else:
            yield example


def _with_tools(random: Random, example: Example, one: Callable[[Random], Asked]) -> Example:
    """Return an example in which tools are offered that are not needed."""
    listed = tuple(one(random).tool for _ in range(random.randrange(1, 4)))
    return Example(example.kind, example.question, example.replies, listed, answer=example.answer)
