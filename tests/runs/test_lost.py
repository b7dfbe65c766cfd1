"""Lost loops and interrupts: each wait for a run ends, and nothing of it is left open."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
from functools import partial

import pytest
import reactivex as rx
from reactivex.disposable import Disposable

from rxagent import Agent, launch
from rxagent.errors import RunCancelled
from rxagent.events import StepStarted
from rxagent.runs.outcome import Outcome
from rxagent.streams import daemon_loop
from rxagent.streams.open_work import open_work
from rxagent.testing import ScriptedModel

from .watching import WATCHDOG, Seen, streamed

WAITS = {
    "result": lambda run: run.result(WATCHDOG),
    "await": lambda run: asyncio.run(_awaited(run)),
    "wait": lambda run: asyncio.run(run.wait()),
    "for": lambda run: list(run),
}


async def _awaited(run):
    return await run


def on_a_loop(keep_open):
    """Return a run that never ends, whose loop is closed or has stopped, and what closes that."""
    loop = asyncio.new_event_loop()

    async def begin():
        run = launch(rx.concat(rx.of(StepStarted(1)), rx.never()))
        await asyncio.sleep(0.001)
        return run

    run = loop.run_until_complete(begin())
    if not keep_open:
        loop.close()
    return run, loop


@pytest.mark.parametrize("keep_open", [True, False], ids=["stopped", "closed"])
@pytest.mark.parametrize("wait", [kind for kind in WAITS if kind != "for"])
def test_waiting_ends_the_run(wait, keep_open):
    """Each waiter learns once that the loop has stopped; late observers receive the same."""
    run, loop = on_a_loop(keep_open)
    early, late = Seen(), Seen()
    run.subscribe(early)

    with pytest.raises(RunCancelled) as raised:
        WAITS[wait](run)
    run.subscribe(late)
    run.attach(queued := Seen())

    assert ("cancelled", raised.value) == (run.status, early.end)
    assert [raised.value] * 2 == [late.end, queued.end]
    assert [StepStarted(1)] == late.events == queued.events
    run.drain(WATCHDOG)
    loop.close()


@pytest.mark.parametrize("keep_open", [True, False], ids=["stopped", "closed"])
def test_calls_end_the_run(keep_open):
    """To cancel, pause, resume, attach and drain works without a loop, and blocks for nothing."""
    run, loop = on_a_loop(keep_open)
    run.pause()
    run.resume()
    run.cancel("enough")

    assert "cancelled" == run.status
    with pytest.raises(RunCancelled, match="enough"):
        run.result(WATCHDOG)
    run.attach(seen := Seen())
    assert "enough" == seen.end.reason
    loop.close()


async def asleep(request, begun, closed):
    """Never answer."""
    begun.set()
    try:
        await asyncio.Event().wait()
    finally:
        closed.append(True)


async def falling_asleep(request, begun, closed):
    """Break off."""
    yield "a"
    await asleep(request, begun, closed)


@pytest.mark.parametrize("model", [asleep, falling_asleep])
def test_a_stopped_loop_is_collected_in_silence(model, monkeypatch):
    """When its runs have ended, nothing of them is open, and their coroutines close in silence."""
    ignored, closed, loop = [], [], asyncio.new_event_loop()
    monkeypatch.setattr(sys, "unraisablehook", lambda fault: ignored.append(repr(fault)))

    async def begin():
        begun = asyncio.Event()
        run = Agent(partial(model, begun=begun, closed=closed)).start("x")
        await begun.wait()
        return run

    run = loop.run_until_complete(begin())
    with pytest.raises(RunCancelled):
        run.result(WATCHDOG)
    assert [] == [work.name for work in open_work() if work.loop is loop]

    loop.close()
    loop = run = None
    gc.collect()
    assert ([True], []) == (closed, ignored)


@pytest.mark.parametrize("model", [asleep, falling_asleep])
def test_in_whatever_order_it_is_collected(model, monkeypatch):
    """A generator may be collected before the coroutine that reads it."""
    thresholds = gc.get_threshold()
    gc.set_threshold(7, 3, 3)
    try:
        for _ in range(20):
            test_a_stopped_loop_is_collected_in_silence(model, monkeypatch)
    finally:
        gc.set_threshold(*thresholds)


def test_a_loop_that_stops_while_a_thread_waits():
    """A thread that waits for a run of another loop goes on when that loop has stopped."""
    loop, waiting, ends = asyncio.new_event_loop(), threading.Event(), []

    async def main():
        run = launch(rx.never())

        def wait():
            waiting.set()
            try:
                run.result()
            except RunCancelled as error:
                ends.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        await asyncio.to_thread(waiting.wait, WATCHDOG)
        return thread

    thread = loop.run_until_complete(main())
    thread.join(WATCHDOG)
    loop.close()

    assert (False, 1) == (thread.is_alive(), len(ends))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX forks")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("wait", WAITS)
def test_a_child_of_a_fork_waits_for_nothing(wait):
    """In a forked child the parent's runs have ended, new ones work, and the parent goes on."""
    go = threading.Event()

    async def patient(request):
        await asyncio.to_thread(go.wait, WATCHDOG)
        yield "done"

    run = Agent(patient).start("x")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            WAITS[wait](run)
        except RunCancelled:
            code = 0 if "new" == Agent(ScriptedModel(["new"])).run("y", timeout=WATCHDOG) else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    go.set()

    assert (0, "done") == (os.waitstatus_to_exitcode(status), run.result(WATCHDOG))


