"""A run that has ended well is freed by the count of its references: the collector finds nothing.

An error keeps the frames it has passed, and these keep the run, as everywhere in Python.
"""

import asyncio
import gc
from collections import Counter
from contextlib import suppress
from functools import partial

import pytest
import reactivex as rx
from reactivex import operators as rxo

from rxagent import Agent, CodeAgent, tool
from rxagent import operators as ops
from rxagent.agents.approval import Allow
from rxagent.errors import ModelUnavailable, RxAgentError
from rxagent.events import Finish, TextDelta, ToolCallDelta, ToolStarted, Usage
from rxagent.models import as_model
from rxagent.streams import each

WATCHDOG = 2.0


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


@tool
async def add_later(a: int, b: int) -> int:
    """Return the sum of two integers."""
    await asyncio.sleep(0)
    return a + b


@tool
def broken(a: int, b: int) -> int:
    """Return nothing."""
    raise ValueError("no")


async def coding(request):
    """Write code that has the answer."""
    yield TextDelta("<code>\nfinal_answer(2 + 3)\n</code>")


def calling(name, arguments='{"a": 2, "b": 3}'):
    """Return a model that calls a tool, then answers."""

    async def model(request):
        if request.messages[-1].role == "tool":
            yield TextDelta("The sum ")
            yield TextDelta("is 5.")
            yield Finish("stop")
        else:
            yield ToolCallDelta(0, "call_1", name, arguments[:5])
            yield ToolCallDelta(0, arguments=arguments[5:])
            yield Finish("tool_calls")
        yield Usage(10, 4)

    return model


async def failing(request):
    """Fail in the middle of an answer."""
    yield TextDelta("I")
    raise ModelUnavailable("gone")


def plain(request):
    """Answer at once."""
    return rx.of(TextDelta("5"), Finish("stop"))


async def until_told(request):
    """Write until a message says stop."""
    yield TextDelta("I will ")
    while request.messages[-1].text != "Stop":
        await asyncio.sleep(0)
    yield TextDelta("stop.")


class Watching:
    """A viewer."""

    def on_next(self, event):
        """Receive an event."""


async def awaited(agent, **how):
    """Wait for the answer."""
    with suppress(RxAgentError):
        await agent.start("How much is 2 + 3?", **how)


async def watched(agent, **how):
    """Wait until a viewer has received the end."""
    run = agent.start("Go")
    viewer = run.attach(Watching(), **how)
    with suppress(RxAgentError):
        await run
    await asyncio.to_thread(run.drain)
    del viewer


async def subscribed(agent):
    """Subscribe to a run."""
    run = agent.start("Go")
    run.subscribe(repr, repr)
    with suppress(RxAgentError):
        await run


async def cold(agent):
    """Subscribe to a run that is not started otherwise."""
    ended = asyncio.Event()
    agent("Go").subscribe(repr, on_completed=ended.set)
    await ended.wait()


async def piped(*operators_and_agent):
    """Loop over a stream piped from the run."""
    *operators, agent = operators_and_agent
    async for _ in each(agent("Go").pipe(*operators)):
        pass


async def looped(agent):
    """Loop over the events."""
    with suppress(RxAgentError):
        async for _ in agent.start("Go"):
            pass


async def said(agent):
    """Say a message while the model writes."""
    run = agent.start("Go", steer="switch")
    async for event in run:
        if isinstance(event, TextDelta):
            run.say("Stop")
            break
    await run


async def blocked_for(agent):
    """Wait for the answer on another thread."""
    await asyncio.to_thread(agent.run, "Go")


INNER = Agent(plain, name="inner", description="Answers.")


def late(request):
    """Answer a moment later."""
    return rx.timer(0.001).pipe(rxo.flat_map(lambda _: plain(request)))


