"""An exporter: what can be measured of a run, the moment it is known."""

import reactivex as rx
from attrs import frozen
from reactivex import operators as rxo

from rxagent import operators as ops
from rxagent.events import (
    ReasoningDelta,
    RefusalDelta,
    RunStarted,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolStarted,
    Usage,
)

SPEECH = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta)
ENDS = (ToolCompleted, ToolFailed)


@frozen
class Measured:
    """A measurement, under the name that the dashboard knows."""

    name: str
    value: float
    tool: str | None = None


def measured():
    """Emit what can be measured of a run, the moment it is known."""
    return rx.compose(
        ops.stamp(),
        rxo.publish(lambda run: rx.merge(first_token(run), pace(run), tools(run))),
    )


def spans(begins, ends):
    """Emit an event of one kind, the next one of another kind, and the seconds between them."""
    return rx.compose(
        rxo.filter(lambda stamped: isinstance(stamped.event, (begins, ends))),
        rxo.distinct_until_changed(lambda stamped: isinstance(stamped.event, begins)),
        rxo.pairwise(),
        rxo.filter(lambda pair: isinstance(pair[0].event, begins)),
        rxo.map(lambda pair: (pair[0].event, pair[1].event, round(pair[1].at - pair[0].at, 6))),
    )


def first_token(run):
    """Measure the seconds until the model says anything."""
    return run.pipe(
        spans(RunStarted, SPEECH),
        rxo.take(1),
        rxo.starmap(lambda _, __, seconds: Measured("first_token_seconds", seconds)),
    )


def pace(run):
    """Measure how fast each turn is spoken; its usage is reported at its end."""
    return run.pipe(
        spans(SPEECH, Usage),
        rxo.filter(lambda span: span[2] > 0),
        rxo.starmap(lambda _, usage, seconds: usage.output_tokens / seconds),
        rxo.map(lambda tokens: Measured("tokens_per_second", tokens)),
    )


def tools(run):
    """Measure the seconds that each call takes, also of calls that run at once."""
    return run.pipe(
        rxo.filter(lambda stamped: isinstance(stamped.event, (ToolStarted, *ENDS))),
        rxo.group_by(lambda stamped: call_id(stamped.event)),
        rxo.flat_map(lambda call: call.pipe(spans(ToolStarted, ENDS))),
        rxo.starmap(lambda begun, _, took: Measured("tool_seconds", took, begun.call.name)),
    )


def call_id(event):
    """Return the call that an event is about."""
    return event.call.id if isinstance(event, ToolStarted) else event.call_id
