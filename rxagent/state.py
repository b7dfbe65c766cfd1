"""State: what a run has come to, as a fold over its events.

``fold(state, event)`` is pure, and there is no other store: a journal folded again is the same
state. A conversation of several runs is one fold over all their events.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from io import StringIO
from typing import Any

from attrs import evolve, field, frozen

from .events import (
    Delta,
    Event,
    FinalAnswer,
    MessageCompleted,
    Planned,
    PlanStarted,
    ReasoningDelta,
    RefusalDelta,
    RunFailed,
    RunStarted,
    StepFailed,
    StepRetried,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from .messages import Message, ToolCall

__all__ = ["Draft", "State", "Step", "TextView", "fold", "fold_all", "grow"]

MEND = "Now try again, and do not repeat the error."
INTERRUPTED = "Interrupted"


class TextView:
    """A text that grows by pieces in linear time, and whose every state remains readable.

    ``+`` appends to a log that all views of one text share, and returns a new view of it; it
    copies first when somebody else has appended meanwhile. Reading joins only what is new.
    """

    __slots__ = ("_length", "_log")

    def __init__(self, text: str = "") -> None:
        self._log = _Log(text)
        self._length = len(text)

    def __add__(self, piece: str) -> "TextView":
        log = self._log
        if log.length != self._length or not self._length:
            log = _Log(self.text)
        log.write(piece)
        log.length += len(piece)
        view = TextView.__new__(TextView)
        view._log = log
        view._length = log.length
        return view

    @property
    def text(self) -> str:
        """The whole text."""
        return self._log.read(self._length)

    def __len__(self) -> int:
        return self._length

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"TextView({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextView) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[Any, ...]:
        return TextView, (self.text,)


class _Log:
    """The pieces that views share: a compact buffer, and what was last joined."""

    __slots__ = ("_buffer", "_joined", "length", "write")

    def __init__(self, text: str) -> None:
        self._buffer = StringIO()
        self._joined = text
        self.write = self._buffer.write
        self.write(text)
        self.length = len(text)

    def read(self, length: int) -> str:
        joined = self._joined
        if len(joined) < length:
            joined = self._joined = self._buffer.getvalue()
        return joined if len(joined) == length else joined[:length]


@frozen
class _CallDraft:
    index: int
    id: str
    name: str
    arguments: TextView


@frozen
class Draft:
    """A message in the making."""

    text: TextView = field(factory=TextView)
    reasoning: TextView = field(factory=TextView)
    refusal: TextView = field(factory=TextView)
    calls: tuple[_CallDraft, ...] = ()

    @property
    def message(self) -> Message:
        """The message as far as it has come; its calls ordered by index, then arrival."""
        calls = sorted(self.calls, key=lambda call: call.index)
        return Message(
            "assistant",
            self.text.text,
            tuple(ToolCall(call.id, call.name, call.arguments.text) for call in calls),
            reasoning=self.reasoning.text,
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said yet."""
        return not (self.text or self.reasoning or self.calls)


def grow(draft: Draft, delta: Event) -> Draft:
    """Return a draft with one more delta, normalised, in it."""
    match delta:
        case TextDelta(text):
            return Draft(draft.text + text, draft.reasoning, draft.refusal, draft.calls)
        case ReasoningDelta(text):
            return evolve(draft, reasoning=draft.reasoning + text)
        case RefusalDelta(text):
            return evolve(draft, refusal=draft.refusal + text)
        case ToolCallDelta():
            return evolve(draft, calls=_grow_calls(draft.calls, delta))
        case StepRetried():
            return Draft()
        case _:
            return draft


def _grow_calls(calls: tuple[_CallDraft, ...], piece: ToolCallDelta) -> tuple[_CallDraft, ...]:
    for place, call in enumerate(calls):
        if call.index == piece.index:
            grown = evolve(
                call,
                name=piece.name or call.name,
                arguments=call.arguments + (piece.arguments or ""),
            )
            return (*calls[:place], grown, *calls[place + 1 :])
    arguments = TextView(piece.arguments or "")
    return (*calls, _CallDraft(piece.index, piece.id or "", piece.name or "", arguments))


