"""Repeats: whole messages inside a stream, which may repeat what came before them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from ...call_arguments import in_order
from ...operators._arguments import Arguments
from ..agreement import contradicts
from .calls import Fragment
from .choices import Undecided
from .fields import id_of

__all__ = ["Repeats", "Seen"]

_OF_ANSWERS = "content", "refusal"


@frozen
class Seen:
    """A fragment of a call that was read, with its index in its choice."""

    index: int
    id: str | None
    name: str | None
    arguments: str | None


class Repeats:
    """Finds what a message says beyond the deltas and the messages before it.

    Attributes:
        is_contradicted: Whether the answer of a message differs from the deltas before it.
    """

    def __init__(self) -> None:
        self.is_contradicted = False
        self._fields: dict[tuple[int, str], _Field] = {}
        self._seen: dict[int, list[Seen]] = {}

    def add_call(self, choice: int, fragment: Seen) -> None:
        """Note a fragment of a call."""
        self._seen.setdefault(choice, []).append(fragment)

    def add(self, choice: int, name: str, part: Any) -> None:
        """Note a part of a field that came in a delta."""
        field = self._fields.get((choice, name))
        if field is None:
            field = self._fields[choice, name] = _Field()
        field.in_deltas = True
        if isinstance(part, str):
            field.texts.append(part)
        else:
            field.is_text = False

    def new_in(self, choice: int, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a message that are new, and of texts their new ends.

        Raises:
            Undecided: The messages of a stream neither repeat nor continue each other.
        """
        new: dict[str, Any] = {}
        for name, part in message.items():
            field = self._fields.setdefault((choice, name), _Field()) if part else _Field()
            if name == "tool_calls" and isinstance(part, list):
                seen = self._seen.get(choice)
                if calls := _new_calls(part, seen) if seen else part:
                    new[name] = calls
            elif not isinstance(part, str):
                if not field.in_deltas:
                    new[name] = part
            elif field.is_text:
                if name in _OF_ANSWERS and field.in_deltas:
                    said = "".join(field.texts)
                    self.is_contradicted = self.is_contradicted or contradicts(said, part)
                if end := field.new_end(part):
                    new[name] = end
        return new


class _Field:
    """A field of one choice: what was read of it, and how its messages are related.

    `grow` is true once a message has repeated the one before it, false once one has not.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.in_deltas = False
        self.is_text = True
        self.grow: bool | None = None

    def new_end(self, text: str) -> str:
        before = "".join(self.texts)
        if self.grow is not False and text.startswith(before):
            self.grow = True if before and not self.in_deltas else self.grow
            self.texts = [text]
            return text[len(before) :]
        if self.in_deltas or not text:
            return ""  # such as a text without the white space around it
        if self.grow:
            raise Undecided("messages that neither repeat nor continue each other")
        self.grow = False
        self.texts.append(text)
        return text


class _Call:
    """A call as its fragments have made it so far."""

    def __init__(self, first: Seen) -> None:
        self.first = first
        self.arguments = Arguments()

    @property
    def is_open(self) -> bool:
        """Whether it has no id, and its arguments lack their end."""
        return self.first.id is None and not self.arguments.are_whole

    def goes_on(self, fragment: Seen) -> bool:
        """Return whether a fragment at its index is one of its own."""
        if not fragment.name or fragment.id == self.first.id is not None:
            return True
        return fragment.id is None and not self.arguments.are_whole


def _calls_of(fragments: Iterable[Seen]) -> list[_Call]:
    calls: list[_Call] = []
    latest: dict[int, _Call] = {}
    for fragment in fragments:
        call = latest.get(fragment.index)
        if call is None or not call.goes_on(fragment):
            call = latest[fragment.index] = _Call(fragment)
            calls.append(call)
        call.arguments.add(fragment.arguments or "")
    return calls


def _new_calls(given: list[Any], fragments: list[Seen]) -> list[Any]:
    """Return those calls of a message that fragments before it did not have, and their new ends.

    A call is known by its name and id, else by its name and arguments; one that has no id, and
    was not finished, by its name. One that is new gets an index of its own.
    """
    calls = _calls_of(fragments)
    read = [(fields, Fragment(fields), id_of(fields.get("id"))) for fields in given if fields]
    names = [fragment.name for _, fragment, _ in read]
    texts = [in_order(fragment.arguments or "") for _, fragment, _ in read]
    known: dict[int, int] = {}
    keys: tuple[tuple[Sequence[Any], Sequence[Any]], ...] = (
        (
            [call.first.id and (call.first.name, call.first.id) for call in calls],
            [id and (name, id) for name, (_, _, id) in zip(names, read, strict=True)],
        ),
        (
            [(call.first.name, in_order(call.arguments.text)) for call in calls],
            list(zip(names, texts, strict=True)),
        ),
        ([call.is_open and call.first.name for call in calls], names),
    )
    for earlier, now in keys:
        _match(known, earlier, now)
    free = max(fragment.index for fragment in fragments) + 1
    new: list[Any] = []
    for at, (fields, fragment, _) in enumerate(read):
        if at not in known:
            new.append({**fields, "index": free + at})
            continue
        call, arguments = calls[known[at]], fragment.arguments or ""
        before = call.arguments.text
        if arguments.startswith(before) and (end := arguments[len(before) :]).strip():
            new.append({"index": call.first.index, "function": {"arguments": end}})
    return new


def _match(known: dict[int, int], before: Sequence[Any], now: Sequence[Any]) -> None:
    """Add the places of keys, each with that of an equal one before; what is empty equals nothing.

    Args:
        known: What was found by better keys.
        before: The keys of what came before.
        now: The keys of what is looked for.
    """
    taken = set(known.values())
    places: dict[Any, deque[int]] = {}
    for at, key in enumerate(before):
        if key and at not in taken:
            places.setdefault(key, deque()).append(at)
    for at, key in enumerate(now):
        if at not in known and places.get(key):
            known[at] = places[key].popleft()
