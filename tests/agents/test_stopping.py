"""A call that is ended from outside ends with all calls within it."""

import asyncio
import builtins

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reactivex.subject import Subject

from rxagent import Agent, CodeAgent, each, tool
from rxagent import operators as ops
from rxagent.agents import race
from rxagent.agents.approval import by_decision, by_name
from rxagent.agents.stopping import WholeCall
from rxagent.events import (
    ApprovalAnswered,
    ApprovalAsked,
    TextDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)
from rxagent.messages import Message, ToolCall
from rxagent.testing import ScriptedModel

from ..streams.recorder import WATCHDOG, Recorder


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
def test_a_call_that_is_stopped(run, data):
    """At any event, each call that has begun ends once, those within others before these."""
    id, events = run
    count = data.draw(st.integers(1, len(events) - 1))
    source, seen = Subject(), Recorder()
    whole = WholeCall(seen).follow(source, None)
    for event in events[:count]:
        source.on_next(event)
    open = open_calls(events[:count])
    whole.stop(lambda: ToolFailed(id, "stopped"))
    source.on_next(events[count])

    assert events[:count] == seen.items[:count]
    assert len(open) == len(seen.items[count:])
    assert [] == open_calls(seen.items)
    assert ToolFailed(id, "stopped") == seen.items[-1]
    assert ["completed"] == seen.ends


@given(runs_of_calls(), st.data(), st.booleans())
def test_calls_whose_ends_are_missing(run, data, fails):
    """A failure of the outer call brings them; where it completes, its tool may have kept them."""
    id, events = run
    if fails:
        events = [*events[:-1], ToolFailed(id, "limit")]
    ends = [event for event in events[:-1] if is_end(event)]
    lost = data.draw(st.lists(st.sampled_from(ends), unique_by=builtins.id)) if ends else []
    left = [event for event in events if not any(event is one for one in lost)]
    source, seen = Subject(), Recorder()
    WholeCall(seen).follow(source, None)
    for event in left:
        source.on_next(event)

    assert left[:-1] == seen.items[: len(left) - 1]
    assert events[-1] == seen.items[-1]
    assert len(left) + fails * len(lost) == len(seen.items)
    if fails:
        assert [] == open_calls(seen.items)


@pytest.mark.parametrize("fails", [True, False])
def test_calls_of_one_path(fails):
    """Those of agents whose streams a tool merges are counted, and none ends another."""
    outer, inner = call("a"), call("b")
    begun = [ToolStarted(outer), *[ToolOutput("a", ToolStarted(inner))] * 2]
    ended = ToolOutput("a", ToolCompleted("b", "5"))
    source, seen = Subject(), Recorder()
    whole = WholeCall(seen).follow(source, None)
    for event in [*begun, ended]:
        source.on_next(event)
    assert [*begun, ended] == seen.items

    last = ToolFailed("a", "stopped") if fails else ended
    whole.stop(lambda: last) if fails else source.on_next(last)
    within = [ToolOutput("a", ToolFailed("b", "stopped"))] * fails
    assert [*begun, ended, *within, last] == seen.items


def is_end(event):
    """Return whether an event ends a call, at any depth."""
    while isinstance(event, ToolOutput):
        event = event.value
    return isinstance(event, ToolCompleted)


@pytest.mark.parametrize("executor", ["sandbox", "process"])
def test_a_question_that_code_leaves_open(executor):
    """The code fails at the first answer, and the second question is closed in the events."""

    @tool
    async def delete(path: str) -> str:
        """Delete a file."""
        return path

    code = "import asyncio\nawait asyncio.gather(delete('a'), delete('b'))"
    model = ScriptedModel([f"<code>\n{code}\n</code>", "<code>\nfinal_answer(1)\n</code>"])
    policy = by_name({"delete": by_decision(), "*": None})
    run = CodeAgent(model, [delete], executor=executor, approve=policy).start("Delete them.")
    asked, ended = [], []
    for _, event in each(run.pipe(ops.unnest())):
        if isinstance(event, ApprovalAsked):
            asked.append(event.call.id)
            if len(asked) == 2:
                run.decide(next(iter(run.asked)), False)
        elif isinstance(event, ToolFailed):
            ended.append(event.call_id)

    assert 1 == run.result(WATCHDOG)
    assert [*sorted(asked), "call_1_1_0"] == [*sorted(ended[:2]), ended[2]]


def test_a_question_of_a_team_s_loser():
    """The first answer of a race ends the calls within the others."""

    @tool
    async def delete(path: str) -> str:
        """Delete a file."""
        return path

    async def fast(request):
        await asked.wait()
        yield "fast"

    asked = asyncio.Event()
    events = []

    def receive(unnested):
        events.append(unnested)
        if isinstance(unnested[1], ApprovalAsked):
            asked.set()

    wish = Message("assistant", tool_calls=[ToolCall("k1", "delete", '{"path": "a"}')])
    slow = Agent(ScriptedModel([wish]), [delete], name="slow", approve=by_decision())
    run = race(slow, Agent(fast, name="fast")).start("Delete it.")
    run.pipe(ops.unnest()).subscribe(receive)

    assert "fast" == run.result(WATCHDOG)
    ended = [(*path, event.call_id) for path, event in events if isinstance(event, ToolFailed)]
    assert [("call_1_1_0", "k1"), ("call_1_1_0",)] == ended
