"""Cutting: which passages of a conversation are left out, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ..arguments import shown
from ..estimate import estimate
from ..messages import Message
from ..passages import Passage

__all__ = ["Count", "after_steps", "cut", "estimate", "first_within", "is_count", "staying"]

Count: TypeAlias = Callable[[Message], int]
"""Returns the tokens of a message."""


def is_count(name: str, count: Any) -> None:
    """Check that an argument can count the tokens of a message."""
    if not callable(count):
        raise TypeError(f"{name} must be a function of a message, not {shown(count)}.")


def first_within(passages: tuple[Passage, ...], tokens: int, count: Count) -> int:
    """Return the first place from which all passages, with those that stay, need so many tokens."""
    costs = [sum(map(count, passage.messages)) for passage in passages]
    stays = staying(passages)
    left = tokens - sum(costs[place] for place in stays)
    latest = max((at for at, passage in enumerate(passages) if passage.kind == "step"), default=0)
    first = len(passages)
    for place in reversed(range(len(passages))):
        left -= 0 if place in stays else costs[place]
        if left < 0 and place < latest:
            break
        first = place
    return first


def staying(passages: tuple[Passage, ...]) -> set[int]:
    """Return the places of the passages that are never cut off."""
    system = {place for place, passage in enumerate(passages) if passage.kind == "system"}
    task = max((at for at, passage in enumerate(passages) if passage.kind == "task"), default=None)
    plans = (at for at, each in enumerate(passages) if each.kind == "plan" and each.messages)
    plan = max(plans, default=None)
    if task is not None:
        system.add(task)
    after = -1 if task is None else task
    said = {at for at, each in enumerate(passages) if each.kind == "said" and at > after}
    if plan is not None and (task is None or plan > task):
        system.add(plan)
    return system | said


def cut(passages: tuple[Passage, ...], first: int, instead: Message | None = None) -> list[Message]:
    """Return the messages from one place on, after those that stay and what stands for the rest."""
    stays = staying(passages)
    before = [passages[place] for place in sorted(stays) if place < first]
    head = [message for passage in before for message in passage.messages]
    rest = [message for passage in passages[first:] for message in passage.messages]
    return [*head, *rest] if instead is None else [*head, instead, *rest]


def after_steps(passages: tuple[Passage, ...], steps: int) -> int:
    """Return the place after the first so many steps."""
    places = [place for place, passage in enumerate(passages) if passage.kind == "step"]
    if steps > len(places):
        return len(passages)
    return places[steps - 1] + 1 if steps > 0 else 0
