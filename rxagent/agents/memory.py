"""Memory: what the model reads of a conversation, as a function of its state.

.. code-block:: text

    the conversation   task  step 1  step 2  step 3  step 4  step 5
    everything         task  step 1  step 2  step 3  step 4  step 5
    window(2)          task                          step 4  step 5
    summarise(...)     task  a summary of 1 to 3     step 4  step 5

The state keeps all of it. A policy cuts between passages (`State.passages`), so a call and its
result are never separated. System messages, the current task, what was said to its run and its
latest plan always stay.
Any function from a `State` to messages is a policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import isclass
from typing import Any, TypeAlias

from attrs import field, frozen

from ..arguments import number, several, shown, valid
from ..attributes import OF_MEMORIES, advised
from ..messages import Message
from ..passages import well_formed
from ..state import State
from .cutting import Count, cut, estimate, first_within, is_count
from .summaries import summarise

__all__ = [
    "Memory",
    "budget",
    "conversation",
    "estimate",
    "everything",
    "is_memory",
    "remembered",
    "summarise",
    "window",
]

Memory: TypeAlias = Callable[[State], Iterable[Message]]
"""A memory policy: a function from a state to what the model reads.

It is called on the run's loop thread, so it must not block. If it has a method `prepare(turn)`,
that returns the events before each step, or None.
"""


@advised(OF_MEMORIES)
@frozen
class _Everything:
    def __repr__(self) -> str:
        return "everything"

    def __reduce__(self) -> str:
        return "everything"

    def __call__(self, state: State) -> list[Message]:
        return state.messages()


everything: Memory = _Everything()
"""The policy that shows all messages of a conversation; it is the default."""


def window(steps: int) -> Memory:
    """Return a policy that shows the latest steps only.

    Args:
        steps: The number of steps.
    """
    return _Window(steps)


def budget(tokens: int, count: Count | None = None) -> Memory:
    """Return a policy that shows the latest passages which together need so many tokens.

    The latest step stays, even if it alone needs more.

    Args:
        tokens: The tokens of all messages, without those of the system prompt and the tools.
        count: Returns the tokens of a message; by default `estimate`.
    """
    return _Budget(tokens, count or estimate)


@frozen
class _Window:
    steps: int = field(validator=valid(number, least=1, whole=True, what="a number of steps"))

    def __repr__(self) -> str:
        return f"window({self.steps})"

    def __call__(self, state: State) -> list[Message]:
        passages = state.passages
        steps = [place for place, passage in enumerate(passages) if passage.kind == "step"]
        return cut(passages, steps[-self.steps] if len(steps) > self.steps else 0)


@frozen
class _Budget:
    tokens: int = field(validator=valid(number, least=1, whole=True, what="a number of tokens"))
    count: Count = field(validator=valid(is_count))

    def __repr__(self) -> str:
        return f"budget({self.tokens})"

    def __call__(self, state: State) -> list[Message]:
        passages = state.passages
        return cut(passages, first_within(passages, self.tokens, self.count))


# For agents


def is_memory(name: str, memory: Any) -> None:
    """Check that an argument is a memory policy."""
    if isclass(memory) or not callable(memory):
        raise TypeError(
            f"{name} must be a policy, as window(steps=5), or a function from a State to messages, "
            f"not {shown(memory)}."
        )
    if memory in _MAKERS:
        made = f"{memory.__name__}(...)"
        raise TypeError(f"{name} must be a policy; {memory.__name__} makes one: write {made}.")


def remembered(memory: Memory, state: State) -> list[Message]:
    """Return what the model reads; each call in it has exactly one result.

    Raises:
        TypeError: The policy returned something else than messages.
    """
    if memory is everything:
        return state.messages()
    return well_formed(several("The messages of memory", memory(state), "Message", Message))


def conversation(system: str, history: Iterable[Message]) -> list[Message]:
    """Return messages with one system message: the prompt, and those of the history."""
    messages = list(history)
    before = [message.text for message in messages if message.role == "system"]
    rest = [message for message in messages if message.role != "system"]
    return [Message("system", "\n\n".join((system, *before))), *rest]


_MAKERS = (window, budget, summarise)
