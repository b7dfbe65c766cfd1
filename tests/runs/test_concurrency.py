"""Runs behave alike on any loop, in any number, and with blocked viewers."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from textwrap import dedent

import pytest

from rxagent.events import FinalAnswer, StepStarted, TextDelta
from rxagent.runs import launch

from .watching import EVENTS, WATCHDOG, Feed, Seen, Stuck, joined, run_of, scheduler, streamed

pytestmark = pytest.mark.slow

# Where a program may be when it starts a run.


def as_a_script(program):
    """Do it in the main thread, where no loop runs."""
    return program()


def in_a_thread(program):
    """Do it in another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(program).result(WATCHDOG)


def in_a_running_loop(program):
    """Do it where a loop runs, as in a cell of a notebook."""

    async def cell():
        return program()

    return asyncio.run(cell())


def in_a_child(program):
    """Do it in a process that was forked from one that has had runs."""
    launch(streamed()).result(WATCHDOG)
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking where threads are
        child = os.fork()
    if not child:
        try:
            os.write(write, pickle.dumps(program()))
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        received = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    return received


PLACES = [as_a_script, in_a_thread, in_a_running_loop]
if hasattr(os, "fork"):
    PLACES.append(in_a_child)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_the_same_everywhere(place):
    """All observers receive the same, early or late, directly or with a queue."""

    def program():
        direct, queued, late = Seen(), Seen(), Seen()
        run = launch(streamed(), attach=[queued], scheduler=scheduler())
        run.subscribe(direct)
        answer = run.result(WATCHDOG)
        run.attach(late)
        received = [(viewer.end, joined(viewer.events)) for viewer in (direct, queued, late)]
        return (
            answer,
            run.status,
            run.state.text,
            received,
            joined(launch(streamed(), scheduler=scheduler())),
        )

    answer, status, text, received, read = place(program)

    assert ("two", "completed") == (answer, status)
    assert "".join(f"b{number} " for number in range(13)) == text
    assert [("completed", joined(EVENTS))] * 3 == received
    assert joined(EVENTS) == read


def test_the_same_under_asyncio():
    """Under asyncio a run is on the running loop, and watched from there and from threads."""

    async def main():
        direct, queued, on_loop = Seen(), Seen(), Seen()
        run = launch(streamed(), attach=[queued])
        run.attach(on_loop, on="loop")
        run.subscribe(direct)
        assert "two" == await run
        while not on_loop.ends:
            await asyncio.sleep(0)
        return direct, on_loop, queued

    direct, on_loop, queued = asyncio.run(main())

    assert ["completed"] * 3 == [viewer.end for viewer in (direct, on_loop, queued)]
    assert joined(EVENTS) == joined(direct.events) == joined(queued.events)
    assert EVENTS == on_loop.events
    here = threading.current_thread().name
    assert ({here}, {here}) == (direct.threads, on_loop.threads)
    assert {"rxagent-viewer"} == queued.threads


def test_a_thousand_runs():
    """A thousand runs at once all complete, and need few threads."""
    events = [StepStarted(1), *(TextDelta(f"{number} ") for number in range(60)), FinalAnswer(1)]
    before = set(threading.enumerate())
    threads = 0

    async def main():
        nonlocal threads
        received = [Seen() for _ in range(1_000)]
        queued = [Seen() for _ in range(100)]
        runs = [launch(streamed(events)) for _ in range(1_000)]
        for run, direct in zip(runs, received, strict=True):
            run.subscribe(direct)
        for run, viewer in zip(runs, queued, strict=False):
            run.attach(viewer)
        first = asyncio.ensure_future(asyncio.wait(map(asyncio.ensure_future, runs)))
        while not first.done():
            threads = max(threads, len(set(threading.enumerate()) - before))
            await asyncio.sleep(0.01)
        return runs, received, queued

    runs, received, queued = asyncio.run(main())

    assert {"completed"} == {run.status for run in runs}
    assert all(direct.events == events for direct in received)
    assert all(joined(viewer.events) == joined(events) for viewer in queued if viewer.end)
    assert threads < 20


# Viewers that block


