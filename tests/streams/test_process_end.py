"""The process's own loop: scripts live as long as their runs, and end as they should."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
import reactivex as rx

from rxagent.streams import (
    RunScheduler,
    daemon_loop,
    from_async,
    from_callback,
    is_daemon_loop,
    last,
)
from rxagent.streams.background_loop import on_daemon_loop
from rxagent.streams.open_work import OpenWork, open_work

from .recorder import WATCHDOG, Recorder, Upstream

pytestmark = pytest.mark.slow

HEAD = """
import asyncio, os, signal, sys, threading, time
import reactivex as rx
import reactivex.operators as rxo
from rxagent.streams import *

def say(*words):
    os.write(1, " ".join(map(str, words)).encode() + b"\\n")

async def ticks():
    try:
        for number in range(3):
            await asyncio.sleep(0.01)
            yield number
    finally:
        say("closed")

async def silence():
    try:
        say("begun")
        await asyncio.sleep(60)
        yield
    finally:
        await asyncio.sleep(0)
        say("closed")
"""


@pytest.fixture
def script(tmp_path):
    """Return a function that starts a script, in which every warning is an error."""
    started = []

    def script(source):
        file = tmp_path / "script.py"
        file.write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-X", "dev", str(file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        started.append(process)
        return process

    yield script
    for process in started:
        process.kill()
        process.communicate()


def ended(process):
    """Wait for a script, and return its exit code and what it has said on both streams."""
    out, err = process.communicate(timeout=30)
    err = re.sub(r"Executing <.*> took .* seconds\n", "", err)  # asyncio's word on a busy machine
    return process.returncode, out.split(), err


def said(process, word):
    """Wait until a script has said a word."""
    assert f"{word}\n" == process.stdout.readline()


def test_a_script_lives_until_its_runs_have_ended(script):
    """A script whose last line is `subscribe` prints all, and leaves nothing to warn of."""
    process = script("from_async(ticks).subscribe(say, on_completed=lambda: say('done'))")

    assert (0, ["0", "1", "2", "closed", "done"], "") == ended(process)


@pytest.mark.parametrize(
    "stream",
    [
        "from_worker(lambda: iter([1, 2]))",
        "from_blocking(lambda: iter([1, 2]))",
        "from_callback(lambda emit, _: [emit(1), emit(2)])",
        "rx.timer(0.01).pipe(rxo.flat_map(from_worker(lambda: iter([1, 2]))))",
    ],
)
def test_threads_may_begin_after_the_last_line(script, stream):
    """What a run needs threads for it gets also when the script's own code is over."""
    process = script(f"run_scoped({stream}).subscribe(say)")

    assert (0, ["1", "2"], "") == ended(process)


@pytest.mark.parametrize(
    "late", ["rxo.delay(0.1)", "rxo.sample(0.1)", "rxo.flat_map(lambda piece: rx.timer(0.1))"]
)
@pytest.mark.parametrize("then", [", ", ").pipe("])
@pytest.mark.parametrize("run", ['agent("x")', 'agent.start("x")'])
def test_what_operators_emit_late_belongs_to_the_run(script, run, then, late):
    """A script waits for what ReactiveX emits after the run to which its operators are piped."""
    process = script(
        f"""
        from rxagent import Agent
        from rxagent import operators as ops

        agent = Agent(lambda request: "5")
        {run}.pipe(ops.text(){then}{late}).subscribe(say, say, lambda: say("done"))
        """
    )

    code, out, err = ended(process)
    assert (0, "done", "") == (code, out[-1], err)
    assert 2 == len(out)


