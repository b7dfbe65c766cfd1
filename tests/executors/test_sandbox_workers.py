"""The sandbox's processes: shared, killed at once, none left; safe after a fork."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import weakref
from pathlib import Path
from time import monotonic, sleep

import pytest

from rxagent.executors import CodeResult, Limits, SandboxExecutor
from rxagent.executors.sandbox_workers import WORKERS, Worker, WorkerPool
from rxagent.streams import RunScheduler, each

from .coding import NONE, Ran, functions_of

EXECUTOR = SandboxExecutor()
WATCHDOG = 60


def is_there(pid):
    """Return whether a process exists, and is more than a name that waits for its parent."""
    try:
        return "Z" != Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def wait_for(condition):
    """Wait until another process has done something, of which nothing here hears."""
    until = monotonic() + WATCHDOG
    while not condition():
        assert monotonic() < until, "it did not happen"
        sleep(0.002)


class Running:
    """Code that runs in a session, on a loop of its own; `dispose` kills it."""

    def __init__(self, session, code, functions=NONE):
        self.items, self.error = [], None
        self.has_printed, self.is_over = threading.Event(), threading.Event()
        self.scheduler = RunScheduler()
        self._subscription = session.run(code, functions).subscribe(
            self._note, self._fail, self.is_over.set, scheduler=self.scheduler
        )

    def _note(self, item):
        self.items.append(item)
        self.has_printed.set()

    def _fail(self, error):
        self.error = error
        self.is_over.set()

    def dispose(self):
        """Kill it, and wait until that was done."""
        done = threading.Event()
        self._subscription.dispose()
        self.scheduler.post(done.set)
        assert done.wait(WATCHDOG)


@pytest.fixture
def session():
    """A session."""
    session = EXECUTOR.open({})
    yield session
    session.close()


def worker_of(session):
    """Return the process of a session."""
    return session._variables._worker


# Disposing


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals of POSIX")
def test_an_interrupt_is_not_for_the_code(session):
    """Ctrl-C, which a terminal sends to all processes, ends no code of runs that go on."""
    Ran(session, "x = 1")
    running = Running(session, "print('go')\nfor i in range(10**6): x += 1\nx")
    assert running.has_printed.wait(WATCHDOG)
    os.kill(worker_of(session).pid, signal.SIGINT)

    assert running.is_over.wait(WATCHDOG)
    assert ["go\n", CodeResult(10**6 + 1)] == running.items


def test_dispose_kills_what_runs(session):
    """Disposing ends the process at once; the next run is unharmed."""
    Ran(session, "x = 1")
    running = Running(session, "x = 2\nprint('go')\nwhile True: pass")
    assert running.has_printed.wait(WATCHDOG)
    pid = worker_of(session).pid
    running.dispose()
    wait_for(lambda: not is_there(pid))
    assert ["go\n"] == running.items
    assert running.error is None
    assert [CodeResult(1)] == Ran(session, "x").items
    assert pid != worker_of(session).pid


def test_what_was_not_saved_is_said_to_be_lost(session, monkeypatch):
    """Where variables were not saved, the first print after a dispose says that they are lost."""
    monkeypatch.setattr("rxagent.executors.sandbox_variables._QUICK", -1)
    Ran(session, "x = 1")
    running = Running(session, "print('go')\nwhile True: pass")
    assert running.has_printed.wait(WATCHDOG)
    running.dispose()
    ran = Ran(session, "x")
    lost = "All variables of earlier code are lost. Assign them again."
    assert f"(The sandbox was replaced. {lost})\n" == ran.printed
    assert "name 'x' is not defined" in ran.error
    assert "" == Ran(session, "1").printed


def test_dispose_kills_what_waits_for_a_tool(session):
    """Disposing ends code that waits, and its call."""
    cancelled = threading.Event()

    async def wait() -> None:
        """Wait for ever."""
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    running = Running(session, "await wait()", functions_of(wait))
    assert running.has_printed.wait(WATCHDOG)
    worker = worker_of(session)
    running.dispose()
    assert cancelled.wait(WATCHDOG)
    assert worker.is_dead
    assert 2 == Ran(session, "1 + 1").value


@pytest.mark.parametrize("pause", [0, 0.0005, 0.001, 0.002, 0.004, 0.008])
def test_dispose_at_any_moment(session, pause):
    """However early it is disposed, nothing more is emitted, and the session goes on."""
    Ran(session, "x = 1")
    for _ in range(10):
        running = Running(session, "x = 2\nprint(x)\nx = 3\nwhile True: pass")
        threading.Event().wait(pause)
        running.dispose()
        seen = list(running.items)
        assert [CodeResult(1)] == Ran(session, "x").items
        assert seen == running.items
        assert running.error is None


def test_leaving_the_loop_disposes(session):
    """A `for` that is left kills the code."""
    for item in each(session.run("print(1)\nwhile True: pass", NONE)):
        assert "1\n" == item
        worker = worker_of(session)
        break
    wait_for(lambda: worker.is_dead)


def test_a_cancelled_task_disposes(session):
    """A task that loops over the code kills it when it is cancelled; other code may run at once."""

    async def main():
        printed = asyncio.Event()

        async def read():
            async for _ in each(session.run("print(1)\nwhile True: pass", NONE)):
                printed.set()

        task = asyncio.create_task(read())
        await asyncio.wait_for(printed.wait(), WATCHDOG)
        worker = worker_of(session)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [CodeResult(1)] == [item async for item in each(session.run("1", NONE))]
        return worker

    worker = asyncio.run(main())
    wait_for(lambda: worker.is_dead)


def test_the_loop_is_not_held(session):
    """While code computes, the loop of its run does other work."""

    async def main():
        ticks = 0
        async for _ in each(session.run("x = 0\nwhile x < 300000: x += 1", NONE)):
            break
        items = []
        reading = asyncio.create_task(
            collect(session.run("x = 0\nwhile x < 10**6: x += 1", NONE), items)
        )
        while not reading.done():
            ticks += 1
            await asyncio.sleep(0.001)
        return ticks

    async def collect(source, items):
        async for item in each(source):
            items.append(item)

    assert asyncio.run(main()) > 5


def test_close_kills_what_runs(session):
    """Closing a session whose code runs ends the code with an error."""
    running = Running(session, "print(1)\nwhile True: pass")
    assert running.has_printed.wait(WATCHDOG)
    worker = worker_of(session)
    session.close()
    assert running.is_over.wait(WATCHDOG)
    assert worker.is_dead
    assert "the sandbox's process ended" in str(running.error)


def test_a_dead_process_is_replaced(session):
    """When the process dies, the model reads that, and the next code runs in another one."""
    Ran(session, "x = 1")
    running = Running(session, "x = 2\nprint('go')\nwhile True: pass")
    assert running.has_printed.wait(WATCHDOG)
    os.kill(worker_of(session).pid, signal.SIGKILL)
    assert running.is_over.wait(WATCHDOG)
    assert str(running.error).startswith("RuntimeError: the sandbox's process ended while the code")
    assert str(running.error).endswith("\nThe variables are as they were before this code.")
    assert 1 == Ran(session, "x").value


def test_a_process_that_dies_between_two_pieces_is_replaced(session):
    """When the process dies while nothing runs, the next piece of code says so."""
    Ran(session, "x = 1")
    pid = worker_of(session).pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_there(pid))
    assert "the sandbox's process ended" in Ran(session, "x").error
    assert 1 == Ran(session, "x").value


@pytest.mark.parametrize("code", ["while True: pass", "import time\ntime.sleep(9)", "await wait()"])
def test_what_was_killed_is_freed(session, code):
    """Nothing refers to code that was killed, so its process does not stay as a zombie."""

    async def wait() -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    running = Running(session, f"print('go')\n{code}", functions_of(wait))
    assert running.has_printed.wait(WATCHDOG)
    pid = worker_of(session).pid
    code = weakref.ref(session._running)
    running.dispose()
    Ran(session, "1")

    def is_gone():
        gc.collect()
        return code() is None and not Path(f"/proc/{pid}").exists()

    wait_for(is_gone)


# The pool


def test_processes_are_used_again():
    """A session that is closed leaves its process to the next one, without its variables."""
    pids = set()
    for _ in range(3):
        session = EXECUTOR.open({})
        assert "not defined" in Ran(session, "x").error
        Ran(session, "x = 1")
        pids.add(worker_of(session).pid)
        session.close()
    assert 1 == len(pids)


def test_an_idle_process_that_dies_is_replaced():
    """A process that dies while it is idle harms no session."""
    session = EXECUTOR.open({})
    Ran(session, "1")
    pid = worker_of(session).pid
    session.close()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_there(pid))
    session = EXECUTOR.open({})
    assert 2 == Ran(session, "1 + 1").value
    session.close()


def test_a_session_closed_at_any_moment_has_no_process():
    """A session that is closed while its first code begins keeps no process."""
    before = WORKERS.in_use
    for pause in (0, 0.0005, 0.001, 0.002, 0.004):
        session = EXECUTOR.open({})
        running = Running(session, "while True: pass")
        threading.Event().wait(pause)
        session.close()
        assert running.is_over.wait(WATCHDOG)
        assert running.error is not None
    wait_for(lambda: WORKERS.in_use == before)


def test_opening_starts_nothing():
    """A session has a process from its first piece of code on."""
    before = WORKERS.in_use
    session = EXECUTOR.open({"x": 1})
    assert before == WORKERS.in_use
    assert 1 == Ran(session, "x").value
    assert before + 1 == WORKERS.in_use
    session.close()
    assert before == WORKERS.in_use


def test_a_session_that_is_dropped_is_closed():
    """A session that nothing refers to gives its process back."""
    before = WORKERS.in_use
    session = EXECUTOR.open({})
    Ran(session, "1")
    del session
    assert before == WORKERS.in_use


def test_limits_are_those_of_the_session():
    """A process that is used again has the limits of its new session."""
    pids = []
    for seconds in (5, 0.1):
        session = SandboxExecutor(Limits(seconds=seconds)).open({})
        Ran(session, "1")
        pids.append(worker_of(session).pid)
        if seconds < 1:
            assert "longer than 0.1 s" in Ran(session, "while True: pass").error
        session.close()
    assert pids[0] == pids[1]


def test_idle_processes_end():
    """A process that is idle for some time ends, one after the other."""
    pool = WorkerPool(idle=0.05)
    workers = [pool.take() for _ in range(3)]
    for worker in workers:
        worker.start({})
    pids = [worker.pid for worker in workers]
    assert (3, 3) == (pool.size, pool.in_use)
    for worker in workers[:2]:
        pool.give(worker)
    assert 1 == pool.in_use
    wait_for(lambda: pool.size == 1)
    assert is_there(pids[2])
    pool.close()
    wait_for(lambda: not any(map(is_there, pids)))


def test_few_idle_processes_are_kept():
    """Of many idle processes the oldest end at once."""
    pool = WorkerPool(most_idle=2)
    workers = [pool.take() for _ in range(4)]
    for worker in workers:
        worker.start({})
        pool.give(worker)
    assert [True, True, False, False] == [worker.is_dead for worker in workers]
    assert 2 == pool.size
    assert workers[3] is pool.take()
    pool.close_idle()
    assert workers[2].is_dead
    pool.close()


def test_killing_twice_does_nothing():
    """A process that was killed is not killed again, as its number may be another's."""
    worker = Worker()
    worker.start({})
    worker.kill()
    worker.kill()
    assert worker.is_dead


