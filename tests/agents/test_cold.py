"""What an agent returns is a stream, and tells whoever takes it for something else."""

import asyncio

import pytest
from reactivex import operators as rxo

from rxagent import Agent, each
from rxagent import operators as ops
from rxagent.events import FinalAnswer, RunCompleted, RunStarted, StepStarted
from rxagent.testing import ScriptedModel

agent = Agent(ScriptedModel(["Hello"]))


@pytest.mark.parametrize("loop", [iter, list, lambda run: 5 in run, lambda run: run[0]])
def test_a_run_is_no_list(loop):
    """A loop over it does not go on for ever: the error names what can be looped over."""
    with pytest.raises(TypeError, match=r"A run is a stream, no list\. Loop .* each\(agent\(task"):
        next(iter(loop(agent("Hi"))))


def test_each_loops_over_it():
    """`each` loops over the run and over what is piped from it, blocking or not."""

    async def looped():
        return [event async for event in each(agent("Hi"))]

    events = list(each(agent("Hi")))

    assert FinalAnswer("Hello") == events[-2]
    assert events == asyncio.run(looped())
    assert ["Hello"] == list(each(agent("Hi").pipe(ops.answer())))


def test_it_is_an_observable():
    """Slices, pipes and `run` are those of ReactiveX, and each subscription is a run."""
    run = agent("Hi")
    first = [RunStarted("Hi", "agent"), StepStarted(1)]

    assert [first] * 2 == [run[:2].pipe(rxo.to_list()).run() for _ in "ab"]
    assert RunCompleted(None) == run.run()
