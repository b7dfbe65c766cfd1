"""Virtual time: the order of everything, without waiting, and nothing left open."""

import asyncio
import threading
import warnings
from contextvars import ContextVar

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent.streams import RunScheduler, from_async, from_blocking, from_worker
from rxagent.streams.open_work import open_work
from rxagent.testing.clock import Restless, VirtualScheduler


@pytest.fixture
def scheduler():
    """Return virtual time that leaves nothing open."""
    before = open_work()
    with VirtualScheduler() as scheduler:
        yield scheduler
    assert before == open_work()


@pytest.fixture
def timed(scheduler):
    """Return a function that subscribes to a stream and lists what it emits, with the times."""

    def timed(stream):
        notes = []

        def note(kind):
            return lambda *value: notes.append((scheduler.clock, kind, *value))

        stream.subscribe(note("next"), note("error"), note("end"), scheduler=scheduler)
        return notes

    return timed


def test_the_clock_does_not_wait(scheduler, timed):
    """A stream that ticks once a day for a year ends at once."""
    notes = timed(rx.interval(86_400).pipe(rxo.take(365)))

    scheduler.run()

    assert (365 * 86_400.0, "next", 364) == notes[-2]
    assert 365 * 86_400.0 == scheduler.clock


def test_the_same_instant_keeps_its_order(scheduler):
    """Actions of one instant run in the order in which they were scheduled."""
    done = []
    for number in range(1000):
        scheduler.schedule_relative(0.1 + 0.2, lambda *_, number=number: done.append(number))

    scheduler.run()

    assert list(range(1000)) == done


def test_an_instant_holds_any_number_of_actions(scheduler):
    """A hundred thousand actions, each scheduled by the one before, take no virtual time."""
    left = 100_000

    def again(*_):
        nonlocal left
        left -= 1
        if left:
            scheduler.schedule_relative(0, again)

    scheduler.schedule_relative(1.0, again)
    scheduler.run()

    assert (0, 1.0) == (left, scheduler.clock)


@given(st.lists(st.floats(0, 1e6), max_size=20))
def test_time_is_rounded_to_microseconds(delays):
    """Each action runs at its own time, rounded to the microsecond, and in order."""
    done = []
    with VirtualScheduler() as scheduler:
        for delay in delays:
            scheduler.schedule_relative(
                delay, lambda *_, delay=delay: done.append((scheduler.clock, delay))
            )
        scheduler.run()

    assert [(round(delay, 6), delay) for _, delay in done] == done
    assert sorted(round(delay, 6) for delay in delays) == [clock for clock, _ in done]


def test_advancing_stops_on_the_dot(scheduler, timed):
    """Actions that are due by the second have run, later ones have not."""
    notes = timed(rx.timer(1.0, 1.0))

    scheduler.advance_to(2.0)
    assert [(1.0, "next", 0), (2.0, "next", 1)] == notes
    scheduler.advance_to(2.999)
    assert 2.999 == scheduler.clock
    assert 2 == len(notes)
    scheduler.advance_to(3.0)
    assert 3 == len(notes)


def test_time_does_not_run_backwards(scheduler):
    """A second that has passed is refused."""
    scheduler.advance_to(2.0)

    with pytest.raises(ValueError, match="backwards: 1 s is before 2"):
        scheduler.advance_to(1.0)


def test_now_follows_the_clock(scheduler):
    """The datetime of the scheduler and the seconds of its clock are one time."""
    scheduler.advance_to(1.5)

    assert 1.5 == scheduler.now.timestamp()


def test_the_clock_serves_rx_operators(scheduler, timed):
    """Operators of ReactiveX take their time from the scheduler that is passed at subscribe."""
    notes = timed(rx.interval(1.0).pipe(rxo.throttle_first(2.5), rxo.delay(0.25), rxo.take(2)))

    scheduler.run()

    assert [(1.25, "next", 0), (4.25, "next", 3), (4.25, "end")] == notes


def test_async_sources_live_in_virtual_time(scheduler, timed):
    """The sleep of an async generator is virtual, and its `finally` runs when it is disposed."""
    closed = []

    async def count():
        try:
            for number in range(10):
                await asyncio.sleep(30)
                yield number
        finally:
            await asyncio.sleep(1)
            closed.append(scheduler.clock)

    notes = timed(from_async(count).pipe(rxo.take(2)))
    scheduler.run()

    assert [(30.0, "next", 0), (60.0, "next", 1), (60.0, "end")] == notes
    assert [61.0] == closed


def test_sync_jobs_run_inline_at_their_instant(scheduler, timed):
    """A worker's job runs on the same thread, at its turn, and can be disposed midway."""
    threads = []

    def numbers():
        number = 0
        while True:
            threads.append(threading.current_thread())
            yield number
            number += 1

    notes = timed(rx.timer(2.0).pipe(rxo.flat_map(lambda _: from_worker(numbers)), rxo.take(3)))
    scheduler.run()

    assert [2.0] * 4 == [event[0] for event in notes]
    assert [threading.current_thread()] * 3 == threads


def test_a_job_sees_the_context_of_its_home():
    """Context variables are those of the code that made the scheduler."""
    user = ContextVar("user", default="unknown")
    seen = []
    token = user.set("Ada")
    with VirtualScheduler() as scheduler:
        user.reset(token)
        from_worker(lambda: [user.get()]).subscribe(seen.append, scheduler=scheduler)
        scheduler.run()

    assert ["Ada"] == seen


