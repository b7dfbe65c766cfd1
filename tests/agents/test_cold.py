"""An agent returns a stream, whose errors say what to write when it is used otherwise."""

import asyncio

import pytest
from reactivex import operators as rxo

from rxagent import Agent, each
from rxagent import operators as ops
from rxagent.events import FinalAnswer, RunCompleted, RunStarted, StepStarted
from rxagent.testing import ScriptedModel

agent = Agent(ScriptedModel(["Hello"]))


PIPES = {
    "a run": lambda: agent("Hi"),
    "a pipe": lambda: agent("Hi").pipe(ops.text()),
    "a pipe of a pipe": lambda: agent("Hi").pipe(ops.text()).pipe(rxo.map(str), rxo.share()),
    "a slice": lambda: agent("Hi")[:3],
    "a pipe of what has begun": lambda: agent.start("Hi").pipe(ops.text()),
}


@pytest.mark.parametrize("loop", [iter, list, lambda run: 5 in run, lambda run: run[0]])
@pytest.mark.parametrize("stream", PIPES.values(), ids=PIPES)
def test_a_stream_is_no_list(loop, stream):
    """A loop over it does not go on for ever: the error names what can be looped over."""
    with pytest.raises(TypeError, match=r"A stream is no list\. Loop .* each\("):
        next(iter(loop(stream())))


@pytest.mark.parametrize("stream", PIPES.values(), ids=PIPES)
def test_an_asynchronous_loop_names_each(stream):
    """An `async for` over it says the same."""

    async def main():
        async for _ in stream():
            pass

    with pytest.raises(TypeError, match=r"A stream is no list\. Loop .* each\("):
        asyncio.run(main())


def test_a_run_that_has_not_begun_cannot_be_awaited():
    """Awaiting or blocking for it is an error that says what to write; a pipe can be awaited."""

    async def main(awaited):
        return await awaited()

    with pytest.raises(TypeError, match=r"`await agent\.start\(task\)`"):
        asyncio.run(main(lambda: agent("Hi")))
    with pytest.raises(TypeError, match=r"`agent\.run\(task\)`"):
        agent("Hi").run()
    assert "Hello" == asyncio.run(main(lambda: agent("Hi").pipe(ops.answer())))
    assert "Hello" == agent("Hi").pipe(ops.answer()).run()


def test_an_agent_that_was_not_called_says_what_to_write():
    """Who awaits an agent, or subscribes to it, has forgotten the task."""

    async def main():
        return await agent

    with pytest.raises(TypeError, match=r"`await agent\.start\(task\)`"):
        asyncio.run(main())
    with pytest.raises(TypeError, match=r"`agent\(task\)\.pipe\(ops\.text\(\)\)`"):
        agent.pipe(ops.text())
    with pytest.raises(AttributeError, match=r"`agent\(task\)\.subscribe\(\.\.\.\)`"):
        agent.subscribe(print)
    assert not hasattr(agent, "subscribe")


def test_a_run_is_awaited_as_a_task_is():
    """A run is no coroutine, and what asyncio makes a future of."""

    async def main():
        run = agent.start("Hi")
        with pytest.raises(TypeError, match="a coroutine was expected, got <Run: running"):
            await asyncio.create_task(run)
        return await asyncio.ensure_future(run), await asyncio.gather(agent.start("Hi"))

    assert ("Hello", ["Hello"]) == asyncio.run(main())


@pytest.mark.parametrize("wrong", [agent, 5, [1, 2], None], ids=repr)
def test_each_takes_a_stream(wrong):
    """What is no stream is refused by `each` at once."""
    with pytest.raises(TypeError, match=r"each takes a stream, as each\(agent\(task\)\), not "):
        each(wrong)


def test_each_loops_over_it():
    """`each` loops over the run and over what is piped from it, blocking or not."""

    async def looped():
        return [event async for event in each(agent("Hi"))]

    events = list(each(agent("Hi")))

    assert FinalAnswer("Hello") == events[-2]
    assert events == asyncio.run(looped())
    assert ["Hello"] == list(each(agent("Hi").pipe(ops.answer())))


def test_it_is_an_observable():
    """Slices and pipes are those of ReactiveX, and each subscription is a run."""
    run = agent("Hi")
    first = [RunStarted("Hi", "agent"), StepStarted(1)]

    assert "<ColdRun: begins when subscribed>" == repr(run)
    assert [first] * 2 == [run[:2].pipe(rxo.to_list()).run() for _ in "ab"]
    assert RunCompleted(None) == run.pipe(rxo.last()).run()
