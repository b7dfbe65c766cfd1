"""From the first code to the end: nothing of a process outlives its session."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import reactivex as rx
from reactivex import operators as rxo

from rxagent.events import ToolStarted
from rxagent.executors import CodeResult, Functions, Limits, ProcessExecutor
from rxagent.executors.process_child import open_children
from rxagent.messages import ToolCall
from rxagent.streams import RunScheduler, each
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.ledger import opened as ledger_of

from .running_code import NONE, functions, outcome

WATCHDOG = 60
STOPPED = "[The earlier code was stopped. All variables are lost; define again what you need.]\n"


@pytest.fixture
def session():
    """Return a session that the end of the test closes."""
    session = ProcessExecutor(authorized_imports=["os"]).open({"given": 1})
    yield session
    session.close()


def is_alive(pid):
    """Return whether there is a process of that number, dead ones that wait included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ended(child):
    """Wait until a process has ended, and return whether nothing of it is left."""
    child.ended.result(timeout=WATCHDOG)
    return not is_alive(child.pid) and not os.path.exists(child.folder)


def test_opening_starts_nothing():
    """The first code starts the process; a session without code costs nothing."""
    before = open_children()  # those of other tests may be about to end
    ProcessExecutor().open({"x": 1})

    assert all(child in before for child in open_children())


def test_subscribing_runs_the_code_each_time(session):
    """The stream is cold, and its variables are those of the session."""
    stream = session.run("given += 1\ngiven", NONE)

    assert [2, 3] == [list(each(stream))[-1].value for _ in range(2)]


def test_closing_ends_the_process(session):
    """Also twice; no code runs afterwards."""
    outcome(session, "x = 1")
    child = session._link.child

    session.close()
    session.close()

    assert ended(child)
    assert "The session is closed" in outcome(session, "1").error


def test_a_session_that_is_forgotten_ends_its_process():
    """Nothing but the session refers to it."""
    session = ProcessExecutor().open({})
    outcome(session, "1")
    child = session._link.child

    del session
    deadline = time.monotonic() + WATCHDOG
    while not child.ended.done() and time.monotonic() < deadline:
        gc.collect()  # the loop's thread may still be leaving the run
        time.sleep(0.01)

    assert ended(child)


def test_disposing_kills_the_code_that_runs(session):
    """At once; the next code runs in another process and hears that the variables are lost."""
    begun = threading.Event()
    subscription = session.run("print('begun')\nwhile True: pass", NONE).subscribe(
        lambda _: begun.set()
    )
    assert begun.wait(WATCHDOG)
    child = session._link.child

    start = time.monotonic()
    subscription.dispose()
    assert ended(child)
    took = time.monotonic() - start

    assert took < 1
    come = outcome(session, "given")
    assert (STOPPED, 1) == (come.printed, come.value)


def test_disposing_at_every_position_leaves_nothing(session):
    """Whichever item the observer disposes at, nothing follows, and the next code runs."""
    code = "print('a')\nx = add(1)\nprint('b')\nx"

    def add(number: int) -> int:
        """Add one."""
        return number + 1

    whole = list(each(session.run(code, functions(add))))
    assert ["a\n", "b\n", CodeResult(2)] == [whole[0], *whole[3:]]
    for position in range(1, len(whole) + 1):
        stream = session.run(code, functions(add)).pipe(rxo.take(position))
        assert whole[:position] == list(each(stream))
        come = outcome(session, "given")
        assert (1, "" if position == len(whole) else STOPPED) == (come.value, come.printed)


def test_disposing_hangs_up_the_calls(session):
    """A call that runs is disposed with the code."""
    never, ledger = ledger_of(rx.never())
    tools = Functions(frozenset({"f"}), frozenset(), lambda *_: never)

    subscription = session.run("f()", tools).subscribe()
    while not ledger.subscribed:
        time.sleep(0.001)
    subscription.dispose()

    ledger.wait_disposed(timeout=WATCHDOG)


def test_the_death_of_the_code_ends_its_calls(session):
    """What has started ends in ToolFailed before the error."""

    def call(name, args, kwargs):
        return rx.concat(rx.of(ToolStarted(ToolCall("c1.1", name, "{}"))), rx.never())

    tools = Functions(frozenset({"f"}), frozenset(), call)
    code = "import os, threading\nthreading.Timer(0.1, os._exit, [3]).start()\nf()"
    session = ProcessExecutor(authorized_imports=["os", "threading"]).open({})
    try:
        come = outcome(session, code, tools)
    finally:
        session.close()

    assert "CodeError: cancelled, since the code ended before it" == come.events[-1].error
    assert "with status 3" in come.error


def test_code_runs_in_a_users_loop():
    """Under `asyncio.run` as well, with one session in several loops."""
    session = ProcessExecutor().open({"x": 1})

    async def run():
        return [item async for item in each(session.run("x += 1\nx", NONE))]

    try:
        assert [[CodeResult(2)], [CodeResult(3)]] == [asyncio.run(run()) for _ in range(2)]
    finally:
        session.close()