def test_a_held_run_pauses(scheduler, timed):
    """The timers of a held run pause, and continue where they stopped."""
    notes = timed(rx.timer(3.0))
    scheduler.advance_to(1.0)
    hold = scheduler.hold()
    scheduler.advance_to(10.0)
    hold.dispose()
    scheduler.run()

    assert [(12.0, "next", 0), (12.0, "end")] == notes


def test_a_held_run_keeps_its_order(scheduler):
    """Actions of one instant keep their order through a pause."""
    done = []
    for number in range(100):
        scheduler.schedule_relative(3.0, lambda *_, number=number: done.append(number))
    scheduler.advance_to(1.0)
    hold = scheduler.hold()
    scheduler.advance_to(10.0)
    hold.dispose()
    scheduler.run()

    assert (12.0, list(range(100))) == (scheduler.clock, done)


def test_what_a_job_emits_is_held(scheduler, timed):
    """A synchronous job takes no time, but its items wait while the run is held."""
    holds = []
    stream = from_worker(lambda: range(3)).pipe(
        rxo.do_action(lambda _: holds.append(scheduler.hold()))
    )

    notes = timed(stream)
    for seconds in (1, 2, 3):
        scheduler.advance_to(seconds)
        holds.pop().dispose()
    scheduler.run()

    assert [(0.0, 0), (1.0, 1), (2.0, 2)] == [(event[0], event[2]) for event in notes[:-1]]
    assert 3.0 == notes[-1][0]


def test_threads_are_refused(scheduler, timed):
    """A source that needs its own thread fails with a sentence."""
    notes = timed(from_blocking(lambda: [1]))

    scheduler.run()

    assert "There are no threads in virtual time." in str(notes[0][2])


def test_the_pool_of_threads_is_refused(scheduler, timed):
    """`asyncio.to_thread` fails with a sentence."""

    async def read():
        yield await asyncio.to_thread(len, "text")

    notes = timed(from_async(read))
    scheduler.run()

    assert "There are no threads in virtual time." in str(notes[0][2])


def test_a_foreign_thread_is_refused(scheduler):
    """A thread that was started nevertheless cannot reach the loop."""
    notes = []

    def knock():
        try:
            scheduler.call_on_loop(print)
        except RuntimeError as error:
            notes.append(str(error))

    thread = threading.Thread(target=knock)
    thread.start()
    thread.join(60)

    assert notes[0].startswith("There are no threads in virtual time.")


@pytest.mark.parametrize(
    ("what", "reach"),
    [
        ("sockets", lambda: asyncio.open_connection("127.0.0.1", 1)),
        ("sockets", lambda: asyncio.start_server(print, "127.0.0.1", 0)),
        ("sockets", lambda: asyncio.get_running_loop().getaddrinfo("localhost", 80)),
        ("processes", lambda: asyncio.create_subprocess_exec("true")),
        ("processes", lambda: asyncio.create_subprocess_shell("true")),
    ],
)
def test_the_world_outside_is_refused(scheduler, timed, what, reach):
    """Sockets and processes fail with a sentence that names them."""

    async def read():
        yield await reach()

    notes = timed(from_async(read))
    scheduler.run()

    assert f"There are no {what} in virtual time." in str(notes[0][2])


def test_what_a_subscriber_raises_is_raised(scheduler):
    """`run` raises the error of a subscriber."""
    rx.timer(1.0).subscribe(lambda _: 1 / 0, scheduler=scheduler)

    with pytest.raises(ZeroDivisionError):
        scheduler.run()


def test_what_a_task_raises_is_raised(scheduler):
    """`run` raises the error of a task that belongs to no stream."""

    async def fail():
        await asyncio.sleep(1)
        raise LookupError("nothing there")

    scheduler.spawn("task", fail)

    with pytest.raises(LookupError, match="nothing there"):
        scheduler.run()


def test_several_faults_are_raised_together(scheduler):
    """None of several faults hides another."""
    for error in (KeyError("a"), IndexError("b")):
        rx.timer(1.0).subscribe(lambda _, error=error: rx.throw(error).run(), scheduler=scheduler)

    with pytest.raises(ExceptionGroup) as raised:
        scheduler.run()
    assert [KeyError, IndexError] == [type(error) for error in raised.value.exceptions]


def test_a_stream_without_end_is_found(scheduler, timed):
    """A loop that never comes to rest is stopped; the error gives the time."""
    timed(rx.interval(1.0))

    with pytest.raises(Restless, match="within 100 turns of its loop; it is at"):
        scheduler.run(turns=100)


def test_leaving_cancels_what_is_open():
    """The end of the block cancels tasks, disposes timers and closes generators."""
    closed = []

    async def forever():
        try:
            while True:
                await asyncio.sleep(1)
                yield
        finally:
            await asyncio.sleep(1)
            closed.append("generator")

    before = open_work()
    with warnings.catch_warnings(), VirtualScheduler() as scheduler:
        warnings.simplefilter("error")
        from_async(forever).subscribe(scheduler=scheduler)
        scheduler.schedule_relative(100.0, lambda *_: closed.append("never"))
        scheduler.advance_to(2.5)

    assert ["generator"] == closed
    assert before == open_work()
    assert scheduler.loop.is_closed()
    scheduler.close()


def test_leaving_by_an_error_raises_that_error():
    """A block that fails raises its own error, not one that followed from it."""

    def block():
        with VirtualScheduler() as scheduler:
            scheduler.run_serialized(lambda: 1 / 0)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        block()


def test_a_home_made_in_virtual_time_shares_its_loop(scheduler):
    """A run scheduler that is made while virtual time runs uses the same loop."""
    loops = []
    scheduler.schedule(lambda *_: scheduler.call_on_loop(lambda: loops.append(RunScheduler().loop)))
    scheduler.run()

    assert [scheduler.loop] == loops
