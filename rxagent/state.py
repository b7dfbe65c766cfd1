"""State: a conversation so far, as a fold over its events.

``fold(state, event)`` is pure, and there is no other store: folding stored events again gives the
same state. A conversation of several runs is one fold over all their events.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from attrs import evolve, field, frozen

from .arguments import plural, several, shown
from .books import BLANK, Books
from .draft import EMPTY, Draft, TextView, grow
from .events import (
    Delta,
    Event,
    FinalAnswer,
    MessageCompleted,
    Planned,
    PlanStarted,
    RunFailed,
    RunStarted,
    StepFailed,
    StepRetried,
    StepStarted,
    Summarised,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
    _by_type_and_value,
)
from .frozen import freeze
from .growing import ListView, MapView
from .messages import Image, Message, ToolCall
from .passages import INTERRUPTED, Passage, kind_of, passages_of, without_words

__all__ = ["Draft", "State", "Step", "TextView", "fold", "fold_all", "grow"]

TRY_AGAIN = "Now try again, and do not repeat the error."
NOT_RUN = "Not run."
ANSWERED = "The answer was given."


def _list_view(items: Iterable[Any]) -> ListView[Any]:
    return items if isinstance(items, ListView) else ListView(items)


def _map_view(outcomes: Mapping[str, str]) -> MapView[str, str]:
    return outcomes if isinstance(outcomes, MapView) else MapView(outcomes)


# The entries of a conversation: messages, steps and plans


@frozen(repr=False)
class Step:
    """One step so far.

    `message` is the model's complete message; `error` says why the turn could not be used.
    `retracted` are calls of a retracted attempt that have not ended yet.
    """

    number: int
    message: Message | None = None
    _calls: ListView[ToolCall] = field(default=ListView(), converter=_list_view)
    _outcomes: MapView[str, str] = field(default=MapView(), converter=_map_view, hash=False)
    error: str | None = None
    draft: Draft = EMPTY
    retracted: frozenset[str] = frozenset()
    _images: MapView[str, tuple[Image, ...]] = field(default=MapView(), hash=False)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls that have started."""
        return tuple(self._calls)

    @property
    def outcomes(self) -> Mapping[str, str]:
        """The result or error of each ended call, as the model reads it, by call id."""
        return freeze(dict(self._outcomes))  # type: ignore[no-any-return]  # as is frozen

    @property
    def images(self) -> Mapping[str, tuple[Image, ...]]:
        """The images of each call that returned some, by call id."""
        return freeze(dict(self._images))  # type: ignore[no-any-return]  # likewise

    def __repr__(self) -> str:
        said = self.said or Message("assistant")
        calls = [call.name for call in said.tool_calls or self.calls]
        text = said.text or None
        return _brief(f"Step {self.number}", text=text, calls=calls or None, error=self.error)

    @property
    def said(self) -> Message | None:
        """The message, complete or not; None if the model has written nothing."""
        if self.message is not None:
            return self.message
        return None if self.draft.is_empty else self.draft.message

    def messages(self, summary: bool = False) -> list[Message]:
        """Return the step as messages for the next turn."""
        messages = []
        said = self.said or Message("assistant")
        if said.tool_calls or (said.text and not summary):
            messages.append(without_words(said) if summary else said)
        outcomes = self._outcomes
        for call in said.tool_calls:
            outcome = outcomes.get(call.id, NOT_RUN if self.error else INTERRUPTED)
            seen = self._images.get(call.id, ())
            messages.append(Message("tool", outcome, tool_call_id=call.id, images=seen))
        native = {call.id for call in said.tool_calls}
        for call in self._calls:
            if call.id not in native:
                outcome = outcomes.get(call.id, INTERRUPTED)
                seen = self._images.get(call.id, ())
                messages.append(Message("user", f"Result of {call.name}:\n{outcome}", images=seen))
        if self.error is not None:
            messages.append(Message("user", f"{self.error}\n{TRY_AGAIN}"))
        return messages

    def add(self, event: Event) -> "Step":
        """Return the step after one more event."""
        match event:
            case StepRetried():
                begun = {call.id for call in self._calls} - self._outcomes.keys()
                return Step(self.number, retracted=self.retracted | begun)
            case Delta():
                draft = grow(self.draft, event)
                return Step(
                    self.number,
                    self.message,
                    self._calls,
                    self._outcomes,
                    self.error,
                    draft,
                    self.retracted,
                    self._images,
                )
            case MessageCompleted(message):
                return evolve(self, message=message, draft=EMPTY)
            case ToolStarted(call):
                return evolve(
                    self,
                    calls=self._calls.add(call),
                    outcomes=self._outcomes.drop(call.id),
                    images=self._images.drop(call.id),
                )
            case ToolCompleted(call_id, result):
                return self._end(call_id, result, event.images)
            case ToolFailed(call_id, error):
                return self._end(call_id, f"{error}\n{TRY_AGAIN}")
            case StepFailed(error):
                return evolve(self, error=error)
            case FinalAnswer() if self.message is not None:
                answered = {call.id: ANSWERED for call in self.message.tool_calls}
                return evolve(self, outcomes={**answered, **self._outcomes})
            case _:
                return self

    def _end(self, call_id: str, text: str, images: tuple[Image, ...] = ()) -> "Step":
        if call_id in self.retracted:
            return evolve(self, retracted=self.retracted - {call_id})
        step = evolve(self, outcomes=self._outcomes.set(call_id, text))
        return evolve(step, images=step._images.set(call_id, images)) if images else step


