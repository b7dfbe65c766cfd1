"""Nesting: agents within agents are turns of one queue, not a recursion."""

import asyncio
import threading

import pytest

from rxagent import Agent, Message, ToolCall
from rxagent.events import FinalAnswer, RunCompleted, TextDelta, ToolOutput, Usage
from rxagent.testing import ScriptedModel

WATCHDOG = 80

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def nested(depth, innermost):
    """Return an agent that asks an agent that asks ..., so many deep."""
    agent = Agent(innermost, name="a0", description="Go deeper.")
    for level in range(1, depth):
        call = ToolCall("c", f"a{level - 1}", '{"task": "t"}')
        model = ScriptedModel([Message("assistant", tool_calls=[call]), f"up {level}"])
        agent = Agent(model, [agent], name=f"a{level}", description="Go deeper.")
    return agent


def unnested(event):
    """Return how deep an event is nested, and what it is."""
    depth = 0
    while isinstance(event, ToolOutput):
        event, depth = event.value, depth + 1
    return depth, event


@pytest.mark.parametrize("deep", [100, pytest.param(200, marks=pytest.mark.soak)])
def test_a_hundred_deep(deep):
    """The innermost agent's answer is emitted, its tokens are counted, the outermost answers."""
    events = []
    said = [TextDelta("deep"), Usage(1, 2)]
    run = nested(deep, ScriptedModel([said])).start("x")
    run.subscribe(lambda event: events.append(unnested(event)))

    assert f"up {deep - 1}" == run.result(WATCHDOG)
    assert (deep - 1, FinalAnswer("deep")) in events
    assert (0, RunCompleted(Usage(1, 2))) == events[-1]
    assert {"a0": Usage(1, 2)} == run.state.usage_by_agent


@pytest.mark.parametrize("depth", [1, 2, 50])
@pytest.mark.parametrize("way", ["cancel", "dispose"])
def test_letting_go_reaches_the_innermost_request(depth, way):
    """However deep the request is that is waited for, letting go of the run hangs it up."""
    begun, closed = threading.Event(), threading.Event()

    async def request(_):
        try:
            yield "a"
            begun.set()
            await asyncio.sleep(3600)
        finally:
            closed.set()

    agent = nested(depth, request)
    if way == "cancel":
        run = agent.start("x")
        assert begun.wait(WATCHDOG)
        run.cancel("enough")
        assert "cancelled" == run.status
    else:
        subscription = agent("x").subscribe(lambda event: None)
        assert begun.wait(WATCHDOG)
        subscription.dispose()

    assert closed.wait(WATCHDOG)


@pytest.mark.parametrize("depth", [2, 50])
def test_a_failure_comes_up(depth):
    """The innermost model's error fails each call on its way, and the outermost still answers."""
    ends = []

    async def broken(request):
        raise ConnectionError("gone")
        yield

    run = nested(depth, broken).start("x")
    run.subscribe(lambda event: None, ends.append, lambda: ends.append("completed"))

    assert f"up {depth - 1}" == run.result(WATCHDOG)
    assert ["completed"] == ends