@pytest.mark.parametrize("run", ['agent("x")', 'agent.start("x")'])
@pytest.mark.parametrize(
    "made",
    [
        "shared = run.pipe(ops.text(), rxo.publish()); connect = shared.connect",
        "shared, _ = run.pipe(ops.text(), rxo.partition(bool)); connect = int",
    ],
    ids=["publish", "partition"],
)
def test_what_is_piped_to_a_shared_stream_belongs_to_the_run(script, run, made):
    """A script waits for what ReactiveX emits behind a stream that several may subscribe to."""
    process = script(
        f"""
        from rxagent import Agent
        from rxagent import operators as ops

        agent = Agent(lambda request: "5")
        run = {run}
        {made}
        shared.pipe(rxo.delay(0.1)).subscribe(say, say, lambda: say("done"))
        connect()
        """
    )

    assert (0, ["5", "done"], "") == ended(process)


@pytest.mark.parametrize("stream", ["from_worker", "from_blocking"])
def test_work_that_is_not_awaited_does_not_keep_a_script(script, stream):
    """A thread that is stuck in a source keeps no script once its subscription is disposed."""
    process = script(
        f"""
        import threading
        stuck = threading.Event()

        def open():
            stuck.set()
            threading.Event().wait()

        subscription = {stream}(open).subscribe(say)
        stuck.wait()
        subscription.dispose()
        """
    )

    assert (0, [], "") == ended(process)


@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), signal.SIGINT)"])
def test_a_script_waits_for_code_that_returns_once_it_is_disposed(script, end):
    """The thread of a callback's source leaves its library before the interpreter ends."""
    process = script(
        f"""
        begun = asyncio.Event()

        def work(emit, cancelled):
            while not cancelled():
                emit(0)
            time.sleep(0.5)  # in a library; the script ends meanwhile
            say("returned")

        async def main():
            subscription = from_callback(work).subscribe(lambda _: begun.set())
            await begun.wait()
            subscription.dispose()

        asyncio.run(main())
        {end}
        """
    )
    code, out, _ = ended(process)

    assert (-signal.SIGINT if end else 0, ["returned"]) == (code, out)


@pytest.mark.parametrize(
    "begin",
    [
        "last(from_async(ticks))",
        "from_blocking(list).subscribe(on_error=refused)",
        "from_worker(list).subscribe(on_error=refused)",
    ],
)
def test_what_could_not_begin_does_not_keep_a_script(script, begin):
    """A script that can start no thread gets an error, and ends."""
    process = script(
        f"""
        def refused(error):
            say("refused")

        daemon_loop()
        threading.stack_size(1 << 46)
        try:
            {begin}
        except RuntimeError as error:
            refused(error)
        """
    )

    assert (0, ["refused"], "") == ended(process)


def test_names_are_looked_up_after_the_last_line(script):
    """The loop's pool of threads, which asyncio looks names up in, serves until the runs end."""
    process = script(
        """
        async def look_up():
            await asyncio.sleep(0.1)
            yield bool(await asyncio.get_running_loop().getaddrinfo("localhost", 80))

        run_scoped(from_async(look_up)).subscribe(say)
        """
    )

    assert (0, ["True"], "") == ended(process)


def test_threads_of_the_program_may_use_the_loop_to_their_end(script):
    """A thread that outlives the main one still has its runs, also those it begins later."""
    process = script(
        """
        def work():
            threading.main_thread().join()
            for _ in range(2):
                say(*each(from_async(ticks)))

        threading.Thread(target=work).start()
        """
    )

    assert (0, ["closed", "0", "1", "2"] * 2, "") == ended(process)


def test_ctrl_c_cancels_what_a_script_lives_on_for(script):
    """SIGINT after the last line closes the source, and the script dies of it, with no word."""
    process = script(
        """
        import atexit
        from rxagent.streams.open_work import _changed

        def wait(seconds, wait=_changed.wait):
            _changed.wait = wait
            say("waits")
            wait(seconds)

        atexit.register(say, "bye")
        from_async(silence).subscribe(say, say, say)
        _changed.wait = wait
        """
    )
    assert {"begun\n", "waits\n"} == {process.stdout.readline() for _ in range(2)}

    process.send_signal(signal.SIGINT)

    assert (-signal.SIGINT, ["closed", "bye"], "") == ended(process)


