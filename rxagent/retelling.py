"""Retelling: the events of a conversation, made from what its state keeps of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from .events import (
    Delta,
    Event,
    FinalAnswer,
    MessageCompleted,
    MessageReceived,
    ReasoningDelta,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepStarted,
    Summarised,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    Usage,
)
from .messages import Message

__all__ = ["Entry", "deltas_of", "retold", "spoken"]


class Entry(Protocol):
    """A step or a plan of a state."""

    def events(self) -> Iterator[Event]:
        """Yield its events."""

    @property
    def said(self) -> Message | None:
        """The message of the model."""

    @property
    def is_answer(self) -> bool:
        """Whether the run ended with it."""


def retold(
    entries: Iterable[Message | MessageReceived | Entry],
    agent: str,
    usage: Mapping[str, Usage],
    summary: Summarised | None,
    ending: FinalAnswer | RunFailed | None,
) -> Iterator[Event]:
    """Yield the events of a conversation.

    Args:
        entries: Its messages, steps and plans, and the messages said to its runs.
        agent: The name of the agent.
        usage: The tokens by model.
        summary: The latest summary.
        ending: How the last run ended; None if it has not.
    """
    latest: Entry | None = None
    reports = [
        Usage(
            used.input_tokens,
            used.output_tokens,
            used.cached_tokens,
            used.reasoning_tokens,
            used.cache_write_tokens,
            model or None,
            used.unreported,
        )
        for model, used in usage.items()
    ]
    number = 0
    for entry in entries:
        if isinstance(entry, MessageReceived):  # so the run went on after what came before
            yield entry
            latest = None
            continue
        if not isinstance(entry, Message):
            yield from entry.events()
            latest = entry
            continue
        if entry.role == "tool":
            if number:
                yield ToolCompleted(entry.tool_call_id or "", entry.text, images=entry.images)
            continue
        if entry.role == "assistant":
            number += 1
            yield StepStarted(number)
            yield from spoken(entry, is_complete=True)
            continue
        if latest is not None:
            yield from _answered(latest)
        is_plain = entry == Message("user", entry.text)
        yield RunStarted(entry.text, agent, None if is_plain else entry)
        yield from reports
        latest, number, reports = None, 0, []
    yield from reports
    if summary is not None:
        yield summary
    if isinstance(ending, RunFailed):
        yield ending
    elif ending is not None:
        total = None
        for used in usage.values():
            total = Usage.sum(total, used)
        yield from (ending, RunCompleted(total))


def spoken(message: Message, *, is_complete: bool) -> Iterator[Event]:
    """Yield the deltas of a message, and its end if it is complete."""
    yield from deltas_of(message)
    if is_complete:
        yield MessageCompleted(message)


def deltas_of(message: Message) -> Iterator[Delta]:
    """Yield the deltas of a message."""
    if message.reasoning or message.extra:
        yield ReasoningDelta(message.reasoning, message.extra)
    if message.text:
        yield TextDelta(message.text)
    for index, call in enumerate(message.tool_calls):
        yield ToolCallDelta(index, call.id, call.name, call.arguments, call.extra)


def _answered(latest: Entry) -> Iterator[Event]:
    """Yield the end of an earlier run, of which the state keeps no value."""
    said = latest.said
    if said is None or not latest.is_answer:
        return
    yield FinalAnswer(_value_in(said.tool_calls[0].arguments) if said.tool_calls else said.text)
    yield RunCompleted()


def _value_in(arguments: str) -> Any:
    try:
        return json.loads(arguments)["answer"]
    except (ValueError, TypeError, KeyError):
        return None
