"""What is done to a run is felt at the far end: at the server, in tools, and in waits."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from textwrap import dedent

import pytest

from rxagent import Agent, tool
from rxagent import operators as ops
from rxagent.errors import ModelUnavailable, RunCancelled
from rxagent.events import Delta, MessageCompleted, StepRetried, TextDelta, ToolStarted
from rxagent.models import OpenAIModel
from rxagent.runs import launch
from rxagent.testing import ScriptedModel, ScriptedServer
from rxagent.testing.frames import (
    call_chunk,
    finish_chunk,
    frame,
    role_chunk,
    text_chunk,
    usage_chunk,
)

from .watching import WATCHDOG, Seen, joined, run_of, scheduler

ROOMY = 30
"""Seconds for what many runs do together, on a machine that has other things to do."""


def turn(body, words):
    """Return what a model says that calls `add`, and then says so many words."""
    if any(message["role"] == "tool" for message in body["messages"]):
        said = [*(text_chunk(f"w{number} ") for number in range(words)), finish_chunk("stop")]
    else:
        said = [
            text_chunk("I add. "),
            call_chunk(0, "c0", "add", ""),
            call_chunk(0, arguments='{"a": 2,'),
            call_chunk(0, arguments=' "b": 3}'),
            finish_chunk("tool_calls"),
        ]
    return [role_chunk(), *said, usage_chunk(10, 5)]


def paced(body):
    """Say four words, a chunk each 2 ms."""
    for chunk in turn(body, 4):
        yield 0.002
        yield chunk


def hasty(body):
    """Say two hundred words, fifty at once."""
    frames = [frame(body, chunk) for chunk in turn(body, 200)]
    for at in range(0, len(frames), 50):
        yield b"".join(frames[at : at + 50])


@pytest.fixture(scope="module")
def server():
    """Serve two turns, at a pace and in haste."""
    with ScriptedServer() as server:
        server.scenario("paced", paced)
        server.scenario("hasty", hasty)
        yield server


@pytest.fixture
def adding():
    """A tool that adds, and a list of what it has added."""
    added = []

    @tool
    async def add(a: int, b: int) -> int:
        """Return the sum of two integers."""
        added.append((a, b))
        return a + b

    add_and_list = add, added
    return add_and_list


def agent(server, scenario, add):
    """Return an agent whose model is a scenario of the server."""
    return Agent(OpenAIModel(scenario, api_base=server.url, api_key="any"), [add])


WHOLE = "w0 w1 w2 w3 "


def started(agent, at, deed):
    """Start a run, and do something to it at an event, from within; return it and its viewers."""
    done = threading.Event()

    def watch(event):
        if len(direct.events) == at:
            deed(runs[0])
            done.set()

    direct, queued = Seen(watch), Seen()
    run_serialized = scheduler()
    runs = []
    # Nothing is emitted before all have subscribed, since the run emits on its loop thread.
    entered, leave = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=run_serialized.run_serialized, args=(lambda: (entered.set(), leave.wait(60)),)
    )
    thread.start()
    assert entered.wait(WATCHDOG)
    runs.append(
        launch(agent("2 + 3?"), attach=[queued], scheduler=run_serialized, keep="everything")
    )
    runs[0].subscribe(direct)
    leave.set()
    thread.join()
    return runs[0], direct, queued, done


def test_cancelling_at_every_event(server, adding):
    """Wherever a run is cancelled, the server sees it, and all observers receive the same."""
    answering = agent(server, "paced", adding[0])
    run, whole, _, _ = started(answering, -1, None)
    assert WHOLE == run.result(WATCHDOG)
    assert 15 < len(whole.events)
    for at in range(1, len(whole.events)):
        before = len(server.exchanges)
        run, direct, queued, done = started(answering, at, lambda run: run.cancel("by a button"))
        assert done.wait(WATCHDOG)

        with pytest.raises(RunCancelled, match="by a button") as raised:
            run.result(WATCHDOG)
        assert whole.events[:at] == direct.events
        assert joined(direct.events) == joined(queued.events) if queued.end else None
        assert raised.value is direct.end is queued.end
        assert raised.value.state == run.state
        assert run.state.steps == () or WHOLE.startswith(run.state.text[-3:]) or run.state.text
        for exchange in server.exchanges[before:]:
            assert exchange.ended.wait(WATCHDOG)
            assert exchange.outcome in ("hung up", "completed")
    assert any(exchange.hung_up for exchange in server.exchanges)


def test_pausing_at_every_event(server, adding):
    """A paused run emits nothing more though all has been sent, and starts no tool."""
    add, added = adding
    answering = agent(server, "paced", add)
    run, whole, _, _ = started(answering, -1, None)
    assert WHOLE == run.result(WATCHDOG)
    for at in range(1, len(whole.events)):
        added.clear()
        before = len(server.exchanges)
        run, direct, queued, done = started(answering, at, lambda run: run.pause())
        assert done.wait(WATCHDOG)
        if len(server.exchanges) > before:
            server.wait_until(lambda: server.exchanges[-1].ended.is_set())
        status = run_of(run, 0.01)

        assert status == "paused" or not any(isinstance(e, Delta) for e in whole.events[at:])
        assert whole.events[: len(direct.events)] == direct.events
        # What was read already may still be emitted, but then no chunk is read, and no tool starts.
        rest = direct.events[at:]
        assert [] == [event for event in rest if isinstance(event, ToolStarted)]
        assert 1 >= sum(isinstance(event, Delta) for event in rest)
        calls = sum(isinstance(event, ToolStarted) for event in direct.events)
        assert len(added) <= calls
        if isinstance(direct.events[-1], MessageCompleted):
            assert len(added) == calls
        run.resume()
        assert WHOLE == run.result(WATCHDOG)
        assert whole.events == direct.events
        assert "completed" == queued.end


@pytest.mark.parametrize("scenario", ["stall", "stall-headers", "stall-in-call"])
def test_cancelling_in_silence(server, adding, scenario):
    """A run is cancelled as well while the server says nothing."""
    before = len(server.exchanges)
    run = agent(server, scenario, adding[0]).start("?")
    chunks = 0 if scenario == "stall-headers" else 2
    server.wait_until(lambda: len(server.exchanges) > before)
    exchange = server.exchanges[before]
    server.wait_until(lambda: exchange.sent >= chunks)
    run.cancel()

    assert exchange.ended.wait(WATCHDOG)
    assert (True, "cancelled") == (exchange.hung_up, run_of(run))


def test_cancelling_the_wait_of_a_retry():
    """A run is cancelled as well while it waits to ask again."""
    waiting = threading.Event()

    def failing(request):
        return ScriptedModel([ModelUnavailable("busy")])(request).pipe(ops.retry(2, delay=50))

    run = Agent(failing).start("?")
    run.subscribe(lambda event: isinstance(event, StepRetried) and waiting.set())
    assert waiting.wait(WATCHDOG)
    run.cancel()

    assert "cancelled" == run_of(run)


def test_cancelling_a_tool():
    """A run is cancelled as well while a tool works: one that waits is stopped where it does."""
    entered, left = threading.Event(), threading.Event()

    @tool
    async def wait() -> None:
        """Wait for ever."""
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    with ScriptedServer() as server:
        run = Agent(OpenAIModel("tools", api_base=server.url, api_key="any"), [wait]).start("?")
        assert entered.wait(WATCHDOG)
        run.cancel()

        assert left.wait(WATCHDOG)
        assert "cancelled" == run_of(run)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("count", [200, pytest.param(1_000, marks=pytest.mark.soak)])
def test_many_runs_of_a_server(server, adding, count):
    """Many agents at once, each with a tool and 200 deltas, all answer; threads are few."""
    add, added = adding
    answering = agent(server, "hasty", add)
    deltas = [0] * count
    before = set(threading.enumerate())
    threads = 0

    async def main():
        nonlocal threads
        runs = [answering.start("2 + 3?") for _ in deltas]

        def count(number):
            def on_next(event):
                deltas[number] += isinstance(event, TextDelta)

            return on_next

        for number, run in enumerate(runs):
            run.subscribe(count(number))
        answers = asyncio.gather(*runs)
        while not answers.done():
            threads = max(threads, len(set(threading.enumerate()) - before))
            await asyncio.sleep(0.05)
        return answers.result()

    answers = asyncio.run(main())

    assert {"".join(f"w{number} " for number in range(200))} == set(answers)
    assert [201] * count == deltas
    assert [(2, 3)] * count == added
    assert threads < 20


# A `for` would have a body of its own, and Ctrl-C in there is not the run's, which goes on.
BLOCKING = {
    "result": "run.result()",
    "run": "run.run()",
    "with": "with run: run.result()",
    "for": "list(run)",
    "each": "list(each(run))",
    "agent.run": "agent.run('?')",
}


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent by a signal")
@pytest.mark.parametrize("block", BLOCKING.values(), ids=BLOCKING)
def test_ctrl_c_in_blocking_code(server, warm, tmp_path, block):
    """Ctrl-C where a program waits for a run cancels it, and raises KeyboardInterrupt."""
    start = "" if "agent.run" in block else "run = agent.start('?')"
    program = dedent(
        f"""
        from rxagent import Agent, each
        from rxagent.models import OpenAIModel

        agent = Agent(OpenAIModel("stall", api_base={server.url!r}, api_key="any"))
        {start}
        try:
            {block}
        except KeyboardInterrupt:
            print("interrupted", {"run.status" if start else "'cancelled'"})
        """
    )
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    before = len(server.exchanges)
    process = warm.start(program=tmp_path / "program.py")
    try:
        server.wait_until(lambda: len(server.exchanges) > before, ROOMY)
        exchange = server.exchanges[before]
        server.wait_until(lambda: exchange.sent >= 2, ROOMY)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=ROOMY)
    finally:
        process.close()

    assert exchange.ended.wait(WATCHDOG)
    assert exchange.hung_up
    assert (b"interrupted cancelled\n", 0) == (out, process.returncode)


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent by a signal")
def test_ctrl_c_at_the_end_of_a_script(server):
    """Ctrl-C while a script waits for its last run cancels it, and its viewers receive that."""
    program = dedent(
        f"""
        from rxagent import Agent
        from rxagent.models import OpenAIModel

        class Watch:
            def on_error(self, error):
                print(type(error).__name__, error.reason, flush=True)

        agent = Agent(OpenAIModel("stall", api_base={server.url!r}, api_key="any"))
        agent.start("?", attach=[Watch()])
        """
    )
    before = len(server.exchanges)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        server.wait_until(lambda: len(server.exchanges) > before, ROOMY)
        exchange = server.exchanges[before]
        server.wait_until(lambda: exchange.sent >= 2, ROOMY)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=ROOMY)
    finally:
        process.kill()
        process.wait()

    assert exchange.ended.wait(WATCHDOG)
    assert (True, "RunCancelled interrupted\n") == (exchange.hung_up, out)
    assert -signal.SIGINT == process.returncode
