"""Passages: the messages of a conversation in pieces that must not be cut.

.. code-block:: text

    task        user
    plan        assistant, user
    step        assistant with calls, tool, tool, user     a call and its result never part
    said        user
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count

from attrs import evolve, frozen

from .messages import Message, ToolCall

__all__ = [
    "INTERRUPTED",
    "Passage",
    "gathered",
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
    its calls and what was wrong with it; it has no messages if they were left out. One of
    the kind said is a message to the run.
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

    A result moves behind its call; one without a call is left out. The results of calls with one
    id are in the order of the calls.
    """
    return [*_paired(list(messages), is_history=False)]


def gathered(messages: Iterable[Message]) -> list[Message]:
    """Return a history with each result behind its call; one without a call is a text."""
    return [*_paired(list(messages), is_history=True)]


def _paired(given: list[Message], is_history: bool) -> Iterator[Message]:
    results = _results(given)
    theirs = {*results.values()}
    for place, message in enumerate(given):
        if message.role != "tool":
            yield message
        elif is_history and place not in theirs:
            yield _as_user(message)
        for index, call in enumerate(_calls(message)):
            at = results.get((place, index))
            if at is not None:
                own = given[at]
                is_its = own.tool_call_id == call.id
                yield own if is_its else evolve(own, tool_call_id=call.id)
            elif not is_history:
                yield Message("tool", INTERRUPTED, tool_call_id=call.id)


def _as_user(orphan: Message) -> Message:
    of = f" of the call {orphan.tool_call_id}" if orphan.tool_call_id else ""
    return Message("user", f"The result{of}: {orphan.text or 'none'}", images=orphan.images)


def _calls(message: Message) -> tuple[ToolCall, ...]:
    return message.tool_calls if message.role == "assistant" else ()


def _results(messages: list[Message]) -> dict[tuple[int, int], int]:
    """Return the place of each call's result: by the place of the call, and its index there.

    A result belongs to a call before it that has none yet: of the same id, or of any if it has
    no id itself. Of several it is the first of the latest messages of the model in a row.
    """
    found: dict[tuple[int, int], int] = {}
    for has_id in (True, False):
        rows: list[dict[tuple[int, int], str]] = []
        role = ""
        for place, message in enumerate(messages):
            if message.role == "assistant" and role != "assistant":
                rows = [row for row in rows if row] + [{}]
            role = message.role
            for index, call in enumerate(_calls(message)):
                if (place, index) not in found:
                    rows[-1][place, index] = call.id
            if role == "tool" and bool(message.tool_call_id) is has_id:
                for row in reversed(rows):
                    open_calls = (at for at, id in row.items() if id == message.tool_call_id)
                    own = next(open_calls if has_id else iter(row), None)
                    if own is not None:
                        del row[own]
                        found[own] = place
                        break
    return found