def test_the_end_of_a_loop_ends_the_code():
    """Nothing is left running after `asyncio.run`."""
    session = ProcessExecutor().open({})
    children = []

    async def run():
        begun = asyncio.Event()
        session.run("print('begun')\nwhile True: pass", NONE).subscribe(lambda _: begun.set())
        await begun.wait()
        children.append(session._link.child)

    asyncio.run(run())

    assert ended(children[0])


def test_a_pause_holds_output_calls_and_time():
    """While the run is held, nothing is emitted, and the limit of time stands still."""
    session = ProcessExecutor(limits=Limits(seconds=0.3)).open({})
    outcome(session, "1")

    async def run():
        scheduler = RunScheduler()
        seen, begun, over = [], asyncio.Event(), asyncio.Event()

        def look(item):
            seen.append(item)
            begun.set()

        session.run("import time\nprint(1)\ntime.sleep(0.1)\nprint(2)", NONE).subscribe(
            look, on_completed=over.set, scheduler=scheduler
        )
        await begun.wait()
        with scheduler.hold():
            await asyncio.sleep(0.5)
            held = list(seen)
        await over.wait()
        return held, seen

    try:
        assert (["1\n"], ["1\n", "2\n", CodeResult(None)]) == asyncio.run(run())
    finally:
        session.close()


def test_virtual_time_refuses_processes(session):
    """Code takes real time; the error says so."""
    errors = []
    with VirtualScheduler() as home:
        session.run("1", NONE).subscribe(on_error=errors.append, scheduler=home)
        home.run()

    assert "There are no sockets in virtual time" in str(errors[0])


@pytest.mark.parametrize("size", [0, 10_000, 100_000, 1_000_000, 3_000_000])
def test_large_values_pass_in_both_directions(session, size):
    """More than a socket holds at once."""

    def echo(text: str) -> str:
        """Return the text."""
        return text

    assert size == outcome(session, f"len(echo('x' * {size}))", functions(echo)).value


def script(text):
    """Run a script, and return what it printed."""
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ran.stdout.split()


BEGIN = """
    import os, signal, sys
    from rxagent.executors import ProcessExecutor
    from rxagent.streams import each
    from rxagent.executors import Functions
    session = ProcessExecutor().open({})
    for item in each(session.run("1", Functions(frozenset(), frozenset(), None))): pass
    child = session._link.child
    print(child.pid, child.folder, flush=True)
"""


def test_the_end_of_a_script_ends_the_process():
    """Also if the session was not closed; its folder is removed."""
    pid, folder = script(BEGIN)

    assert (False, False) == (is_alive(int(pid)), os.path.exists(folder))


def test_a_process_does_not_outlive_a_parent_that_was_killed(tmp_path):
    """It notices that its channel is closed, though nothing else ends it."""
    program = textwrap.dedent(BEGIN) + "os.kill(os.getpid(), signal.SIGKILL)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    pid, folder = ran.stdout.split()
    deadline = time.monotonic() + WATCHDOG
    while is_alive(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.rmdir(folder)

    assert not is_alive(int(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux ends a process with its parent.")
@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize("code", ["pow(7, 10**8)", "import re\nre.match('(a+)+b', 'a' * 40)"])
def test_code_that_lets_no_thread_run_does_not_outlive_its_parent(code, end):
    """It never looks at its channel, so the kernel ends it."""
    program = f"""{textwrap.dedent(BEGIN)}
code = "print('go', flush=True)\\n" + {code!r}
for item in each(session.run(code, Functions(frozenset(), frozenset(), None))):
    os.kill(os.getpid(), signal.{end})
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert -getattr(signal, end) == ran.returncode
    pid, folder = ran.stdout.split()
    deadline = time.monotonic() + 5
    while is_alive(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.rmdir(folder)

    assert not is_alive(int(pid))


def test_a_process_outlives_the_thread_that_ran_its_first_code(session):
    """The variables of a run are kept, whichever thread goes on with it."""
    thread = threading.Thread(target=lambda: asyncio.run(first()))

    async def first():
        async for _ in each(session.run("x = 1", NONE)):
            pass

    thread.start()
    thread.join()

    assert 1 == outcome(session, "x").value


def test_a_fork_of_the_parent_ends_no_process_of_it():
    """The child of a fork forgets the processes, and exits as it would without them."""
    _, _, alive, value = script(
        BEGIN
        + """
    fork = os.fork()
    if not fork:
        session.close()
        raise SystemExit
    os.waitpid(fork, 0)
    for item in each(session.run("2", Functions(frozenset(), frozenset(), None))): pass
    print(child.ended.done(), item.value)
    """
    )

    assert ("False", "2") == (alive, value)
