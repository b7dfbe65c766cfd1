"""State: a conversation so far, as a fold over its events.

``fold(state, event)`` is pure, and there is no other store: folding stored events again gives the
same state. A conversation of several runs is one fold over all their events.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from .arguments import plural, several, shown
from .attributes import OF_STATES, advised
from .books import BLANK, Books
from .draft import Draft, TextView, grow
from .events import (
    Delta,
    Event,
    FinalAnswer,
    MessageCompleted,
    MessageReceived,
    PlanStarted,
    RunFailed,
    RunStarted,
    StepStarted,
    Summarised,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    Usage,
    _by_type_and_value,
)
from .growing import ListView
from .messages import INTERPRETER, Message
from .passages import Passage, gathered, kind_of, passages_of, with_own_ids, without_words
from .retelling import retold
from .steps import TRY_AGAIN, Plan, Step, brief, list_view

__all__ = ["TRY_AGAIN", "Draft", "State", "Step", "TextView", "fold", "fold_all", "grow"]

_Entry: TypeAlias = Message | MessageReceived | Step | Plan


@advised(OF_STATES)
@frozen(repr=False)
class State:
    """A conversation so far: its messages, steps and usage.

    Attributes:
        answer: The value of the last run's answer; None before it.
        error: The error of the last run; None if it did not fail.
        session: The variables after the latest code that ended, for the run that continues this
            conversation. They are neither compared nor written, so a state that stored events fold
            into has none.
        summary: The latest summary of its first steps, which a memory policy made; None without
            one. `messages` returns those steps nevertheless.
    """

    answer: Any = field(default=None, eq=_by_type_and_value, hash=False)
    error: str | None = None
    _books: Books = BLANK
    _past: ListView[_Entry] = field(default=ListView(), converter=list_view)
    _latest: Step | Plan | None = None
    session: Any = field(default=None, eq=False, repr=False)
    summary: Summarised | None = None
    _received: tuple[MessageReceived, ...] = ()  # since the latest step or plan began
    _is_brief: bool = False

    def __repr__(self) -> str:
        counts = [plural(len(self.steps), "step"), plural(len(self.messages()), "message")]
        if self.usage is not None:
            counts.append(plural(self.usage.total_tokens, "token"))
        text = self.text if self.answer is None else ""
        return brief("State", *counts, text=text or None, answer=self.answer, error=self.error)

    @classmethod
    def from_messages(cls, messages: Iterable[Message]) -> State:
        """Return the state of a conversation that consists of messages.

        A result moves behind its call, and one without an id belongs to the next call that has no
        result; a result without a call becomes a text of the user. Calls of one message that have
        the same id get ids of their own, and so do their results.
        """
        given = several("messages", messages, "Message", Message)
        return cls(past=with_own_ids(gathered(given)))

    def messages(self, summary: bool = False) -> list[Message]:
        """Return the conversation as messages for a model.

        Every call of an assistant message has exactly one tool message.

        Args:
            summary: Leave out system messages, plans and the assistant's text; keep tasks, calls,
                results and errors.
        """
        state = self.in_brief() if summary else self
        return [message for passage in state.passages for message in passage.messages]

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The messages in pieces; a cut between them never separates a call from its result."""
        return passages_of(map(self._read, self._entries))

    def in_brief(self) -> State:
        """Return a state of the same conversation whose `messages` and `passages` are a summary."""
        return evolve(self, is_brief=True)

    def _read(self, entry: _Entry) -> tuple[str, list[Message]]:
        if isinstance(entry, MessageReceived):
            return "said", [entry.message]
        if not isinstance(entry, Message):
            kind = "step" if isinstance(entry, Step) else "plan"
            return kind, entry.messages(self._is_brief)
        messages = [entry]
        if self._is_brief and entry.role in ("system", "assistant"):
            messages = [without_words(entry)] if entry.tool_calls else []
        return kind_of(entry), messages

    def events(self) -> list[Event]:
        """Return the conversation as events, which fold into the same messages and steps.

        They are those of the runs without what a state does not keep: the pieces of a text, the
        values that tools returned, and the events of inner agents, whose tokens count as the
        agent's own. The tokens are in one report, so that `unreported` of the folded state
        counts other turns. As JSON: ``[wire.dumps(event) for event in state.events()]``.
        """
        ending: FinalAnswer | RunFailed | None = None
        if self.error is not None:
            ending = RunFailed(self.error.partition(":")[0], self.error)
        elif self.answer is not None or (
            not self._received and getattr(self._latest, "is_answer", False)
        ):
            ending = FinalAnswer(self.answer)
        agent = self._books.agents.get((), "agent")
        return list(retold(self._entries, agent, self.usage_by_model, self.summary, ending))

    def replay(self, observer: Any) -> None:
        """Show the conversation to an observer, as `Console()`; it receives `events()`.

        Args:
            observer: An observer, or a function of an event.
        """
        from .streams.observers import methods_of

        on_next, _, on_completed = methods_of(observer)
        if on_next is not None:
            for event in self.events():
                on_next(event)
        if on_completed is not None:
            on_completed()

    @property
    def usage(self) -> Usage | None:
        """Tokens of all runs so far, including inner agents; None if no model reported any."""
        return self._books.usage

    @property
    def usage_by_agent(self) -> dict[str, Usage]:
        """The usage of each agent, by its name."""
        return dict(self._books.by_agent)

    @property
    def usage_by_model(self) -> dict[str, Usage]:
        """The usage of each model, by its name; that of unknown models by an empty name."""
        return dict(self._books.by_model)

    @property
    def unreported(self) -> int:
        """The number of turns without reported usage, and of requests closed before theirs."""
        return self._books.unreported

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps so far."""
        return tuple(entry for entry in self._entries if isinstance(entry, Step))

    @property
    def text(self) -> str:
        """The model's text in the latest step, complete or not."""
        said = self._latest.said if isinstance(self._latest, Step) else None
        return said.text if said else ""

    @property
    def _entries(self) -> tuple[_Entry, ...]:
        latest = () if self._latest is None else (self._latest,)
        return (*self._past, *latest, *self._received)

    def _ended(self) -> ListView[_Entry]:
        """Return the entries, of which the latest has ended; all later states share them."""
        past = self._past if self._latest is None else self._past.add(self._latest)
        for received in self._received:
            past = past.add(received)
        return past