def test_a_finished_run_is_replayed_here():
    """An observer of a run that is over has all of it when subscribing returns."""
    run = launch(streamed())
    run.result(WATCHDOG)
    run.drain(WATCHDOG)
    while not run._broadcast.ended:
        pass
    seen = Seen()

    run.subscribe(seen)

    assert (["completed"], {threading.current_thread().name}) == (seen.ends, seen.threads)


@pytest.mark.parametrize("queued", [True, False], ids=["queued", "not queued"])
def test_ctrl_c_while_a_run_starts(monkeypatch, queued):
    """It is raised, no work is left open, and the next run answers."""
    loop, agent = daemon_loop(), Agent(ScriptedModel(["a", "a"]))
    call_soon = loop.call_soon_threadsafe

    def interrupted(*call):
        monkeypatch.undo()
        if queued:
            call_soon(*call)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "call_soon_threadsafe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        agent.start("Go")

    assert "a" == agent.run("Go", timeout=WATCHDOG)


@pytest.mark.parametrize("at", ["claim", "finish"])
def test_ctrl_c_while_a_run_is_cancelled(monkeypatch, at):
    """The cancel goes on: observers get RunCancelled once, and the source is disposed."""
    ends = []
    over, subscribed, disposed = (threading.Event() for _ in range(3))

    def subscribe(observer, scheduler):
        subscribed.set()
        return Disposable(disposed.set)

    run = launch(rx.create(subscribe))
    run.subscribe(print, lambda error: (ends.append(type(error)), over.set()))

    assert subscribed.wait(WATCHDOG)
    whole = getattr(Outcome, at)

    def interrupted(*given):
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        return whole(*given)

    monkeypatch.setattr(Outcome, at, interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.cancel()

    assert over.wait(WATCHDOG)
    assert disposed.wait(WATCHDOG)
    assert ([RunCancelled], "cancelled") == (ends, run.status)


FIRST = """
import threading
from rxagent import Agent
from rxagent.testing import ScriptedModel

start, agent = threading.Thread.start, Agent(ScriptedModel(["a"]))

def interrupted(thread):
    threading.Thread.start = start
    raise KeyboardInterrupt

threading.Thread.start = interrupted
try:
    agent.run("Go")
except KeyboardInterrupt:
    print(agent.run("Go", timeout=60))
"""


def test_ctrl_c_while_the_first_loop_starts():
    """The next run of the process has a loop that runs."""
    command = [sys.executable, "-c", FIRST]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=WATCHDOG * 6)

    assert "a\n" == done.stdout
