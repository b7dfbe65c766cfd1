"""Steps and plans: the entries of a conversation, each a fold over its events."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from operator import is_
from typing import Any, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from .arguments import shown
from .attributes import OF_STEPS, advised
from .call_arguments import as_read
from .decisions import Edit, changed, is_edit
from .draft import EMPTY, Draft, grow
from .errors import CallDenied
from .events import (
    ApprovalAnswered,
    Delta,
    Event,
    FinalAnswer,
    MessageCompleted,
    MessageReceived,
    Planned,
    PlanStarted,
    StepFailed,
    StepRetried,
    StepStarted,
    ToolCompleted,
    ToolFailed,
    ToolStarted,
)
from .frozen import freeze
from .growing import ListView, MapView
from .messages import Image, Message, ToolCall
from .passages import INTERRUPTED, without_words
from .retelling import spoken

__all__ = ["TRY_AGAIN", "Plan", "Step", "brief", "list_view"]

TRY_AGAIN = "Now try again, and do not repeat the error."
GO_ON = "Go on without this call, or say in your answer what you need it for."
READ_ON = "Read that message before you go on."
_CLOSINGS = (f"\n{TRY_AGAIN}", f"\n{GO_ON}", f"\n{READ_ON}")
"""The ends of what the model reads of a call that failed."""
_CLOSING_BY_KIND = {CallDenied.__name__: GO_ON, MessageReceived.__name__: READ_ON}
NOT_RUN = "Not run."
ANSWERED = "The answer was given."


def list_view(items: Iterable[Any]) -> ListView[Any]:
    """Return items as a list that shares its beginning with later ones."""
    return items if isinstance(items, ListView) else ListView(items)


_T = TypeVar("_T")
_Key: TypeAlias = str | tuple[str, int]
"""What finds a call of a step: its id, with a number where the message has more calls of that id.
The calls of a run differ in their ids, those of other events may not."""


def _keys_of(calls: Iterable[ToolCall], known: Container[_Key] | None = None) -> list[_Key]:
    """Return the keys of calls; those of a message, unless `known` holds these."""
    seen: dict[str, int] = {}
    keys: list[_Key] = []
    for call in calls:
        number = seen[call.id] = seen.get(call.id, -1) + 1
        is_other = number and (known is None or (call.id, number) in known)
        keys.append((call.id, number) if is_other else call.id)
    return keys


def _by_id(values: Mapping[_Key, _T]) -> Mapping[str, _T]:
    found = {key: value for key, value in values.items() if isinstance(key, str)}
    return freeze(found)  # type: ignore[no-any-return]  # as is frozen


def _map_view(outcomes: Mapping[_Key, str]) -> MapView[_Key, str]:
    return outcomes if isinstance(outcomes, MapView) else MapView(outcomes)


@advised(OF_STEPS)
@frozen(repr=False)
class Step:
    """One step so far.

    `message` is the model's complete message; `error` says why the turn could not be used.
    `retracted` are calls of a retracted attempt that have not ended yet.
    """

    number: int
    message: Message | None = None
    _calls: ListView[ToolCall] = field(default=ListView(), converter=list_view)
    _outcomes: MapView[_Key, str] = field(default=MapView(), converter=_map_view, hash=False)
    error: str | None = None
    draft: Draft = EMPTY
    retracted: frozenset[str] = frozenset()
    _images: MapView[_Key, tuple[Image, ...]] = field(default=MapView(), hash=False)
    _edited: MapView[_Key, ToolCall] = field(default=MapView(), hash=False)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls that have started."""
        return tuple(self._calls)

    @property
    def outcomes(self) -> Mapping[str, str]:
        """The result or error of each ended call, as the model reads it, by call id."""
        return _by_id(self._outcomes)

    @property
    def images(self) -> Mapping[str, tuple[Image, ...]]:
        """The images of each call that returned some, by call id."""
        return _by_id(self._images)

    def __repr__(self) -> str:
        said = self.said or Message("assistant")
        calls = [call.name for call in said.tool_calls or self.calls]
        text = said.text or None
        return brief(f"Step {self.number}", text=text, calls=calls or None, error=self.error)

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
        outcomes = self._outcomes
        keys = _keys_of(said.tool_calls)
        begun = [*zip(_keys_of(self._calls, keys), self._calls, strict=True)]
        started = dict(begun)
        calls = [
            _as_read(call, started.get(key, call))
            for key, call in zip(keys, said.tool_calls, strict=True)
        ]
        if not all(map(is_, calls, said.tool_calls)):
            said = evolve(said, tool_calls=calls)
        if said.tool_calls or ((said.text or said.extra) and not summary):
            messages.append(without_words(said) if summary else said)
        native = dict(zip(keys, calls, strict=True))
        for key, call in native.items():
            missing = NOT_RUN if self.error else INTERRUPTED
            outcome = self._read(key, missing, key in started)
            seen = self._images.get(key, ())
            messages.append(Message("tool", outcome, tool_call_id=call.id, images=seen))
        for key, call in begun:
            if key not in native:
                outcome = self._read(key, INTERRUPTED)
                seen = self._images.get(key, ())
                called = f"{call.name}({call.arguments})" if summary else call.name
                messages.append(Message("user", f"Result of {called}:\n{outcome}", images=seen))
        for key, outcome in outcomes.items():  # of code, or of a call that is written as text
            if key not in native and key not in started and outcome.endswith(_CLOSINGS):
                messages.append(Message("user", self._read(key)))
        if self.error is not None:
            messages.append(Message("user", f"{self.error}\n{TRY_AGAIN}"))
        return messages

    def _read(self, key: _Key, default: str = "", has_begun: bool = True) -> str:
        """Return what the model reads of a call: its outcome, and that it was edited if it ran."""
        outcome = self._outcomes.get(key, default)
        edited = self._edited.get(key)
        if edited is None or not (has_begun or key in self._outcomes):
            return outcome
        return f"{changed(edited.arguments)}\n{outcome}"

    @property
    def is_answer(self) -> bool:
        """Whether it ended the run: by a text, or by a call of final_answer."""
        if self.message is None or self.error is not None:
            return False
        if not self.message.tool_calls:
            return not self._calls
        return ANSWERED in self._outcomes.values()

    def events(self) -> Iterator[Event]:
        """Yield the events that fold into this step; of an answer, FinalAnswer is missing."""
        yield StepStarted(self.number)
        if self.said is not None:
            yield from spoken(self.said, is_complete=self.message is not None)
        native = _keys_of(self.said.tool_calls if self.said is not None else ())
        started = _keys_of(self._calls, native)
        for key, call in zip(started, self._calls, strict=True):
            yield from self._decision(key)
            yield ToolStarted(call)
            yield from self._ending(key)
        for key, outcome in self._outcomes.items():
            if key not in started and outcome != ANSWERED:
                yield from self._decision(key)
                yield from self._ending(key)
        for key in self._edited:
            if key not in started and key not in self._outcomes:
                yield from self._decision(key)
        if self.error is not None:
            yield StepFailed(self.error)

    def _decision(self, key: _Key) -> Iterator[Event]:
        if (call := self._edited.get(key)) is not None:
            yield ApprovalAnswered(call.id, str(Edit(call.arguments)), call)

    def _ending(self, key: _Key) -> Iterator[Event]:
        outcome = self._outcomes.get(key)
        if outcome is None:
            return
        call_id = key if isinstance(key, str) else key[0]
        for closing in _CLOSINGS:
            if outcome.endswith(closing):
                yield ToolFailed(call_id, outcome.removesuffix(closing))
                return
        yield ToolCompleted(call_id, outcome, images=self._images.get(key, ()))

    def add(self, event: Event) -> Step:
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
                    self._edited,
                )
            case MessageCompleted(message):
                return evolve(self, message=message, draft=EMPTY)
            case ApprovalAnswered(call_id, decision, edited):
                key = self._next_key(call_id)
                if edited is not None and is_edit(decision):
                    return evolve(self, edited=self._edited.set(key, edited))
                return evolve(self, edited=self._edited.drop(key))
            case ToolStarted(call):
                key = self._next_key(call.id)
                return evolve(
                    self,
                    calls=self._calls.add(call),
                    outcomes=self._outcomes.drop(key),
                    images=self._images.drop(key),
                )
            case ToolCompleted(call_id, result):
                return self._end(call_id, result, event.images)
            case ToolFailed(call_id, error):
                closing = _CLOSING_BY_KIND.get(error.partition(":")[0], TRY_AGAIN)
                return self._end(call_id, f"{error}\n{closing}")
            case StepFailed(error):
                return evolve(self, error=error)
            case FinalAnswer() if self.message is not None:
                answered = dict.fromkeys(_keys_of(self.message.tool_calls), ANSWERED)
                return evolve(self, outcomes={**answered, **self._outcomes})
            case _:
                return self

    def _end(self, call_id: str, text: str, images: tuple[Image, ...] = ()) -> Step:
        if call_id in self.retracted:
            return evolve(self, retracted=self.retracted - {call_id})
        key = self._next_key(call_id)
        step = evolve(self, outcomes=self._outcomes.set(key, text))
        return evolve(step, images=step._images.set(key, images)) if images else step

    def _next_key(self, call_id: str) -> _Key:
        """Return the key of the first call with this id that has not ended, else of the first."""
        if self.message is None or call_id not in self._outcomes:
            return call_id
        keys = _keys_of(call for call in self.message.tool_calls if call.id == call_id)
        return next((key for key in keys if key not in self._outcomes), call_id)


