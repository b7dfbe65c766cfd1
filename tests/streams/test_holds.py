"""Runs that are held, and runs that are held because those that follow them are."""

import asyncio
import threading
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent, each, launch, tool
from rxagent import operators as ops
from rxagent.events import Finish, ToolCallDelta
from rxagent.streams import RunScheduler, daemon_loop

from ..meanwhile import meanwhile
from .recorder import WATCHDOG

_RUNS = 5
_runs = st.integers(0, _RUNS - 1)
_steps = st.one_of(
    st.tuples(st.just("hold"), _runs),
    st.tuples(st.just("follow"), _runs, _runs),
    st.tuples(st.sampled_from(["release", "leave"]), st.integers(0, 20)),
)


def reached(holds, following):
    """Return the runs that are held: the plain definition."""
    held = set(holds)
    while more := {other for one, other in following if one in held} - held:
        held |= more
    return held


@given(st.lists(_steps, max_size=30))
def test_a_run_is_held_as_long_as_one_that_follows_it(steps):
    """However often runs follow each other, in circles too, and whichever hold ends first."""

    async def run():
        runs = [RunScheduler() for _ in range(_RUNS)]
        holds, following = [], []
        for what, *which in steps:
            if what == "hold":
                holds.append((which[0], runs[which[0]].hold()))
            elif what == "follow":
                one, other = which
                following.append(((one, other), runs[one].follows(runs[other])))
            elif kept := holds if what == "release" else following:
                kept.pop(which[0] % len(kept))[1].dispose()
            expected = reached([one for one, _ in holds], [pair for pair, _ in following])
            assert expected == {place for place, run in enumerate(runs) if run.is_held}
        for _, left in [*holds, *following]:
            left.dispose()
        assert not any(run.is_held for run in runs)

    asyncio.run(run())


@pytest.mark.parametrize("seed", range(5))
def test_threads_that_hold_and_follow_at_once_leave_nothing_held(seed):
    """Whatever the order is, the last disposal of all lets all runs go on."""
    runs = [RunScheduler() for _ in range(_RUNS)]

    def work(random):
        for _ in range(60):
            one, other = random.choices(runs, k=2)
            kept = [one.follows(other), other.hold(), other.follows(one)]
            random.shuffle(kept)
            for disposable in kept:
                disposable.dispose()

    threads = [
        threading.Thread(target=work, args=(Random(10 * seed + place),)) for place in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WATCHDOG)

    for run in runs:
        assert resumed(run)


def resumed(run):
    """Return whether a run goes on, now or soon."""
    gone_on = threading.Event()
    run.when_resumed(gone_on.set)
    return gone_on.wait(WATCHDOG)


def test_a_change_within_another_one_is_not_lost():
    """A finaliser or a signal handler may hold, follow and release at any step of another one."""
    has_reached_all, step = False, 0
    while not has_reached_all:
        step += 1
        one, other = RunScheduler(), RunScheduler()

        def change(one=one, other=other):
            following, hold = one.follows(other), one.hold()
            hold.dispose()
            following.dispose()

        def act(one=one, other=other):
            following, hold = other.follows(one), other.hold()
            following.dispose()
            hold.dispose()

        has_reached_all = not meanwhile(change, step, act)
        assert resumed(one)
        assert resumed(other)


class Noting(RunScheduler):
    """A scheduler that notes when it is held."""

    def __init__(self, loop):
        super().__init__(loop)
        self.was_held = threading.Event()

    def on_held(self):
        super().on_held()
        self.was_held.set()


@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "stopped"])
def test_a_loop_that_does_not_turn_holds_no_run_of_another_one(is_closed):
    """The run goes on while that loop is stopped, and for ever when it is closed."""
    loop, run = asyncio.new_event_loop(), Noting(daemon_loop())

    async def hold():
        follower = RunScheduler()
        return follower.hold(), follower.follows(run)

    async def held_again():
        run.was_held.clear()
        assert await asyncio.to_thread(run.was_held.wait, WATCHDOG)

    kept = loop.run_until_complete(hold())
    assert run.was_held.wait(WATCHDOG)
    if is_closed:
        loop.close()
    assert resumed(run)

    if not is_closed:
        loop.run_until_complete(held_again())
        for disposable in kept:
            disposable.dispose()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        assert resumed(run)


@pytest.mark.parametrize("held", ["writer", "reviewer", "viewer"])
def test_two_runs_that_read_each_other_go_on(held):
    """One has the other's answer as its inbox, and is read by a tool of the other."""
    has_begun, is_reviewed = threading.Event(), asyncio.Event()

    @tool
    def read_on():
        """Wait for what the writer writes."""
        has_begun.wait(WATCHDOG)
        return writer.pipe(ops.text(), rxo.take(20), rxo.last())

    async def review(request):
        if request.messages[-1].role == "tool":
            yield "Make it shorter."
        else:
            yield ToolCallDelta(0, "c", "read_on", "{}")
            yield Finish("tool_calls")

    async def write(request):
        if request.messages[-1].text.startswith("Make"):
            yield "Short."
            return
        while not is_reviewed.is_set():
            yield "and so on "
            await asyncio.sleep(0)

    reviewer = Agent(review, tools=[read_on]).start("Review.")
    reviewer.subscribe(lambda _: None, on_completed=is_reviewed.set)
    writer = Agent(write).start("Write.", inbox=reviewer.pipe(ops.answer()))
    runs = {"writer": writer, "reviewer": reviewer}
    if held in runs:
        runs[held].pause()
    else:
        writer.attach(lambda event: None, buffer=2, overflow="block")
    has_begun.set()
    if held in runs:
        runs[held].resume()

    assert ("Short.", "Make it shorter.") == (writer.result(WATCHDOG), reviewer.result(WATCHDOG))


async def nothing():
    """Let the loop turn."""


async def count(request):
    """A model of many words."""
    for number in range(3_000):
        yield f"{number} "
        if not number % 100:
            await asyncio.sleep(0)


@pytest.mark.parametrize("how", ["a slow reader", "a paused run"])
def test_a_run_outlives_the_loop_of_what_reads_it(how):
    """What held it is gone with that loop, and could not release it."""
    run, kept = Agent(count).start("Count."), []
    has_read = asyncio.Event()

    async def read():
        async for _ in each(run.pipe(ops.text())):
            has_read.set()
            await asyncio.sleep(0)

    async def pause():
        outer = launch(run.pipe(ops.coalesce()))
        outer.subscribe(lambda _: has_read.set())
        kept.append(outer)
        await has_read.wait()
        outer.pause()

    loop = asyncio.new_event_loop()
    if how == "a slow reader":
        kept.append(loop.create_task(read()))
        loop.run_until_complete(has_read.wait())
    else:
        loop.run_until_complete(pause())

    assert run.result(WATCHDOG).startswith("0 1 2 ")

    for left in kept:
        left.cancel()
    loop.run_until_complete(asyncio.wait([*asyncio.all_tasks(loop), loop.create_task(nothing())]))
    loop.close()