def test_a_shell_sees_130(script, tmp_path):
    """To a shell, a script that Ctrl-C has ended is one that exits with 130."""
    script("from_async(silence).subscribe()").kill()
    shell = subprocess.run(
        ["sh", "-c", f'{sys.executable} -c "$0"; echo $?', HEAD + _INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert ["begun", "closed", "130"] == shell.stdout.split()


_INTERRUPTED = """
def interrupt(_):
    os.kill(os.getpid(), signal.SIGINT)

rx.timer(0.1).subscribe(interrupt, scheduler=RunScheduler())
from_async(silence).subscribe()
"""


RUN = """
from rxagent import launch
from rxagent.events import TextDelta, Usage
from rxagent.streams import idle_runs
from rxagent.streams.open_work import awaited_work

def show(event):
    say(event.text)

feed = rx.Subject()
source = from_async(ticks).pipe(rxo.ignore_elements(), rxo.concat(feed))

def after_the_wait_began(act, wait=idle_runs.IdleRuns.look):
    def look(self, loop):
        wait(self, loop)
        if all(work.run is not None for work in awaited_work(loop)):
            idle_runs.IdleRuns.look = wait
            act()

    idle_runs.IdleRuns.look = look

def feed_it():
    threading.Thread(target=lambda: (feed.on_next(TextDelta("fed")), feed.on_completed())).start()
"""


@pytest.mark.parametrize(
    "begin",
    [
        "launch(source).subscribe(show, say, lambda: say('done'))",
        "run_scoped(source).subscribe(show, say, lambda: say('done'))",
    ],
)
def test_a_script_waits_for_a_run_at_which_nothing_works(script, begin):
    """A run that waits for a thread of the program goes on to its end, hot or cold."""
    process = script(f"{RUN}\nafter_the_wait_began(feed_it)\n{begin}")

    assert (0, ["closed", "fed", "done"], "") == ended(process)


@pytest.mark.parametrize("end", ["run.resume()", "run.cancel('enough')"])
def test_a_script_waits_for_a_paused_run(script, end):
    """A run that is paused before its first event is resumed or cancelled after the last line."""
    process = script(
        f"""{RUN}
has_begun, is_paused = threading.Event(), threading.Event()

def fed(_):
    has_begun.set()
    is_paused.wait()
    return rx.of(TextDelta("fed"))

run = launch(rx.defer(fed))
run.subscribe(show, lambda error: say(error.reason), lambda: say('done'))
has_begun.wait()
run.pause()
is_paused.set()
after_the_wait_began(lambda: {end})
"""
    )
    expected = ["fed", "done"] if "resume" in end else ["enough"]

    assert (0, expected, "") == ended(process)


@pytest.mark.parametrize("on", ["thread", "loop"])
@pytest.mark.parametrize("is_late", [True, False])
def test_a_script_waits_for_what_viewers_have_not_received(script, on, is_late):
    """Also where the run has ended before, and where the loop is busy with something else."""
    process = script(
        f"""{RUN}
class Count:
    number = 0

    def on_next(self, event):
        self.number += 1
        for _ in range(3_000):
            pass

    def on_completed(self):
        say(self.number)

run = launch(rx.of(*[TextDelta("x"), Usage(1, 1)] * 1_000))
if {is_late}:
    asyncio.run_coroutine_threadsafe(run.wait(), daemon_loop()).result()
    daemon_loop().call_soon_threadsafe(time.sleep, 0.3)
run.attach(Count(), on={on!r}, overflow="fail", buffer=10_000)
"""
    )
    code, out, err = ended(process)

    assert (0, "") == (code, err)
    assert 1 == len(out)
    assert 0 < int(out[0]) <= 2_000


def test_a_script_waits_for_runs_that_viewers_start(script):
    """A viewer that receives the end of a run may start the next one, and so on."""
    process = script(
        f"""{RUN}
class Then:
    def __init__(self, number):
        self.number = number

    def on_completed(self):
        say(self.number)
        if self.number < 5:
            time.sleep(0.02)  # so that no run is open for a moment
            launch(source).attach(Then(self.number + 1))

source = from_async(ticks).pipe(rxo.ignore_elements())
launch(source).attach(Then(1))
"""
    )
    words = [word for number in range(1, 6) for word in ("closed", str(number))]

    assert (0, words, "") == ended(process)


def test_a_script_waits_for_a_run_that_its_viewer_holds(script):
    """A viewer with `overflow="block"` receives all events, and the run ends, after the script."""
    process = script(
        f"""{RUN}
def pieces():
    yield from map(TextDelta, "abcdef")

seen = []

def view(event):
    time.sleep(0 if seen else 0.8)  # the run is held meanwhile; nothing works for it
    seen.append(event.text)

run = launch(from_worker(pieces))
run.subscribe(lambda event: None, say, lambda: say('done'))
run.attach(view, buffer=1, overflow="block")
import atexit
atexit.register(lambda: say("".join(seen)))
"""
    )

    code, out, err = ended(process)
    assert (0, "done", "") == (code, out[0], err)
    assert "abcdef" == out[1]


@pytest.mark.parametrize(
    ("begin", "is_paused"), [("launch", False), ("launch", True), ("run_scoped", False)]
)
def test_a_script_says_that_it_waits_for_idle_runs(script, begin, is_paused):
    """A run that perhaps never ends is named, once, and Ctrl-C cancels it."""
    process = script(
        f"""{RUN}
idle_runs._PATIENCE = 0
run = {begin}(rx.never())
run.subscribe(say, lambda error: say(error.reason))
{"run.pause()" if is_paused else ""}
"""
    )
    word = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)

    status = "paused" if is_paused else "running"
    name = f"<Run: {status}, 0 events>" if begin == "launch" else "<Subscription of a stream>"
    assert word.startswith("the script has ended, and waits for idle runs")
    assert word.endswith(f"{name}\n")
    assert (-signal.SIGINT, ["interrupted"] if begin == "launch" else [], "") == (code, out, err)


@pytest.mark.parametrize(
    ("read", "name"),
    [
        ("run.attach(lambda _: full.wait(), buffer=1, overflow='block')", "<Run: running, "),
        (
            "in_thread(lambda: [full.wait() for _ in each(run.pipe(rxo.skip(0)))])",
            "<Run: running, ",
        ),
        ("in_thread(lambda: [full.wait() for _ in each(cold)])", "a stream that its reader holds"),
    ],
)
def test_a_script_says_that_it_waits_for_an_observer_without_room(script, read, name):
    """A run that an observer holds for ever is named, though its parts are open."""
    process = script(
        f"""{RUN}
idle_runs._PATIENCE = 0
full = threading.Event()

async def pieces():
    for number in range(10_000):
        yield TextDelta(str(number))

def in_thread(work):
    threading.Thread(target=work, daemon=True).start()

cold = run_scoped(from_async(pieces))
run = launch(cold) if "run" in {read!r} else None
{read}
time.sleep(0.3)
"""
    )
    word = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    ended(process)

    assert word.startswith("the script has ended, and waits for idle runs")
    assert name in word


WAITING = """
from rxagent import Agent, Workers, tool
from rxagent import operators as ops
from rxagent.events import TextDelta, ToolCallDelta
from rxagent.models import as_model

one = ops.concurrency(1)

async def slow(request):
    yield "begun"
    await asyncio.sleep(60)

async def calling(request):
    yield ToolCallDelta(0, "call_1", "ask", "{}")

def endless(request):
    while True:
        yield "more"

def begun(agent):
    run = agent.start("x")
    for event in run:
        if isinstance(event, TextDelta):
            return run

def paused(agent):
    run = begun(agent)
    run.pause()
    return run

@tool
def ask() -> str:
    \"\"\"Ask another agent.\"\"\"
    return paused(Agent(slow)).result()

few = Workers(1, spare=1, reserve=0)

def on_another_loop():
    async def main():
        started = Agent(model).start("x")
        started.subscribe(lambda event: isinstance(event, TextDelta) and ready.set())
        await started.wait()

    threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
    ready.wait()

model = as_model(slow).pipe(one)
ready = threading.Event()
"""


@pytest.mark.parametrize(
    ("wait", "names"),
    [
        ("paused(Agent(model)); Agent(model).start('x')", ["paused", "running"]),
        (
            "paused(Agent(model)); Agent(model.pipe(ops.concurrency(1))).start('x')",
            ["paused", "running"],
        ),
        ("Agent(calling, tools=[ask]).start('x')", ["running", "paused"]),
        (
            "agent = Agent(endless, workers=few)\npaused(agent), paused(agent), agent.start('x')",
            ["paused", "paused", "running"],
        ),
    ],
    ids=["place", "place within a place", "result", "thread"],
)
def test_a_script_says_that_its_runs_wait_for_each_other(script, wait, names):
    """A run that waits for what a paused one has is idle, too, since nothing works for it."""
    process = script(f"{RUN}\nidle_runs._PATIENCE = 0\n{WAITING}\n{wait}")
    word = next(line for line in process.stderr if line.startswith("the script has ended"))
    process.send_signal(signal.SIGINT)
    ended(process)

    assert names == re.findall("<Run: ([a-z]+), ", word)


@pytest.mark.parametrize(
    "begin",
    [
        "launch(from_async(silence)).subscribe(say)",
        "begun(Agent(model)); Agent(model).start('x')",
        "on_another_loop(); Agent(model).start('x')",
    ],
    ids=["alone", "with a place", "with a place on another loop"],
)
def test_nothing_is_said_while_a_run_works(script, begin):
    """A script that waits for a task of its runs is silent, however long that takes."""
    process = script(
        f"""{RUN}{WAITING}
idle_runs._PATIENCE = 0
{begin}
after_three = iter(range(3))

def look(self, loop, look=idle_runs.IdleRuns.look):
    look(self, loop)
    if next(after_three, None) is None:
        os.kill(os.getpid(), signal.SIGINT)

idle_runs.IdleRuns.look = look
"""
    )

    code, _, err = ended(process)
    assert (-signal.SIGINT, "") == (code, err)


def test_ctrl_c_within_the_script_cancels_its_runs(script):
    """SIGINT before the last line ends the runs, too, instead of waiting for them."""
    process = script("from_async(silence).subscribe(); time.sleep(60)")
    said(process, "begun")

    process.send_signal(signal.SIGINT)

    code, out, err = ended(process)
    assert (-signal.SIGINT, ["closed"]) == (code, out)
    assert err.endswith("KeyboardInterrupt\n")


@pytest.mark.parametrize(
    "begin", ["threading.Thread(target=work).start()", "ThreadPoolExecutor(1).submit(work)"]
)
def test_ctrl_c_cancels_a_run_that_a_thread_begins_after_the_script(script, begin):
    """SIGINT ends the wait for the program's own threads, and the runs that they have begun."""
    process = script(
        f"""
        from concurrent.futures import ThreadPoolExecutor
        from rxagent.streams import process_end

        def work():
            while not process_end._waited:
                time.sleep(0.01)
            for _ in each(from_async(silence)):
                pass

        from_async(ticks).subscribe()
        {begin}
        """
    )
    said(process, "closed")
    said(process, "begun")

    process.send_signal(signal.SIGINT)

    code, out, _ = ended(process)
    assert (-signal.SIGINT, ["closed"]) == (code, out)


@pytest.mark.parametrize("kept", ["", "kept = "])
def test_ctrl_c_while_a_loop_waits_for_a_thread(script, kept):
    """SIGINT ends a script whose `async for` waits for a plain function, also if that goes on."""
    process = script(
        f"""
        def work():
            say("begun")
            time.sleep(60)
            yield

        async def main():
            global kept
            items = aiter(each(run_scoped(from_worker(work))))
            {kept}items
            async for _ in items:
                pass

        asyncio.run(main())
        """
    )
    said(process, "begun")

    process.send_signal(signal.SIGINT)

    code, out, err = ended(process)
    assert (-signal.SIGINT, []) == (code, out)
    assert "KeyboardInterrupt\n" in err


def test_a_loop_that_is_dropped_when_the_interpreter_ends(script):
    """An iterator of a module is dropped when no thread can start any more, and nothing waits."""
    process = script(
        """
        def work():
            say("begun")
            while True:
                time.sleep(0.01)
                yield

        async def main():
            global items
            items = aiter(each(run_scoped(from_worker(work))))
            await anext(items)

        asyncio.run(main())
        """
    )

    code, out, _ = ended(process)
    assert (0, ["begun"]) == (code, out)


def test_ctrl_c_while_an_observer_runs_code_from_a_text(script):
    """CPython forgets the SIGINT that has ended a script when a text is run as code after it."""
    process = script(
        """
        from rxagent import Agent

        class Watching:
            def on_error(self, error):
                exec("1")
                say("received")

        async def endless(request):
            say("begun")
            await asyncio.sleep(60)
            yield ""

        Agent(endless).start("x", attach=[Watching()]).result()
        """
    )
    said(process, "begun")

    process.send_signal(signal.SIGINT)

    code, out, _ = ended(process)
    assert (-signal.SIGINT, ["received"]) == (code, out)


def test_ctrl_c_between_the_last_line_and_the_wait(script):
    """SIGINT that falls into Python's own shutdown, which swallows it, cancels all the same."""
    process = script(
        """
        def interrupt():
            os.read(read, 1)
            os.kill(os.getpid(), signal.SIGINT)

        async def silent():
            os.write(write, b"!")
            async for item in silence():
                yield item

        read, write = os.pipe()
        threading._register_atexit(interrupt)
        from_async(silent).subscribe()
        """
    )

    code, out, err = ended(process)
    assert (-signal.SIGINT, ["begun", "closed"]) == (code, out)
    assert err.endswith("KeyboardInterrupt: \n")


def test_ctrl_c_in_a_loop_over_a_stream(script):
    """SIGINT while a `for` waits raises there, and the source is closed."""
    process = script(
        """
        try:
            for _ in each(from_async(silence)):
                pass
        except KeyboardInterrupt:
            say("interrupted")
        """
    )
    said(process, "begun")

    process.send_signal(signal.SIGINT)

    code, out, err = ended(process)
    assert (0, ["closed", "interrupted"], "") == (code, sorted(out), err)


def test_a_loop_that_was_left_half_done_does_not_keep_a_script(script):
    """A `for` of the main thread does not go on once its script has ended."""
    process = script(
        """
        async def endless():
            try:
                while True:
                    yield "item"
            finally:
                say("closed")

        items = iter(each(from_async(endless)))
        say(next(items))
        """
    )

    assert (0, ["item", "closed"], "") == ended(process)


def test_an_exit_code_is_kept(script):
    """A script that leaves by `sys.exit` lives on for its runs, and exits as it said."""
    process = script("from_async(ticks).subscribe(say); sys.exit(3)")

    assert (3, ["0", "1", "2", "closed"], "") == ended(process)


def test_no_run_ends_the_shared_loop(script):
    """A subscriber that raises SystemExit on the loop's thread is logged; other runs go on."""
    process = script(
        """
        from_async(ticks).subscribe(on_completed=lambda: sys.exit(3))
        say(last(from_async(ticks)))
        """
    )

    code, out, err = ended(process)
    assert (0, ["closed", "closed", "2"]) == (code, sorted(out, reverse=True))
    assert "SystemExit: 3" in err


def test_a_forked_child_starts_empty(script):
    """A child of a program whose loop is in use has a loop of its own, and so has the parent."""
    process = script(
        """
        say(last(from_async(ticks)), last(from_worker(lambda: [7])))
        running = from_async(silence).subscribe()
        child = os.fork()
        if child == 0:
            say(last(from_async(ticks)), last(from_worker(lambda: [7])))
            from_async(ticks).subscribe()
        else:
            assert os.waitpid(child, 0)[1] == 0
            say("parent", last(from_async(ticks)))
            running.dispose()
        """
    )

    code, out, err = ended(process)
    assert (0, "") == (code, err)
    assert ["2", "7", "begun"] == [word for word in out if word != "closed"][:3]
    assert ["2", "7", "parent", "2"] == [word for word in out if word != "closed"][3:]
    assert 5 == out.count("closed")


def test_a_child_of_multiprocessing_starts_empty(script):
    """Processes of a forking pool run streams, while the parent's loop is in use."""
    process = script(
        """
        import multiprocessing

        def count(_):
            return last(from_async(ticks))

        if __name__ == "__main__":
            last(from_async(ticks))
            pool = multiprocessing.get_context("fork").Pool(2)
            with pool:
                say(sum(pool.map(count, range(4))))
                pool.close()
                pool.join()
        """
    )

    code, out, err = ended(process)
    assert (0, "8", "") == (code, out[-1], err)


def test_there_is_one_loop():
    """All threads are given the same loop, also when they ask for it first at the same time."""
    loops, ready = [], threading.Barrier(8)

    def ask():
        ready.wait(WATCHDOG)
        loops.append(daemon_loop())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WATCHDOG)

    assert 1 == len(set(loops))
    assert is_daemon_loop(loops[0])
    assert not on_daemon_loop()
    assert last(from_async(lambda: _asked(on_daemon_loop)))


