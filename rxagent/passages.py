"""Passages: the messages of a conversation in pieces that must not be cut.

.. code-block:: text

    task        user
    plan        assistant, user
    step        assistant with calls, tool, tool, user     a call and its result never part
    said        user
"""

from collections.abc import Iterable

from attrs import evolve, frozen

from .messages import Message

__all__ = ["INTERRUPTED", "Passage", "kind_of", "passages_of", "well_formed", "without_words"]

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


def well_formed(messages: Iterable[Message]) -> list[Message]:
    """Return messages in which each call is followed by exactly one result."""
    given = list(messages)
    formed: list[Message] = []
    position = 0
    while position < len(given):
        message = given[position]
        position += 1
        if message.role == "tool":
            continue
        formed.append(message)
        answers: dict[str | None, Message] = {}
        while position < len(given) and given[position].role == "tool":
            answers.setdefault(given[position].tool_call_id, given[position])
            position += 1
        for call in message.tool_calls if message.role == "assistant" else ():
            interrupted = Message("tool", INTERRUPTED, tool_call_id=call.id)
            formed.append(answers.get(call.id, interrupted))
    return formed
