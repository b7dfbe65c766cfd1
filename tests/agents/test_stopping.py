"""A call that is ended from outside ends with all calls within it."""

from hypothesis import given
from hypothesis import strategies as st
from reactivex.subject import Subject

from rxagent.agents.stopping import StoppableCall
from rxagent.events import (
    ApprovalAnswered,
    ApprovalAsked,
    TextDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)
from rxagent.messages import ToolCall

from ..streams.recorder import Recorder


def call(id):
    """Return a call."""
    return ToolCall(id, "add", "{}")


@st.composite
def runs_of_calls(draw, depth=3):
    """Return the events of a call, and of calls within it that run at the same time."""
    id = draw(st.sampled_from("abc"))
    inner = (
        draw(st.lists(runs_of_calls(depth - 1), max_size=2, unique_by=lambda run: run[0]))
        if depth
        else []
    )
    asked = [ApprovalAsked(call(id)), ApprovalAnswered(id, "allow")] if draw(st.booleans()) else []
    within = [[ToolOutput(id, event) for event in events] for _, events in inner]
    within.append([ToolOutput(id, TextDelta("Hi"))] * draw(st.integers(0, 2)))
    mixed = []
    while any(within):
        mixed.append(draw(st.sampled_from([events for events in within if events])).pop(0))
    return id, [*asked, ToolStarted(call(id)), *mixed, ToolCompleted(id, "5")]


def open_calls(events, path=()):
    """Return the paths of the calls that have begun and not ended."""
    found = []
    for event in events:
        inner, at = event, path
        while isinstance(inner, ToolOutput):
            inner, at = inner.value, (*at, inner.call_id)
        match inner:
            case ApprovalAsked(begun) | ToolStarted(begun) if (*at, begun.id) not in found:
                found.append((*at, begun.id))
            case ToolCompleted(id) | ToolFailed(id):
                found.remove((*at, id))
    return found


@given(runs_of_calls(), st.data())
def test_all_calls_end(run, data):
    """At any event, each call that has begun ends once, those within others before these."""
    id, events = run
    count = data.draw(st.integers(1, len(events) - 1))
    source, seen = Subject(), Recorder()
    stoppable = StoppableCall(seen).follow(source, None)
    for event in events[:count]:
        source.on_next(event)
    open = open_calls(events[:count])
    stoppable.stop(lambda: ToolFailed(id, "stopped"))
    source.on_next(events[count])

    endings = seen.items[count:]
    assert events[:count] == seen.items[:count]
    assert len(open) == len(endings)
    assert [] == open_calls(seen.items)
    assert ToolFailed(id, "stopped") == endings[-1]
    assert ["completed"] == seen.ends
