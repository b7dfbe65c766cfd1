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

__all__ = ["Draft", "State", "Step", "TextView", "fold", "fold_all", "grow"]

TRY_AGAIN = "Now try again, and do not repeat the error."
INTERRUPTED = "Interrupted"
NOT_RUN = "Not run."
ANSWERED = "The answer was given."


def _list_view(calls: Iterable[ToolCall]) -> ListView[ToolCall]:
    return calls if isinstance(calls, ListView) else ListView(calls)


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
            messages.append(_without_words(said) if summary else said)
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
        if summary or not text:
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
    """

    answer: Any = field(default=None, eq=_by_type_and_value, hash=False)
    error: str | None = None
    _books: Books = BLANK
    _past: tuple[Message | Step | _Plan, ...] = ()
    _latest: Step | _Plan | None = None
    session: Any = field(default=None, eq=False, repr=False)

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
        messages: list[Message] = []
        for entry in self._entries:
            if not isinstance(entry, Message):
                messages.extend(entry.messages(summary))
            elif not summary or entry.role in ("user", "tool"):
                messages.append(entry)
            elif entry.tool_calls:
                messages.append(_without_words(entry))
        return _well_formed(messages)

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
        return self._past if self._latest is None else (*self._past, self._latest)


_ALONE = Step(1)
"""The step of a model's deltas that are folded without a run."""


def fold(state: State, event: Event) -> State:
    """Return the state after one more event."""
    try:
        latest, books, session = state._latest, state._books, state.session
    except AttributeError:
        raise TypeError(
            f"fold takes a State first, not {shown(state)}: fold(state, event)."
        ) from None
    if type(event) is ToolOutput:  # only its usage is kept
        spent = books.add(event)
        if spent is books:
            return state
        return State(state.answer, state.error, spent, state._past, latest, state.session)
    if not isinstance(event, Delta):
        if not isinstance(event, Event):
            raise TypeError(f"fold takes an event second, not {shown(event)}: fold(state, event).")
        books = books.add(event)
        match event:
            case RunStarted(task, _, message):
                past = (*state._entries, message or Message("user", task))
                return State(books=books, past=past, session=session)
            case StepStarted(number):
                return State(
                    state.answer, state.error, books, state._entries, Step(number), session
                )
            case PlanStarted():
                return State(state.answer, state.error, books, state._entries, _Plan(), session)
            case FinalAnswer(value):
                state = evolve(state, answer=value)
            case RunFailed(_, error):
                state = evolve(state, error=error)
            case MessageCompleted():
                latest = latest or _ALONE
            case ToolCompleted() | ToolFailed() if event.session is not None:
                session = event.session
    elif isinstance(event, Usage):
        books = books.add(event)
    else:
        latest = latest or _ALONE
    if latest is not None:
        latest = latest.add(event)
    return State(state.answer, state.error, books, state._past, latest, session)


def fold_all(state: State, events: Iterable[Event]) -> State:
    """Return the state after several more events."""
    return reduce(fold, events, state)


def _without_words(message: Message) -> Message:
    """Return a message with only its calls."""
    return evolve(message, text="", reasoning="", extra=())


def _well_formed(messages: list[Message]) -> list[Message]:
    """Return messages in which each call is followed by exactly one result."""
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
        for call in message.tool_calls if message.role == "assistant" else ():
            interrupted = Message("tool", INTERRUPTED, tool_call_id=call.id)
            formed.append(answers.get(call.id, interrupted))
    return formed


def _brief(name: str, *counts: str, **fields: Any) -> str:
    """Return a short repr: some counts, and the fields that are not None."""
    parts = [f"{field}={shown(value)}" for field, value in fields.items() if value is not None]
    return f"<{name}: {', '.join([*counts, *parts])}>" if counts or parts else f"<{name}>"
