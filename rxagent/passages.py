"""Passages: the messages of a conversation in pieces that must not be cut.

.. code-block:: text

    task        user
    plan        assistant, user
    step        assistant with calls, tool, tool, user     a call and its result never part
    said        user
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count

from attrs import evolve, frozen

from .messages import Message

__all__ = [
    "INTERRUPTED",
    "Passage",
    "kind_of",
    "passages_of",
    "well_formed",
    "with_own_ids",
    "without_words",
]

INTERRUPTED = "Interrupted"
"""The result of a call that has none."""

_KINDS = {"system": "system", "user": "task", "assistant": "step", "tool": "step"}


@frozen
class Passage:
    """Messages that belong together.

    `kind` is system, task, plan, step or said. A step is a message of the model, the results of
    its calls and what was wrong with it; it has no messages if they were left out. What was said
    is a message to the run.
    """

    kind: str
    messages: tuple[Message, ...]


def kind_of(message: Message) -> str:
    """Return the kind of passage that a message begins."""
    return _KINDS[message.role]


def passages_of(entries: Iterable[tuple[str, list[Message]]]) -> tuple[Passage, ...]:
    """Return passages made of kinds and messages; results join the passage of their call."""
    joined: list[tuple[str, list[Message]]] = []
    for kind, messages in entries:
        if joined and messages and messages[0].role == "tool":
            joined[-1][1].extend(messages)
        else:
            joined.append((kind, list(messages)))
    return tuple(Passage(kind, tuple(well_formed(messages))) for kind, messages in joined)


def without_words(message: Message) -> Message:
    """Return a message with only its calls."""
    return evolve(message, text="", reasoning="", extra=())


def with_own_ids(messages: Iterable[Message]) -> Iterator[Message]:
    """Yield messages in which each call of one message has another id, and its result as well.

    Some servers give all calls one id, such as an empty one; their results come in order.
    """
    renamed: dict[str | None, deque[str]] = {}
    for message in messages:
        if message.role == "tool":
            own = renamed.get(message.tool_call_id)
            yield evolve(message, tool_call_id=own.popleft()) if own else message
            continue
        taken = {call.id for call in message.tool_calls}
        renamed = {}
        if len(taken) < len(message.tool_calls):
            calls = []
            for call in message.tool_calls:
                if call.id in renamed:
                    others = (f"{call.id or 'call'}_{number}" for number in count(2))
                    own_id = next(other for other in others if other not in taken)
                    taken.add(own_id)
                else:
                    own_id = call.id
                renamed.setdefault(call.id, deque()).append(own_id)
                calls.append(evolve(call, id=own_id))
            message = evolve(message, tool_calls=calls)
        yield message


def well_formed(messages: Iterable[Message]) -> list[Message]:
    """Return messages in which each call is followed by exactly one result.

    The results of calls with one id are in the order of the calls.
    """
    given = list(messages)
    formed: list[Message] = []
    position = 0
    while position < len(given):
        message = given[position]
        position += 1
        if message.role == "tool":
            continue
        formed.append(message)
        answers: dict[str | None, deque[Message]] = {}
        while position < len(given) and given[position].role == "tool":
            answers.setdefault(given[position].tool_call_id, deque()).append(given[position])
            position += 1
        for call in message.tool_calls if message.role == "assistant" else ():
            given_to = answers.get(call.id)
            interrupted = Message("tool", INTERRUPTED, tool_call_id=call.id)
            formed.append(given_to.popleft() if given_to else interrupted)
    return formed