def test_a_viewer_that_never_comes_back():
    """The run and all other viewers come to their ends beside viewers that are stuck."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    stuck = [Stuck() for _ in range(10)]
    try:
        for viewer in stuck:
            run.attach(viewer)
        feed.say(EVENTS[0])
        for viewer in stuck:
            viewer.wait_items(1)
        others = [Seen() for _ in range(10)]
        for viewer in others:
            run.attach(viewer)
        feed.say(*EVENTS[1:])
        feed.end()

        assert "two" == run.result(WATCHDOG)
        assert [("completed", EVENTS)] * 10 == [(viewer.end, viewer.events) for viewer in others]
        assert [[EVENTS[0]]] * 10 == [viewer.events for viewer in stuck]
    finally:
        for viewer in stuck:
            viewer.released.set()
    for viewer in stuck:
        assert "completed" == viewer.end


def test_leaving_does_not_wait_for_a_viewer():
    """A block around a run, and a program, end although a viewer is stuck in it."""
    program = dedent(
        """
        import threading
        import reactivex as rx
        from rxagent import launch
        from rxagent.events import FinalAnswer

        begun = threading.Event()
        stuck = lambda event: (begun.set(), threading.Event().wait())
        with launch(rx.of(FinalAnswer(2)), attach=[stuck]) as run:
            begun.wait()
            print(run.result())
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )

    assert (0, "2\n", "") == (done.returncode, done.stdout, done.stderr)