@frozen
class Step:
    """What one step has come to.

    `message` is what the model said, once it is complete; `outcomes` holds the text the model
    reads of each call, by call id; `error` says why the turn could not be used.
    """

    number: int
    message: Message | None = None
    calls: tuple[ToolCall, ...] = ()
    outcomes: Mapping[str, str] = field(factory=dict, hash=False)
    error: str | None = None
    draft: Draft = field(factory=Draft, repr=False)

    @property
    def said(self) -> Message | None:
        """The message, complete or half made; None when the model has said nothing."""
        if self.message is not None:
            return self.message
        return None if self.draft.is_empty else self.draft.message

    def messages(self, summary: bool = False) -> list[Message]:
        """Return how the next turn is told of this step."""
        told = []
        said = self.said
        if (
            said is not None
            and (said.tool_calls or said.text)
            and not (summary and not said.tool_calls)
        ):
            told.append(evolve(said, text="", reasoning="") if summary else said)
        native = {call.id for call in said.tool_calls} if said else set()
        for call in said.tool_calls if said else ():
            outcome = self.outcomes.get(call.id, "Not run." if self.error else INTERRUPTED)
            told.append(Message("tool", outcome, tool_call_id=call.id))
        for call in self.calls:
            if call.id not in native:
                outcome = self.outcomes.get(call.id, INTERRUPTED)
                told.append(Message("user", f"Result of {call.name}:\n{outcome}"))
        if self.error is not None:
            told.append(Message("user", f"{self.error}\n{MEND}"))
        return told


@frozen
class _Plan:
    text: str | None = None
    draft: Draft = field(factory=Draft, repr=False)

    def messages(self, summary: bool = False) -> list[Message]:
        text = self.draft.message.text if self.text is None else self.text
        if summary or not text:
            return []
        return [Message("assistant", text), Message("user", "Now carry out this plan.")]


