"""Events: everything that happens in a run, as values.

.. code-block:: text

    Run   = RunStarted (Usage | Summarised | Plan | Step)*
            (StepLimitReached (Usage | Summarised)* Step)? FinalAnswer RunCompleted
    Plan  = PlanStarted Turn Planned
    Step  = StepStarted (Turn || Call || ... || Call) StepFailed?   || = interleaved
    Turn  = (Delta* StepRetried)* Delta* MessageCompleted
    Delta = TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta
            | Usage | Finish | StepRetried
    Call  = Asked? ToolStarted ToolOutput* (ToolCompleted | ToolFailed)
            | Asked? ToolFailed
    Asked = ApprovalAsked ApprovalAnswered      without an answer if the turn is retracted

MessageReceived may stand anywhere between RunStarted and the last StepStarted. After one that comes
later than StepLimitReached, there may be further steps. A run that fails emits a prefix of this.

Events have no time and no identity: equal events are equal. `Stamped` adds the run and the time,
where needed. The `id` of a question says which one is answered; it is not compared.
"""

from __future__ import annotations

from math import isnan
from typing import Any

from attrs import cmp_using, field, frozen

from .frozen import freeze, plain_type
from .messages import NOT_SENT, Image, Message, ProviderData, ToolCall, repr_of

__all__ = [
    "ApprovalAnswered",
    "ApprovalAsked",
    "Delta",
    "Event",
    "FinalAnswer",
    "Finish",
    "MessageCompleted",
    "MessageReceived",
    "PlanStarted",
    "Planned",
    "ReasoningDelta",
    "RefusalDelta",
    "RunCompleted",
    "RunFailed",
    "RunStarted",
    "Stamped",
    "StepFailed",
    "StepLimitReached",
    "StepRetried",
    "StepStarted",
    "Summarised",
    "TextDelta",
    "ToolCallDelta",
    "ToolCompleted",
    "ToolFailed",
    "ToolOutput",
    "ToolStarted",
    "UnknownEvent",
    "Usage",
]


def __dir__() -> list[str]:
    return __all__


def _same(one: Any, other: Any) -> bool:
    """Return whether two values have the same type and are equal, in containers and arrays too."""
    if one is other:
        return True
    if plain_type(one) is not plain_type(other):
        return False
    match one:
        case float():
            return one == other or (isnan(one) and isnan(other))
        case list() | tuple():
            return len(one) == len(other) and all(map(_same, one, other))
        case dict():
            return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if hasattr(one, "equals"):  # data frames raise on ==
        return bool(one.equals(other))
    if getattr(one, "shape", None) != getattr(other, "shape", None):
        return False
    equal = one == other
    if hasattr(equal, "all"):
        return bool((equal | ((one != one) & (other != other))).all())
    return bool(equal)


_by_type_and_value = cmp_using(eq=_same, require_same_type=False)


class Event:
    """Something that happened in a run."""

    __slots__ = ()


class Delta(Event):
    """Something that happened while a model wrote."""

    __slots__ = ()


@frozen
class RunStarted(Event):
    """A run began; `message` is the model's input if that is more than the task's text."""

    task: str
    agent: str
    message: Message | None = None


@frozen
class MessageReceived(Event):
    """A message was said to the run; the model reads it in the next step."""

    message: Message


@frozen
class StepStarted(Event):
    """Step `number` (1, 2, ...) began."""

    number: int


@frozen
class StepRetried(Delta):
    """The incomplete message is retracted; the request is sent for the `attempt`-th time."""

    attempt: int
    error: str


@frozen
class StepFailed(Event):
    """The turn could not be used; the model reads the error, and the run continues."""

    error: str


@frozen
class StepLimitReached(Event):
    """`limit` steps gave no answer; one closing step without tools follows."""

    limit: int


@frozen
class PlanStarted(Event):
    """A plan was requested from the model."""


@frozen
class Planned(Event):
    """The model made a plan."""

    text: str


@frozen
class Summarised(Event):
    """A summary was made; `text` stands for the first `steps` steps of the conversation."""

    text: str
    steps: int


@frozen
class TextDelta(Delta):
    """A piece of the answer."""

    text: str


@frozen(repr=False)
class ReasoningDelta(Delta):
    """A piece of the model's reasoning; `extra` is what its provider needs back."""

    text: str
    extra: tuple[ProviderData, ...] = field(default=(), repr=False)

    __repr__ = repr_of


@frozen
class RefusalDelta(Delta):
    """A piece of a refusal."""

    text: str


