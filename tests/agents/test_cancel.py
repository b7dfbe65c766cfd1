"""Disposing a run reaches the server, wherever the run is."""

import threading

import pytest
from reactivex.disposable import SerialDisposable

from rxagent import Agent, tool
from rxagent.events import TextDelta, ToolStarted
from rxagent.models import OpenAIModel
from rxagent.testing import ScriptedServer
from rxagent.testing.frames import call_chunk, finish_chunk, role_chunk, text_chunk, usage_chunk


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


def paced(body):
    """Call add, then answer, a chunk each 5 ms."""
    answered = any(message["role"] == "tool" for message in body["messages"])
    said = (
        [text_chunk("The "), text_chunk("sum is "), text_chunk("5."), finish_chunk("stop")]
        if answered
        else [
            call_chunk(0, "c0", "add", ""),
            call_chunk(0, arguments='{"a": 2,'),
            call_chunk(0, arguments=' "b": 3}'),
            finish_chunk("tool_calls"),
        ]
    )
    for chunk in [role_chunk(), *said, usage_chunk(10, 5)]:
        yield 0.005
        yield chunk


@pytest.fixture(scope="module")
def server():
    """Serve the paced scenario."""
    with ScriptedServer() as server:
        server.scenario("paced", paced)
        yield server


def model(server, name):
    """Return a model of the scripted server."""
    return OpenAIModel(name, api_base=server.url, api_key="any")


def watched(agent, stop_at=None):
    """Run to the end, or dispose at an event from within; return the events seen."""
    seen = []
    over, subscribed = threading.Event(), threading.Event()
    subscription = SerialDisposable()

    def on_next(event):
        assert subscribed.wait(60)
        seen.append(event)
        if len(seen) == stop_at:
            subscription.dispose()
            over.set()

    subscription.disposable = agent("2 + 3?").subscribe(on_next, on_completed=over.set)
    subscribed.set()
    assert over.wait(60)
    return seen


def test_disposing_at_every_event_hangs_up(server):
    """At each position: nothing is seen after it, and every open request is hung up."""
    agent = Agent(model(server, "paced"), [add])
    whole = watched(agent)
    assert 5 < len(whole)
    for position in range(1, len(whole)):
        before = len(server.exchanges)
        assert whole[:position] == watched(agent, stop_at=position)
        for exchange in server.exchanges[before:]:
            assert exchange.ended.wait(60)
            assert exchange.outcome in ("hung up", "completed")
    outcomes = [exchange.outcome for exchange in server.exchanges]
    assert 5 < outcomes.count("hung up")


@pytest.mark.parametrize("scenario", ["stall", "stall-headers"])
def test_disposing_a_silent_run_hangs_up(server, scenario):
    """A run that waits for headers, or for the next chunk, is hung up all the same."""
    before = len(server.exchanges)
    subscription = Agent(model(server, scenario))("?").subscribe()
    server.wait_until(lambda: len(server.exchanges) > before)
    exchange = server.exchanges[before]
    if scenario == "stall":
        server.wait_until(lambda: exchange.sent == 2)
    subscription.dispose()
    assert exchange.ended.wait(60)
    assert exchange.hung_up


def test_disposing_within_a_tool_stops_it():
    """A coroutine tool is cancelled where it waits, and its outcome is discarded."""
    entered, left = threading.Event(), threading.Event()

    @tool
    async def wait() -> None:
        """Wait for ever."""
        import asyncio

        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    seen = []
    with ScriptedServer() as server:
        subscription = Agent(model(server, "tools"), [wait])("go").subscribe(seen.append)
        assert entered.wait(60)
        subscription.dispose()
        assert left.wait(60)
    assert isinstance(seen[-1], ToolStarted)


def test_leaving_a_for_loop_hangs_up(server):
    """Breaking out of `for` over a run disposes it."""
    from rxagent import each

    before = len(server.exchanges)
    for event in each(Agent(model(server, "slow"))("?")):
        if isinstance(event, TextDelta):
            break
    assert server.exchanges[before].ended.wait(60)
    assert server.exchanges[before].hung_up