def test_a_program_ends_when_its_viewers_have_received_all():
    """A script whose last line starts a run shows all of it."""
    program = dedent(
        """
        import time
        import reactivex as rx
        from rxagent import launch
        from rxagent.events import TextDelta

        def show(event):
            time.sleep(0.01)
            print(event.text, flush=True)

        launch(rx.of(*map(TextDelta, "abc")), attach=[show])
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )

    assert (0, "a\nb\nc\n", "") == (done.returncode, done.stdout, done.stderr)


def test_a_thread_that_outlives_the_main_one_shows_all_of_its_runs():
    """Viewers receive everything also when their run was begun after the script's last line."""
    program = dedent(
        """
        import atexit, threading, time

        lingered, ended = threading.Event(), threading.Event()
        threading._register_atexit(lingered.set)
        from rxagent.streams import from_blocking

        atexit.register(ended.set)
        from rxagent import launch
        from rxagent.events import TextDelta

        def pieces():
            ended.wait()
            yield from map(TextDelta, "abc")

        def work():
            lingered.wait()
            launch(from_blocking(pieces), attach=[show])

        def show(event):
            time.sleep(0.01)
            print(event.text, flush=True)

        threading.Thread(target=work).start()
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )

    assert (0, "a\nb\nc\n", "") == (done.returncode, done.stdout, done.stderr)


def test_ctrl_c_while_viewers_receive_the_rest():
    """SIGINT after all runs have ended leaves the viewers, and the script dies of it, wordless."""
    program = dedent(
        """
        import atexit, os, signal, threading
        from rxagent.streams.process_end import at_script_end

        at_script_end(lambda: ended.set())
        ended = threading.Event()

        import reactivex as rx
        from rxagent import launch
        from rxagent.events import TextDelta

        def show(event):
            print(event.text, flush=True)
            ended.wait()
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait()

        atexit.register(print, "bye")
        launch(rx.of(*map(TextDelta, "abc")), attach=[show])
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )

    assert (-signal.SIGINT, "a\nbye\n", "") == (done.returncode, done.stdout, done.stderr)


def test_a_viewer_for_which_there_is_no_thread():
    """A viewer that cannot be notified is detached and reported; its run goes on."""
    program = dedent(
        """
        import reactivex as rx, sys, threading
        from rxagent import launch
        from rxagent.events import FinalAnswer
        from rxagent.streams import daemon_loop

        daemon_loop()
        threading.stack_size(1 << 46)
        run = launch(rx.of(FinalAnswer(2)), attach=[print])
        print(run.result())
        run.drain()
        run.faults.subscribe(lambda fault: print(fault.observer is print, fault.error))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )

    assert (0, "2\nTrue No thread can be had: can't start new thread.\n") == (
        done.returncode,
        done.stdout,
    )


def test_a_viewer_that_waits_for_its_run():
    """A viewer may wait for the end of its run; it receives the rest afterwards."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    answers = []

    def wait(event):
        if not answers:
            answers.append(run.result(WATCHDOG))

    waiting = Seen(wait)
    run.attach(waiting)
    feed.say(*EVENTS)
    waiting.wait_items(1)
    feed.end()

    assert "completed" == waiting.end
    assert (["two"], EVENTS) == (answers, waiting.events)


def test_runs_whose_viewers_wait_for_each_other():
    """Viewers of two runs may each wait for the other run."""
    runs = [launch(streamed(), scheduler=scheduler()) for _ in range(2)]
    answers = []
    viewers = [
        Seen(lambda event, other=other: answers.append(other.result(WATCHDOG)))
        for other in reversed(runs)
    ]
    for run, viewer in zip(runs, viewers, strict=True):
        run.attach(viewer)

    assert ["completed"] * 2 == [viewer.end for viewer in viewers]
    assert {"two"} == set(answers)


def test_runs_that_stop_each_other():
    """A run may be cancelled, and its viewers detached, from within another run, and back."""
    feeds = [Feed(), Feed()]
    runs = [launch(feed.source, scheduler=scheduler()) for feed in feeds]
    seen = Seen()
    places = [runs[0].attach(Seen()), runs[0].subscribe(Seen())]

    def stop(event):
        for place in places:
            place.dispose()
        runs[0].cancel("by the other")

    runs[0].subscribe(on_error=lambda error: runs[1].cancel("in return"))
    runs[1].subscribe(stop)
    runs[1].attach(seen)
    feeds[0].say(StepStarted(1))
    feeds[1].say(*EVENTS)

    assert ["cancelled"] * 2 == [run_of(run) for run in runs]
    assert "The run was cancelled: in return" == str(seen.end)
    assert EVENTS[: len(seen.events)] == seen.events


def test_letting_go_from_the_loops_thread():
    """Disposing and cancelling on the thread of the loop neither wait nor fail."""
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())
    with Stuck() as stuck:
        places = [run.attach(stuck, overflow="block", buffer=1), run.subscribe(Seen())]
        feed.say(*EVENTS[:5])
        stuck.wait_items(1)

        async def released():
            for place in places:
                place.dispose()
            run.cancel()
            return run.status

        gone = asyncio.run_coroutine_threadsafe(released(), feed.scheduler.loop)
        assert "cancelled" == gone.result(WATCHDOG)
        assert not feed.scheduler.is_held


def test_from_several_threads():
    """Runs that are started, watched and awaited from many threads at once all come through."""

    def use(_):
        run = launch(streamed())
        seen = Seen()
        run.attach(seen)
        return run.result(WATCHDOG), seen.end, joined(seen.events) == joined(EVENTS)

    with ThreadPoolExecutor(16) as pool:
        assert [("two", "completed", True)] * 200 == list(pool.map(use, range(200)))


def test_a_viewer_keeps_its_context():
    """A viewer is notified in the context in which it was attached."""
    user = ContextVar("user", default="unknown")
    users = []
    feed = Feed()
    run = launch(feed.source, scheduler=scheduler())

    def watch(event):
        users.append(user.get())

    def attach(name, on):
        user.set(name)
        run.attach(watch, on=on)

    threads = [
        threading.Thread(target=attach, args=arguments)
        for arguments in (("Ada", "thread"), ("Bob", "loop"))
    ]
    for thread in threads:
        thread.start()
        thread.join()
    ends = Seen(), Seen()
    run.attach(ends[0])
    run.attach(ends[1], on="loop")
    feed.say(StepStarted(1))
    feed.end()

    assert ["completed"] * 2 == [seen.end for seen in ends]
    assert ["Ada", "Bob"] == sorted(users)


@pytest.mark.soak
def test_ten_thousand_runs():
    """Ten thousand runs, a thousand at a time, leave nothing behind."""
    for _ in range(10):
        test_a_thousand_runs()