def _as_read(call: ToolCall, ran: ToolCall) -> ToolCall:
    """Return a call of the model's as it was read, by the call that ran, edited or not."""
    if ran.arguments == call.arguments:
        return call
    return evolve(call, arguments=as_read(call.arguments, ran.arguments))


@frozen
class Plan:
    """One plan so far."""

    text: str | None = None
    draft: Draft = field(default=EMPTY, repr=False)

    def messages(self, summary: bool = False) -> list[Message]:
        """Return the plan as messages for the next turn."""
        text = self.draft.text.text if self.text is None else self.text
        if summary or not text.strip():
            return []
        return [Message("assistant", text), Message("user", "Now carry out this plan.")]

    @property
    def said(self) -> Message | None:
        """The message, complete or not; None if the model has written nothing."""
        text = self.draft.text.text if self.text is None else self.text
        return Message("assistant", text) if text else None

    is_answer = False

    def events(self) -> Iterator[Event]:
        """Yield the events that fold into this plan."""
        yield PlanStarted()
        if self.text is not None:
            yield from spoken(self.said or Message("assistant"), is_complete=True)
            yield Planned(self.text)
        elif self.said is not None:
            yield from spoken(self.said, is_complete=False)

    def add(self, event: Event) -> Plan:
        """Return the plan after one more event."""
        match event:
            case Planned(text):
                return Plan(text)
            case Delta():
                return Plan(self.text, grow(self.draft, event))
            case _:
                return self


def brief(name: str, *counts: str, **fields: Any) -> str:
    """Return a short repr: some counts, and the fields that are not None."""
    parts = [f"{field}={shown(value)}" for field, value in fields.items() if value is not None]
    return f"<{name}: {', '.join([*counts, *parts])}>" if counts or parts else f"<{name}>"