PROGRAMS = {
    "an answer": (awaited, Agent(plain)),
    "a tool on a thread": (awaited, Agent(calling("add"), [add])),
    "an asynchronous tool": (awaited, Agent(calling("add_later"), [add_later])),
    "an eager tool": (awaited, Agent(calling("add_later"), [add_later], eager=True)),
    "a call that fails": (awaited, Agent(calling("add", '{"a": 2, "c": 3}'), [add])),
    "a tool that is missing": (awaited, Agent(calling("sub"), [add])),
    "a tool with a time-out": (awaited, Agent(calling("add"), [tool(add.function, timeout=5)])),
    "an answer of a type": (awaited, Agent(plain, output=int)),
    "an answer that is checked": (
        awaited,
        Agent(plain, final_answer_checks=[lambda answer, state: True]),
    ),
    "a call that is approved": (awaited, Agent(calling("add"), [add], approve=Allow())),
    "watched on a thread": (watched, Agent(plain)),
    "watched on the loop": (partial(watched, on="loop"), Agent(plain)),
    "watched in blocks": (partial(watched, overflow="block"), Agent(plain)),
    "subscribed to": (subscribed, Agent(plain)),
    "a cold run": (cold, Agent(plain)),
    "a loop": (looped, Agent(calling("add"), [add])),
    "its text": (partial(piped, ops.text()), Agent(plain)),
    "its tokens": (partial(piped, ops.usage()), Agent(calling("add_later"), [add_later])),
    "its sentences": (partial(piped, ops.text(), ops.sentences()), Agent(plain)),
    "an operator of ReactiveX": (partial(piped, rxo.map(repr), rxo.to_list()), Agent(plain)),
    "blocked for": (blocked_for, Agent(calling("add"), [add])),
    "a message": (said, Agent(until_told)),
    "a team": (awaited, Agent(calling("inner", '{"task": "x"}'), [INNER])),
    "a fallback": (awaited, Agent(ops.fallback(as_model(failing), plain, midstream=True))),
    "a time-out": (awaited, Agent(as_model(late).pipe(ops.timeout(total=5)))),
    "a race": (awaited, Agent(ops.race(late, plain))),
    "a hedge": (awaited, Agent(ops.hedge(late, plain, after=0.01))),
    "a tool that raises": (awaited, Agent(calling("broken"), [broken])),
    "code": (awaited, CodeAgent(coding)),
    "a limit": (awaited, Agent(ops.concurrency(2)(late))),
}


def left_to_the_collector(way, agent):
    """Return how many objects of each of our types a program leaves in circles."""

    async def main():
        for _ in range(3):
            await way(agent)
        await asyncio.sleep(0.02)
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        await way(agent)
        await asyncio.sleep(0.02)
        gc.collect()

    try:
        asyncio.run(main())
    finally:
        gc.set_debug(0)
        gc.enable()
        found, gc.garbage[:] = list(gc.garbage), []
    names = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in found)
    return {name: count for name, count in names.items() if name.startswith("rxagent")}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_run_that_has_ended_well_is_freed(name):
    """Whatever a run has done, it is in no circle of references."""
    left = [left_to_the_collector(*PROGRAMS[name])]
    while left[-1] and len(left) < 3:  # a thread that is just ending may have kept it
        left.append(left_to_the_collector(*PROGRAMS[name]))

    assert {} == left[-1]


@tool
async def waiting() -> str:
    """Wait for ever."""
    await asyncio.Event().wait()
    return ""


async def looping(request):
    """Write code that never ends."""
    yield TextDelta("<code>\nwhile True:\n    waiting()\n</code>")


async def cancelled_in_a_call(agent):
    """Cancel a run while its code waits for a tool."""
    run = agent.start("Go")
    async for event in run:
        if isinstance(event, ToolStarted) and event.call.name == "waiting":
            break
    run.cancel()
    with suppress(RxAgentError):
        await run


def test_code_that_was_cancelled_keeps_no_process():
    """The process of a sandbox is freed at once, also where an error keeps the run."""
    left = left_to_the_collector(cancelled_in_a_call, CodeAgent(looping, [waiting]))

    assert [] == [name for name in left if "executors" in name]