def test_many_sessions_at_once():
    """More sessions than threads run, wait for tools, and nest without a deadlock."""

    async def main():
        async def run(number):
            session = EXECUTOR.open({"n": number})

            async def nested(n: int) -> int:
                """Run code in a session of its own."""
                inner = EXECUTOR.open({"n": n})
                try:
                    return [item async for item in each(inner.run("n * 2", NONE))][-1].value
                finally:
                    inner.close()

            functions = functions_of(nested)
            try:
                items = [item async for item in each(session.run("await nested(n) + 1", functions))]
                return items[-1].value
            finally:
                session.close()

        return await asyncio.gather(*map(run, range(40)))

    assert [2 * number + 1 for number in range(40)] == asyncio.run(main())


# The end of the program, and forks


def program(text, *, timeout=30):
    """Run a program in a process of its own, and return its output."""
    start = """
    from rxagent.executors import Functions, SandboxExecutor
    from rxagent.executors.sandbox_workers import WORKERS
    from rxagent.streams import each
    NONE = Functions(frozenset(), frozenset(), None)
    def run(session, code):
        return list(each(session.run(code, NONE)))[-1].value
    """
    code = textwrap.dedent(start) + textwrap.dedent(text)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert 0 == done.returncode, done.stderr
    assert "" == done.stderr
    return done.stdout.split()