_ALONE = Step(1)
"""The step of a model's deltas that are folded without a run."""


def fold(state: State, event: Event) -> State:
    """Return the state after one more event."""
    try:
        latest, books = state._latest, state._books
    except AttributeError:
        raise TypeError(
            f"fold takes a State first, not {shown(state)}: fold(state, event)."
        ) from None
    if type(event) is ToolOutput:  # only its usage is kept
        spent = books.add(event)
        if spent is books:
            return state
        return _following(state, spent, latest)
    if not isinstance(event, Delta):
        if not isinstance(event, Event):
            raise TypeError(f"fold takes an event second, not {shown(event)}: fold(state, event).")
        books = books.add(event)
        match event:
            case RunStarted(task, _, message):
                past = state._ended().add(message or Message("user", task))
                return evolve(
                    state, answer=None, error=None, books=books, past=past, latest=None, received=()
                )
            case StepStarted(number):
                return _begun(state, books, Step(number))
            case PlanStarted():
                return _begun(state, books, Plan())
            case MessageReceived() if latest is None:
                return evolve(state, past=state._past.add(event))
            case MessageReceived():
                return evolve(state, received=(*state._received, event))
            case Summarised():
                state = evolve(state, summary=event)
            case FinalAnswer(value):
                state = evolve(state, answer=value)
            case RunFailed(_, error):
                state = evolve(state, error=error)
            case MessageCompleted():
                latest = latest or _ALONE
            case ToolCompleted(call_id) | ToolFailed(call_id):
                if event.session is not state.session and (
                    event.session is not None or _is_of_code(latest, call_id)
                ):  # code without variables, as in stored events, has lost them
                    state = evolve(state, session=event.session)
    elif isinstance(event, Usage):
        books = books.add(event)
    else:
        latest = latest or _ALONE
    if latest is not None:
        latest = latest.add(event)
    return _following(state, books, latest)


def _following(state: State, books: Books, latest: Step | Plan | None) -> State:
    return State(
        state.answer,
        state.error,
        books,
        state._past,
        latest,
        state.session,
        state.summary,
        state._received,
    )


def _begun(state: State, books: Books, latest: Step | Plan) -> State:
    return evolve(state, books=books, past=state._ended(), latest=latest, received=())


def _is_of_code(latest: Step | Plan | None, call_id: str) -> bool:
    return isinstance(latest, Step) and any(
        call.id == call_id and call.name == INTERPRETER for call in latest.calls
    )


def fold_all(state: State, events: Iterable[Event]) -> State:
    """Return the state after several more events."""
    return reduce(fold, events, state)