@frozen
class _Plan:
    text: str | None = None
    draft: Draft = field(default=EMPTY, repr=False)

    def messages(self, summary: bool = False) -> list[Message]:
        text = self.draft.text.text if self.text is None else self.text
        if summary or not text.strip():
            return []
        return [Message("assistant", text), Message("user", "Now carry out this plan.")]

    def add(self, event: Event) -> "_Plan":
        match event:
            case Planned(text):
                return _Plan(text)
            case Delta():
                return _Plan(self.text, grow(self.draft, event))
            case _:
                return self


# The state


@frozen(repr=False)
class State:
    """A conversation so far: its messages, steps and usage.

    Attributes:
        answer: The value of the last run's answer; None before it.
        error: The error of the last run; None if it did not fail.
        session: The variables of a code agent, for the run that continues this conversation. They
            are neither compared nor stored, so a state that was stored has none.
        summary: The latest summary of its first steps, which a memory policy made; None without
            one. `messages` returns those steps nevertheless.
    """

    answer: Any = field(default=None, eq=_by_type_and_value, hash=False)
    error: str | None = None
    _books: Books = BLANK
    _past: ListView[Message | Step | _Plan] = field(default=ListView(), converter=_list_view)
    _latest: Step | _Plan | None = None
    session: Any = field(default=None, eq=False, repr=False)
    summary: Summarised | None = None
    _is_brief: bool = False

    def __repr__(self) -> str:
        counts = [plural(len(self.steps), "step"), plural(len(self.messages()), "message")]
        if self.usage is not None:
            counts.append(plural(self.usage.total_tokens, "token"))
        text = self.text if self.answer is None else ""
        return _brief("State", *counts, text=text or None, answer=self.answer, error=self.error)

    @classmethod
    def from_messages(cls, messages: Iterable[Message]) -> "State":
        """Return the state of a conversation that consists of messages."""
        return cls(past=several("messages", messages, "Message", Message))

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

    def in_brief(self) -> "State":
        """Return the same conversation, of which `messages` and `passages` are a summary."""
        return evolve(self, is_brief=True)

    def _read(self, entry: Message | Step | _Plan) -> tuple[str, list[Message]]:
        if not isinstance(entry, Message):
            kind = "step" if isinstance(entry, Step) else "plan"
            return kind, entry.messages(self._is_brief)
        messages = [entry]
        if self._is_brief and entry.role in ("system", "assistant"):
            messages = [without_words(entry)] if entry.tool_calls else []
        return kind_of(entry), messages

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
        """The number of turns without reported usage."""
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
    def _entries(self) -> tuple[Message | Step | _Plan, ...]:
        return (*self._past,) if self._latest is None else (*self._past, self._latest)

    def _ended(self) -> ListView[Message | Step | _Plan]:
        """Return the entries, of which the latest has ended; all later states share them."""
        return self._past if self._latest is None else self._past.add(self._latest)


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
        return State(
            state.answer, state.error, spent, state._past, latest, state.session, state.summary
        )
    if not isinstance(event, Delta):
        if not isinstance(event, Event):
            raise TypeError(f"fold takes an event second, not {shown(event)}: fold(state, event).")
        books = books.add(event)
        match event:
            case RunStarted(task, _, message):
                past = state._ended().add(message or Message("user", task))
                return evolve(state, answer=None, error=None, books=books, past=past, latest=None)
            case StepStarted(number):
                return evolve(state, books=books, past=state._ended(), latest=Step(number))
            case PlanStarted():
                return evolve(state, books=books, past=state._ended(), latest=_Plan())
            case Summarised():
                state = evolve(state, summary=event)
            case FinalAnswer(value):
                state = evolve(state, answer=value)
            case RunFailed(_, error):
                state = evolve(state, error=error)
            case MessageCompleted():
                latest = latest or _ALONE
            case ToolCompleted() | ToolFailed() if event.session is not None:
                state = evolve(state, session=event.session)
    elif isinstance(event, Usage):
        books = books.add(event)
    else:
        latest = latest or _ALONE
    if latest is not None:
        latest = latest.add(event)
    return State(
        state.answer, state.error, books, state._past, latest, state.session, state.summary
    )


def fold_all(state: State, events: Iterable[Event]) -> State:
    """Return the state after several more events."""
    return reduce(fold, events, state)


def _brief(name: str, *counts: str, **fields: Any) -> str:
    """Return a short repr: some counts, and the fields that are not None."""
    parts = [f"{field}={shown(value)}" for field, value in fields.items() if value is not None]
    return f"<{name}: {', '.join([*counts, *parts])}>" if counts or parts else f"<{name}>"