@frozen
class State:
    """What a conversation has come to: what was said, done and spent.

    Attributes:
        usage: Tokens of all runs so far, inner agents included; None when none were reported.
        usage_by_agent: The same by the agents' names.
        unreported: How many turns reported no usage.
        answer: The value of the last run's answer, None before it.
        error: Why the last run failed, None if it did not.
    """

    usage: Usage | None = None
    usage_by_agent: Mapping[str, Usage] = field(factory=dict, hash=False)
    unreported: int = 0
    answer: Any = field(default=None, hash=False)
    error: str | None = None
    _entries: tuple[Message | Step | _Plan, ...] = ()
    _agents: Mapping[tuple[str, ...], str] = field(factory=dict, hash=False, repr=False)
    _reported: frozenset[tuple[str, ...]] = field(default=frozenset(), repr=False)

    @classmethod
    def from_messages(cls, messages: Iterable[Message]) -> "State":
        """Return the state of a conversation of which only the messages are known."""
        return cls(entries=tuple(messages))

    def messages(self, summary: bool = False) -> list[Message]:
        """Return the conversation as a model reads it.

        Every call of an assistant message has exactly one tool message.

        Args:
            summary: Drop system messages, plans and what the assistant said; keep tasks, calls,
                results and errors.
        """
        told: list[Message] = []
        for entry in self._entries:
            if not isinstance(entry, Message):
                told.extend(entry.messages(summary))
            elif not summary or entry.role in ("user", "tool"):
                told.append(entry)
            elif entry.tool_calls:
                told.append(evolve(entry, text="", reasoning=""))
        return _well_formed(told)

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps so far."""
        return tuple(entry for entry in self._entries if isinstance(entry, Step))

    @property
    def text(self) -> str:
        """What the model has said in the latest step, also if it could not finish."""
        match self._entries:
            case (*_, Step() as step):
                said = step.said
                return said.text if said else ""
            case _:
                return ""


def fold(state: State, event: Event) -> State:
    """Return the state with one more event in it."""
    return _happened(_spent(state, (), event), event)


def fold_all(state: State, events: Iterable[Event]) -> State:
    """Return the state with several events in it."""
    return reduce(fold, events, state)


def _happened(state: State, event: Event) -> State:
    match event:
        case RunStarted(task, _, message):
            return evolve(
                state,
                answer=None,
                error=None,
                entries=(*state._entries, message or Message("user", task)),
            )
        case StepStarted(number):
            return evolve(state, entries=(*state._entries, Step(number)))
        case PlanStarted():
            return evolve(state, entries=(*state._entries, _Plan()))
        case Planned(text):
            return _change(state, _Plan(text))
        case FinalAnswer(value):
            return evolve(state, answer=value)
        case RunFailed(_, error):
            return evolve(state, error=error)
        case Usage():
            return state
    match state._entries:
        case (*_, _Plan() as plan) if isinstance(event, Delta):
            return _change(state, evolve(plan, draft=grow(plan.draft, event)))
        case (*_, _Plan()) if isinstance(event, MessageCompleted):
            return state
        case (*_, Step() as step):
            return _change(state, _advance(step, event))
        case _ if isinstance(event, Delta | MessageCompleted):
            return evolve(state, entries=(*state._entries, _advance(Step(1), event)))
        case _:
            return state


def _change(state: State, latest: Step | _Plan) -> State:
    return evolve(state, entries=(*state._entries[:-1], latest))


def _advance(step: Step, event: Event) -> Step:
    match event:
        case StepRetried():
            return Step(step.number)
        case Delta():
            return evolve(step, draft=grow(step.draft, event))
        case MessageCompleted(message):
            return evolve(step, message=message, draft=Draft())
        case ToolStarted(call):
            return evolve(step, calls=(*step.calls, call))
        case ToolCompleted(call_id, result):
            return _outcome(step, call_id, result)
        case ToolFailed(call_id, error):
            return _outcome(step, call_id, f"{error}\n{MEND}")
        case StepFailed(error):
            return evolve(step, error=error)
        case _:
            return step


def _outcome(step: Step, call_id: str, text: str) -> Step:
    return evolve(step, outcomes={**step.outcomes, call_id: text})


def _spent(state: State, path: tuple[str, ...], event: Event) -> State:
    """Return the state with the books kept, of inner runs too."""
    match event:
        case ToolOutput(call_id, Event() as inner):
            return _spent(state, (*path, call_id), inner)
        case RunStarted(_, agent):
            return evolve(state, agents={**state._agents, path: agent})
        case Usage():
            agent = state._agents.get(path, "")
            by_agent = state.usage_by_agent
            return evolve(
                state,
                usage=Usage.sum(state.usage, event),
                usage_by_agent={**by_agent, agent: Usage.sum(by_agent.get(agent), event) or event},
                reported=state._reported | {path},
            )
        case StepStarted() | PlanStarted():
            return evolve(state, reported=state._reported - {path})
        case MessageCompleted() if path not in state._reported:
            return evolve(state, unreported=state.unreported + 1)
        case _:
            return state


def _well_formed(messages: list[Message]) -> list[Message]:
    """Return messages in which every call is answered once, right after it was made."""
    formed: list[Message] = []
    position = 0
    while position < len(messages):
        message = messages[position]
        position += 1
        if message.role == "tool":
            continue
        formed.append(message)
        answers: dict[str | None, Message] = {}
        while position < len(messages) and messages[position].role == "tool":
            answers.setdefault(messages[position].tool_call_id, messages[position])
            position += 1
        for call in message.tool_calls:
            interrupted = Message("tool", INTERRUPTED, tool_call_id=call.id)
            formed.append(answers.get(call.id, interrupted))
    return formed