@frozen(repr=False)
class ToolCallDelta(Delta):
    """A fragment of a tool call; fragments of one `index` belong together.

    `extra` is what the provider needs back with the call.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str | None = None
    extra: tuple[ProviderData, ...] = field(default=(), repr=False)

    __repr__ = repr_of


@frozen(repr=False)
class Usage(Delta):
    """Tokens since the last report, and the model that used them.

    `input_tokens` includes those read from a cache (`cached_tokens`) and written to one
    (`cache_write_tokens`), `output_tokens` those of reasoning. `model` is None if it is unknown,
    or if several models are summed up; it is not compared. `unreported` counts other
    requests that were closed before they reported, so that their tokens are unknown.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = field(default=0, repr=False)
    reasoning_tokens: int = field(default=0, repr=False)
    cache_write_tokens: int = field(default=0, repr=False)
    model: str | None = field(default=None, eq=False, repr=False)
    unreported: int = field(default=0, repr=False)

    __repr__ = repr_of

    @property
    def total_tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    @staticmethod
    def sum(one: Usage | None, other: Usage | None) -> Usage | None:
        """Return the sum of two reports; None means unknown and counts as nothing.

        The sum has a model if both have the same one.
        """
        if one is None or other is None:
            return one or other
        return Usage(
            one.input_tokens + other.input_tokens,
            one.output_tokens + other.output_tokens,
            one.cached_tokens + other.cached_tokens,
            one.reasoning_tokens + other.reasoning_tokens,
            one.cache_write_tokens + other.cache_write_tokens,
            one.model if one.model == other.model else None,
            one.unreported + other.unreported,
        )


@frozen
class Finish(Delta):
    """The model stopped; `reason` is stop, length, tool_calls, content_filter, refusal or, when a
    message cut the answer, interrupted."""

    reason: str


@frozen
class MessageCompleted(Event):
    """The complete message of a turn."""

    message: Message


@frozen
class ApprovalAsked(Event):
    """A decision is requested on whether this call may run; `run.decide` answers it.

    `id` is unique to the question; it is not compared.
    """

    call: ToolCall
    id: str = field(default="", eq=False, repr=False)


@frozen
class ApprovalAnswered(Event):
    """A decision was made; `call` is the call that will run, perhaps edited, None if denied.

    `id` is that of the question; it is not compared.
    """

    call_id: str
    decision: str
    call: ToolCall | None = None
    id: str = field(default="", eq=False, repr=False)


@frozen
class ToolStarted(Event):
    """A tool's code is about to run; the arguments of `call` are the object with which it runs."""

    call: ToolCall


@frozen
class ToolOutput(Event):
    """A tool emitted a value, printed text, or an event of an inner agent."""

    call_id: str
    value: Any = field(eq=_by_type_and_value, hash=False)


@frozen(repr=False)
class ToolCompleted(Event):
    """A tool succeeded; the model reads `result`, the text of `value`, and sees `images`.

    `session` holds the variables after code that ran; it is not compared and not stored.
    """

    call_id: str
    result: str
    value: Any = field(default=None, eq=_by_type_and_value, hash=False)
    images: tuple[Image, ...] = field(default=(), repr=False)
    session: Any = field(default=None, eq=False, repr=False, metadata=NOT_SENT)

    __repr__ = repr_of


@frozen(repr=False)
class ToolFailed(Event):
    """A call failed; the model reads the error. Without ToolStarted, no code ran.

    `session` holds the variables after code that ran; it is not compared and not stored.
    """

    call_id: str
    error: str
    session: Any = field(default=None, eq=False, repr=False, metadata=NOT_SENT)

    __repr__ = repr_of


@frozen
class FinalAnswer(Event):
    """The answer, after all checks."""

    value: Any = field(eq=_by_type_and_value, hash=False)


@frozen
class RunCompleted(Event):
    """The run ended; `usage` is its total, None if no model reported any."""

    usage: Usage | None = None


@frozen
class RunFailed(Event):
    """The run ended without an answer; `settle` emits it in place of the error."""

    kind: str
    error: str


@frozen
class UnknownEvent(Event):
    """An event of a later version, kept unchanged."""

    type: str
    fields: dict[str, Any] = field(
        factory=dict, converter=freeze, eq=_by_type_and_value, hash=False
    )


@frozen
class Stamped:
    """An event with its run, its number in that run (from 0), and its time (Unix seconds)."""

    run: str
    seq: int
    at: float
    event: Event
