"""Tools that block for an agent, in whatever way, never block the pool on which it runs."""

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from rxagent import Agent, Message, ToolCall, Workers, each
from rxagent import operators as ops
from rxagent.events import ToolCompleted, ToolFailed

WATCHDOG = 60


def by_itself(leaf):
    """Call it."""
    return leaf.run("q")


def by_asyncio(leaf):
    """Await it on a loop of one's own."""

    async def main():
        return await leaf.start("q")

    return asyncio.run(main())


def by_executor(leaf):
    """Call it on a thread of an executor."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(leaf.run, "q").result()


def by_asyncio_elsewhere(leaf):
    """Await it on a loop of another thread."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(by_asyncio, leaf).result()


def by_event(leaf):
    """Subscribe to it, and wait for an event."""
    answers, end = [], threading.Event()
    stream = leaf("q").pipe(ops.answer())
    stream.subscribe(answers.append, lambda _: end.set(), end.set)
    end.wait()
    return answers[0]


def by_event_elsewhere(leaf):
    """Do so on a thread of an executor."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(by_event, leaf).result()


def by_thread(leaf):
    """Call it on a thread of one's own."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(leaf.run("q")))
    thread.start()
    thread.join()
    return answers[0]


def by_loop(leaf):
    """Read its text in a loop."""
    return "".join(each(leaf("q").pipe(ops.text())))


WAYS = [by_itself, by_asyncio, by_executor, by_asyncio_elsewhere]
WAYS += [by_event, by_event_elsewhere, by_thread, by_loop]


@pytest.mark.parametrize("calls", [4, 40])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_many_calls_that_wait_for_an_agent_all_end(way, calls):
    """With far fewer threads than calls, each call gets its answer, and so do other runs."""
    pool, results = Workers(limit=1, spare=2, idle=0.05), Counter()
    leaf = Agent(lambda request: "leaf", workers=pool)

    def ask() -> str:
        """Ask another agent."""
        return way(leaf)

    async def model(request):
        if any(message.role == "tool" for message in request.messages):
            return "done"
        asked = [ToolCall(f"c{number}", "ask", "{}") for number in range(calls)]
        return Message("assistant", tool_calls=asked)

    def count(event):
        if isinstance(event, ToolCompleted):
            results[event.result] += 1
        if isinstance(event, ToolFailed):
            results[event.error] += 1

    run = Agent(model, [ask], workers=pool).start("x", attach=[count])
    assert "leaf" == leaf.run("x", timeout=WATCHDOG)
    assert "done" == run.result(WATCHDOG)
    run.drain(WATCHDOG)
    assert {"leaf": calls} == results