async def _asked(question):
    yield question()


def test_open_work_is_known_by_name():
    """What is open is listed until it ends: sources, timers, and other work."""
    before, scheduler, upstream, received = (
        open_work(),
        RunScheduler(),
        Upstream(silent_at=0),
        Recorder(),
    )
    knitting = OpenWork("knitting", scheduler.loop, print)
    timer = rx.timer(60).subscribe(scheduler=scheduler)
    source = from_async(upstream.asynchronously).subscribe(received)
    upstream.wait_reads(1)
    assert ["knitting", "rxagent-source", "timer"] == sorted(
        work.name for work in open_work()[len(before) :]
    )

    knitting.close()
    knitting.close()
    timer.dispose()
    source.dispose()
    upstream.wait_closed()
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.001), daemon_loop()).result(WATCHDOG)

    assert before == open_work()


def test_work_that_ends_between_the_end_of_a_loop_and_its_closing_is_closed():
    """A thread may end when its loop has stopped, and so can note it no more."""
    before, begun, go = open_work(), threading.Event(), threading.Event()
    loop = asyncio.new_event_loop()

    def work(emit, cancelled):
        begun.set()
        go.wait(WATCHDOG)

    async def start():
        from_callback(work).subscribe(Recorder(), scheduler=RunScheduler())
        await asyncio.to_thread(begun.wait, WATCHDOG)
        await loop.shutdown_default_executor()

    loop.run_until_complete(start())
    reader = next(each for each in threading.enumerate() if each.name == "rxagent-source")
    go.set()
    reader.join(WATCHDOG)
    assert ["rxagent-source"] == [work.name for work in open_work()[len(before) :]]

    loop.close()

    assert before == open_work()


def test_asyncio_leaves_no_trace():
    """A program under `asyncio.run` needs no other loop, and its streams end with it."""

    async def main():
        received = Recorder()
        from_async(Upstream().asynchronously).subscribe(received)
        while not received.ends:
            await asyncio.sleep(0)
        return received.items

    assert [0, 1, 2, 3, 4] == asyncio.run(main())
