"""Inside trio, whatever begins or awaits a run raises one error, which says what to do."""

import subprocess
import sys
from types import ModuleType

import pytest
import trio

from rxagent import Agent, each
from rxagent import operators as ops
from rxagent.testing import ScriptedModel

REFUSAL = (
    r"^rxagent runs on asyncio and cannot run inside trio\. Call it in a thread: "
    r"`await trio\.to_thread\.run_sync\(agent\.run, task\)`\.$"
)


@pytest.fixture
def agent():
    """Make an agent that answers."""
    return Agent(ScriptedModel(["Hello"]))


async def loop_over(events):
    """Loop over events."""
    async for _ in events:
        pass


async def await_piped(agent):
    """Await the answer of a cold run."""
    return await agent("Hi").pipe(ops.answer())


async def await_started(agent):
    """Start a run and await it."""
    return await agent.start("Hi")


async def subscribe(agent):
    """Subscribe to a cold run, and raise its error."""
    errors = []
    agent("Hi").subscribe(on_error=errors.append)
    raise errors[0]


async def block(agent):
    """Block until the answer."""
    return agent.run("Hi")


WAYS = {
    "run": block,
    "start": await_started,
    "subscribe": subscribe,
    "pipe": await_piped,
    "each": lambda agent: loop_over(each(agent("Hi"))),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_is_refused_inside_trio(agent, way):
    """Each way to begin a run raises the error."""
    with pytest.raises(RuntimeError, match=REFUSAL):
        trio.run(WAYS[way], agent)


@pytest.mark.parametrize("way", ["await", "wait", "loop"])
def test_a_run_that_began_elsewhere_cannot_be_awaited_inside_trio(agent, way):
    """Awaiting a run, or looping over it, raises the error; the run itself goes on."""

    async def wait(run):
        match way:
            case "await":
                await run
            case "wait":
                await run.wait()
            case "loop":
                await loop_over(run)

    with agent.start("Hi") as run:
        with pytest.raises(RuntimeError, match=REFUSAL):
            trio.run(wait, run)
        assert "Hello" == run.result(timeout=60)


PROGRAM = """
import trio
from rxagent import Agent

agent = Agent(lambda request: "Hello")

async def main():
    return await trio.to_thread.run_sync(agent.run, "Hi")

print(trio.run(main))
"""


def test_a_thread_of_trio_runs_an_agent():
    """What the error says to write works (in a process of its own: trio keeps its threads)."""
    program = [sys.executable, "-c", PROGRAM]
    assert "Hello\n" == subprocess.check_output(program, text=True, timeout=60)


def test_trio_elsewhere_in_the_process_does_not_matter(agent):
    """Outside a task of trio, an agent runs, although trio is imported."""
    assert "Hello" == agent.run("Hi")


def test_a_run_starts_while_trio_is_being_imported(monkeypatch, agent):
    """An SDK imports trio, on a thread, if it is installed; until then there is half of it."""
    monkeypatch.setitem(sys.modules, "trio", ModuleType("trio"))
    monkeypatch.setitem(sys.modules, "trio.lowlevel", ModuleType("trio.lowlevel"))

    assert "Hello" == agent.run("Hi")