def test_none_is_left_at_exit():
    """A program that ends leaves no process, also of sessions that it never closed."""
    pids = program("""
        one, other, third = (SandboxExecutor().open({}) for _ in range(3))
        print(*(run(s, "1") and s._variables._worker.pid for s in (one, other, third)))
        one.close()
        running = third.run("while True: pass", NONE).subscribe()
        running.dispose()
    """)
    assert 3 == len(pids)
    wait_for(lambda: not any(is_there(int(pid)) for pid in pids))


def test_a_program_waits_for_its_code():
    """A script that ends while its code runs waits for it, as for all runs."""
    output = program("""
        session = SandboxExecutor().open({})
        session.run("x = 0\\nwhile x < 10**5: x += 1\\nx", NONE).subscribe(print)
    """)
    assert "CodeResult(value=100000," == output[0]


def test_none_is_left_when_the_program_is_killed():
    """A program that is killed leaves no process: idle ones end at once, others at their limit."""
    code = """
    from rxagent.executors import *
    from rxagent.streams import each
    import os, signal
    none = Functions(frozenset(), frozenset(), None)
    executor = SandboxExecutor(Limits(seconds=0.5))
    idle, busy = executor.open({}), executor.open({})
    for session in (idle, busy):
        list(each(session.run("1", none)))
    print(*(session._variables._worker.pid for session in (idle, busy)), flush=True)
    for item in each(busy.run("print(1)\\nwhile True: pass", none)):
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert -signal.SIGKILL == done.returncode
    pids = done.stdout.split()
    assert 2 == len(pids)
    wait_for(lambda: not any(is_there(int(pid)) for pid in pids))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_its_own():
    """After a fork, parent and child go on, each with processes of its own."""
    assert ["child", "3", "1", "parent", "2", "1", "same"] == program("""
        import os, warnings
        warnings.simplefilter("ignore")
        session = SandboxExecutor().open({"x": 1})
        run(session, "y = x")
        pid = session._variables._worker.pid
        idle = SandboxExecutor().open({})
        run(idle, "1")
        idle.close()
        child = os.fork()
        if not child:
            assert WORKERS.size == 0
            own = SandboxExecutor().open({"x": 2})
            print("child", run(own, "x + 1"), end=" ")
            copy = SandboxExecutor().open({}, session.save())
            print(run(copy, "y"), flush=True)
            raise SystemExit
        os.waitpid(child, 0)
        same = "same" if pid == session._variables._worker.pid else "another"
        print("parent", run(session, "x + 1"), run(session, "y"), same)
    """)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_session_of_the_parent_goes_on_in_a_child():
    """A session that a forked child inherits goes on in a process of the child's own."""
    assert ["child", "5", "parent", "5"] == program("""
        import os, warnings
        warnings.simplefilter("ignore")
        session = SandboxExecutor().open({})
        run(session, "x = 5")
        child = os.fork()
        if not child:
            print("child", run(session, "x"), flush=True)
            run(session, "x = 6")
            session.close()
            raise SystemExit
        os.waitpid(child, 0)
        print("parent", run(session, "x"))
    """)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_before_the_first_use():
    """A fork before the sandbox was used needs no copy of the library."""
    assert ["child", "2", "original", "parent", "2"] == program("""
        import os, warnings
        warnings.simplefilter("ignore")
        child = os.fork()
        who = "parent" if child else "child"
        if child:
            os.waitpid(child, 0)
        print(who, run(SandboxExecutor().open({}), "1 + 1"))
        if not child:
            import pydantic_monty._monty
            from rxagent.executors.sandbox_library import library
            same = library() is pydantic_monty._monty
            print("original" if same else "copy", flush=True)
    """)
