"""A metrics exporter: emits each measurement of a run as soon as it is known."""

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

OUTPUT = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta)
ENDS = (ToolCompleted, ToolFailed)


@frozen
class Measured:
    """A measurement, under the name that a dashboard uses."""

    name: str
    value: float
    tool: str | None = None


def measured():
    """Emit each measurement of a run as soon as it is known."""
    return rx.compose(
        ops.stamp(),
        rxo.publish(lambda run: rx.merge(first_token(run), speed(run), tools(run))),
    )


def spans(begins, ends):
    """Emit an event of one kind, the next event of another kind, and the seconds between them."""
    return rx.compose(
        rxo.filter(lambda stamped: isinstance(stamped.event, (begins, ends))),
        rxo.distinct_until_changed(lambda stamped: isinstance(stamped.event, begins)),
        rxo.pairwise(),
        rxo.filter(lambda pair: isinstance(pair[0].event, begins)),
        rxo.map(lambda pair: (pair[0].event, pair[1].event, round(pair[1].at - pair[0].at, 6))),
    )


def first_token(run):
    """Measure the seconds until the model emits anything."""
    return run.pipe(
        spans(RunStarted, OUTPUT),
        rxo.take(1),
        rxo.starmap(lambda _, __, seconds: Measured("first_token_seconds", seconds)),
    )


def speed(run):
    """Measure the tokens per second of each turn; its usage is reported at its end."""
    return run.pipe(
        spans(OUTPUT, Usage),
        rxo.filter(lambda span: span[2] > 0),
        rxo.starmap(lambda _, usage, seconds: usage.output_tokens / seconds),
        rxo.map(lambda tokens: Measured("tokens_per_second", tokens)),
    )


def tools(run):
    """Measure the seconds that each call takes, including calls that run in parallel."""
    return run.pipe(
        rxo.filter(lambda stamped: isinstance(stamped.event, (ToolStarted, *ENDS))),
        rxo.group_by(lambda stamped: call_id(stamped.event)),
        rxo.flat_map(lambda call: call.pipe(spans(ToolStarted, ENDS))),
        rxo.starmap(lambda begun, _, took: Measured("tool_seconds", took, begun.call.name)),
    )


def call_id(event):
    """Return the id of the call that an event belongs to."""
    return event.call.id if isinstance(event, ToolStarted) else event.call_id
