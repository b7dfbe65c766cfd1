"""The run scheduler: it runs actions one after the other, stops timers, and holds the run."""

import asyncio
import threading
import time
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo
from reactivex.scheduler import VirtualTimeScheduler

from rxagent.streams import RunScheduler, daemon_loop, from_async, from_worker, holds, run_scoped
from rxagent.streams.open_work import open_work
from rxagent.testing.clock import VirtualScheduler

from ..meanwhile import meanwhile
from .recorder import SOURCES, WATCHDOG, Recorder, Upstream


def together(*jobs):
    """Do several jobs at the same time, each on a thread of its own."""
    ready = threading.Barrier(len(jobs))

    def begin(job):
        ready.wait(WATCHDOG)
        job()

    threads = [threading.Thread(target=begin, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WATCHDOG)
        assert not thread.is_alive()


# The queue


@given(
    st.lists(
        st.lists(st.sampled_from(["do", "raise", "again", "yield"]), max_size=30),
        min_size=8,
        max_size=8,
    )
)
def test_actions_of_many_threads_are_serial(plans):
    """Actions run one at a time on the loop's thread; each thread's keep their order, all run."""
    scheduler, inside, done, threads = RunScheduler(), threading.Lock(), [], set()
    scheduler.owns(rx.empty().subscribe(), lambda _: None)

    def act(owner, number, what):
        assert inside.acquire(blocking=False)
        threads.add(threading.current_thread().name)
        done.append((owner, number))
        if what == "again":
            scheduler.run_serialized(act, owner, -number, "do")
            assert (owner, -number) != done[-1]
        if what == "yield":
            time.sleep(0)
        inside.release()
        if what == "raise":
            raise LookupError

    def enter(owner, plan):
        for number, what in enumerate(plan, start=1):
            scheduler.run_serialized(act, owner, number, what)

    together(*(lambda w=owner, p=plan: enter(w, p) for owner, plan in enumerate(plans)))
    drained(scheduler)

    assert threads <= {"rxagent-loop"}
    for owner, plan in enumerate(plans):
        mine = [number for actor, number in done if actor == owner]
        again = [number for number, what in enumerate(plan, start=1) if what == "again"]
        assert list(range(1, len(plan) + 1)) == [number for number in mine if number > 0]
        assert again == [-number for number in mine if number < 0]


def drained(scheduler):
    """Wait until all actions have run that are queued by now, and those that they queue."""
    for _ in range(2):
        over = threading.Event()
        scheduler.post(over.set)
        assert over.wait(WATCHDOG)


def test_actions_within_actions_come_after():
    """Actions scheduled within an action run after it, in order."""
    scheduler, done = RunScheduler(), []

    def outer():
        scheduler.run_serialized(done.append, "first")
        scheduler.schedule(lambda *_: done.append("second"))
        scheduler.run_serialized(done.append, "third")
        done.append("outer")

    scheduler.run_serialized(outer)
    drained(scheduler)

    assert ["outer", "first", "second", "third"] == done


def test_on_the_loop_an_action_runs_at_once():
    """On the loop's thread nothing waits for a turn of the loop, but what is posted."""

    async def main():
        scheduler, done = RunScheduler(), []
        scheduler.run_serialized(done.append, "at once")
        scheduler.post(done.append, "later")
        done.append("here")
        await asyncio.sleep(0)
        return done

    assert ["at once", "here", "later"] == asyncio.run(main())


def test_actions_within_actions_need_no_stack():
    """A chain of a hundred thousand actions, each scheduled by the one before, is a loop."""
    scheduler, left, over = RunScheduler(), 100_000, threading.Event()

    def again():
        nonlocal left
        left -= 1
        if left:
            scheduler.run_serialized(again)
        else:
            over.set()

    scheduler.run_serialized(again)

    assert over.wait(WATCHDOG)


def test_many_actions_leave_the_loop_its_turns():
    """What many actions take is taken in slices, between which others have their turn."""

    async def main():
        scheduler, done, beats = RunScheduler(), [], 0
        for number in range(2_000):
            scheduler.post(lambda number=number: (done.append(number), time.sleep(1e-5)))
        while len(done) < 2_000:
            await asyncio.sleep(0)
            beats += 1
        return done, beats

    done, beats = asyncio.run(main())
    assert list(range(2_000)) == done
    assert beats > 2


user = ContextVar("user", default="unknown")


def test_actions_run_in_the_context_of_the_run():
    """Actions run in the run's own context, whatever schedules them."""
    seen = []
    token = user.set("Ada")
    scheduler = RunScheduler(loop=daemon_loop())
    user.set("Bob")
    scheduler.run_serialized(lambda: seen.append(user.get()))
    together(lambda: scheduler.run_serialized(lambda: seen.append(user.get())))
    user.reset(token)
    drained(scheduler)

    assert ["Ada", "Ada"] == seen


@pytest.mark.parametrize(
    ("raising", "fault"),
    [
        (lambda: 1 / 0, "ZeroDivisionError('division by zero')"),
        (lambda: exit(3), "RunCancelled('A subscriber or an operator raised SystemExit: 3.')"),
        (
            lambda: raising(KeyboardInterrupt()),
            "RunCancelled('A subscriber or an operator raised KeyboardInterrupt.')",
        ),
        (
            lambda: raising(GeneratorExit()),
            "RunCancelled('A subscriber or an operator raised GeneratorExit.')",
        ),
    ],
    ids=["an error", "exit", "an interrupt", "the end of a generator"],
)
def test_a_fault_stops_nothing_but_its_run(raising, fault):
    """What an action raises disposes the run that the scheduler owns; other actions still run."""
    scheduler, run, faults, done = RunScheduler(), rx.never().subscribe(), [], []
    disposed = []
    scheduler.owns(rx.disposable.Disposable(lambda: disposed.append(run)), faults.append)

    def several():
        scheduler.run_serialized(raising)
        scheduler.run_serialized(done.append, "rest")

    scheduler.run_serialized(several)
    drained(scheduler)

    assert [fault] == list(map(repr, faults))
    assert (["rest"], [run]) == (done, disposed)


def raising(error):
    """Raise an error."""
    raise error


def test_a_run_that_cannot_be_disposed_still_ends():
    """What disposing raises, or reporting the fault, is logged, and stops nothing."""
    scheduler, faults = RunScheduler(), []
    scheduler.owns(rx.disposable.Disposable(lambda: 1 / 0), faults.append)
    scheduler.run_serialized(raising, LookupError())
    drained(scheduler)

    assert [LookupError] == list(map(type, faults))


def test_an_interrupt_loses_no_action():
    """Wherever Ctrl-C comes while an action is queued, each that is in the queue runs."""
    for step in range(1, 200):
        scheduler, ran = RunScheduler(loop=daemon_loop()), threading.Event()
        try:
            if not meanwhile(lambda h=scheduler, r=ran: h.post(r.set), step, interrupt):
                break
        except KeyboardInterrupt:
            queued = bool(scheduler._queue)
            assert not queued or ran.wait(WATCHDOG)
    assert step > 10


def interrupt():
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


def test_a_loop_that_is_gone_says_so():
    """On a closed loop, and on that of the process that has forked this one, nothing is queued."""

    async def main():
        return RunScheduler()

    scheduler = asyncio.run(main())

    assert (True, True) == (scheduler.is_lost, scheduler.is_stopped)
    assert not scheduler.post(lambda: None)
    done = []
    scheduler.post_or_run(done.append, "here")
    assert ["here"] == done


def test_a_thread_knows_whether_it_is_inside():
    """Only the loop's thread is ever inside, and only while it runs an action of the run."""
    scheduler, other = RunScheduler(loop=daemon_loop()), []

    def look():
        together(lambda: other.append(scheduler.is_inside))
        return scheduler.is_inside

    inside = []
    scheduler.run_serialized(lambda: inside.append(look()))
    drained(scheduler)

    assert ([True], [False]) == (inside, other)
    assert not scheduler.is_inside


# Where a run lives


def test_a_scheduler_is_made_where_the_run_is_subscribed():
    """A run's loop is the one that runs there; without one, it is the process's own."""

    async def main():
        return RunScheduler().loop is asyncio.get_running_loop()

    assert asyncio.run(main())
    assert daemon_loop() is RunScheduler().loop


@pytest.mark.parametrize("subscribing", ["plain", "asyncio"])
def test_a_run_begins_on_its_loop(subscribing):
    """A run's first step is made on the thread of its loop, so subscribing returns at once."""
    subscribed, threads = threading.Event(), []

    def begin(_):
        threads.append(threading.current_thread())
        return rx.of(subscribed.is_set())

    stream, received = run_scoped(rx.defer(begin)), Recorder()

    async def main():
        stream.subscribe(received)
        subscribed.set()
        await asyncio.sleep(0)

    if subscribing == "asyncio":
        asyncio.run(main())
        assert [threading.current_thread()] == threads
        assert [True] == received.items
    else:
        stream.subscribe(received)
        received.wait_end()
        assert ["rxagent-loop"] == [thread.name for thread in threads]


def test_a_run_within_a_run_shares_its_scheduler():
    """A subscription within a run is part of it; only the outermost gets a new scheduler."""
    schedulers = []

    def note(scheduler):
        schedulers.append(scheduler)
        return rx.of(1)

    inner = run_scoped(rx.defer(note))
    received = Recorder()
    run_scoped(
        rx.defer(lambda run_scheduler: schedulers.append(run_scheduler) or rx.concat(inner, inner))
    ).subscribe(received)

    received.wait_end()
    assert 3 == len(schedulers)
    assert 1 == len(set(schedulers))
    assert isinstance(schedulers[0], RunScheduler)


def test_subscriptions_have_their_own_schedulers():
    """Two subscriptions of one stream are two runs."""
    schedulers, several = [], [Recorder(), Recorder()]
    stream = run_scoped(rx.defer(lambda scheduler: schedulers.append(scheduler) or rx.of(1)))

    for received in several:
        stream.subscribe(received)

    assert [[1], [1]] == [received.wait_end() and received.items for received in several]
    assert 2 == len(set(schedulers))


def test_a_run_that_is_disposed_at_once_never_begins():
    """A run that is disposed before the loop has begun it does nothing."""
    begun, passed = [], threading.Event()

    async def main():
        stream = run_scoped(rx.defer(lambda _: begun.append(1) or rx.of(1)))
        stream.subscribe().dispose()
        asyncio.get_running_loop().call_soon(passed.set)
        await asyncio.sleep(0)

    asyncio.run(main())

    assert passed.is_set()
    assert [] == begun


def test_all_that_happens_in_a_run_is_serial():
    """Sources on a loop, on workers and on threads emit their items one after the other."""
    inside = threading.Lock()

    def alone(_):
        assert inside.acquire(blocking=False)
        time.sleep(0)
        inside.release()

    received = Recorder(alone)
    streams = [source(Upstream(length=50)) for source in SOURCES.values()] * 2
    run_scoped(rx.defer(lambda _: rx.merge(*streams))).subscribe(received)

    assert "completed" == received.wait_end()
    assert sorted([*range(50)] * 10) == sorted(received.items)


# The clock


@pytest.fixture
def scheduler():
    """Return a virtual run scheduler, which leaves nothing open."""
    with VirtualScheduler() as scheduler:
        yield scheduler


def test_real_timers_fire_in_order():
    """In real time, too, what is due earlier runs earlier, from any thread."""
    scheduler, received = RunScheduler(), Recorder()
    streams = (rx.timer(due).pipe(rxo.map(lambda _, due=due: due)) for due in (0.03, 0.01, 0.02))

    rx.merge(*streams).subscribe(received, scheduler=scheduler)

    received.wait_end()
    assert [0.01, 0.02, 0.03] == received.items


def test_a_disposed_timer_is_forgotten():
    """Neither an action nor a note of open work is left of a timer that was disposed."""
    scheduler, before = RunScheduler(), open_work()
    subscriptions = [rx.timer(60).subscribe(scheduler=scheduler) for _ in range(100)]
    assert 100 == len(open_work()) - len(before)

    for subscription in subscriptions:
        subscription.dispose()
        subscription.dispose()

    assert before == open_work()


def test_points_of_time_are_kept(scheduler):
    """An action may be scheduled at a point of time, also at one that has passed."""
    done = []
    scheduler.schedule_absolute(
        scheduler.now + timedelta(seconds=3), lambda *_: done.append(scheduler.clock)
    )
    scheduler.schedule_absolute(
        datetime(1960, 1, 1, tzinfo=UTC), lambda *_: done.append(scheduler.clock)
    )
    scheduler.run()

    assert [0.0, 3.0] == done


def test_another_scheduler_may_keep_the_time():
    """A scheduler with a clock takes the time from it, and runs what is due on its loop thread."""
    clock, received = VirtualTimeScheduler(), Recorder()
    scheduler = RunScheduler.of(clock)
    inside = []

    rx.timer(5.0).pipe(rxo.do_action(lambda _: inside.append(scheduler.is_inside))).subscribe(
        received, scheduler=scheduler
    )
    drained(scheduler)
    clock.start()
    received.wait_end()

    assert ([0], [True]) == (received.items, inside)
    assert scheduler.now == clock.now


def test_a_timer_within_its_own_action(scheduler):
    """A timer may set the next one, and be disposed from within."""
    received = []
    subscription = rx.interval(1.0).subscribe(
        lambda number: received.append(number) or (number == 2 and subscription.dispose()),
        scheduler=scheduler,
    )

    scheduler.run()

    assert [0, 1, 2] == received


# The valve


def test_timers_stop_while_the_run_is_held(scheduler):
    """What was left of each timer when the hold came is left when it goes."""
    received = []
    for due in (1.0, 2.0, 3.0):
        rx.timer(due).subscribe(
            lambda _, due=due: received.append((due, scheduler.clock)), scheduler=scheduler
        )

    scheduler.advance_to(1.5)
    hold = scheduler.hold()
    scheduler.advance_to(100)
    hold.dispose()
    scheduler.run()

    assert [(1.0, 1.0), (2.0, 100.5), (3.0, 101.5)] == received


def test_a_timer_that_is_set_while_the_run_is_held_waits(scheduler):
    """Its time begins when the run goes on; and it may be disposed before."""
    received = []
    hold = scheduler.hold()
    rx.timer(2.0).subscribe(lambda _: received.append(scheduler.clock), scheduler=scheduler)
    rx.timer(2.0).subscribe(lambda _: received.append("never"), scheduler=scheduler).dispose()
    scheduler.advance_to(10)
    hold.dispose()
    scheduler.run()

    assert [12.0] == received


def test_holds_are_nested(scheduler):
    """The run goes on when the last hold is disposed, in any order; each counts once."""
    received = []
    rx.timer(1.0).subscribe(received.append, scheduler=scheduler)
    holds = [scheduler.hold() for _ in range(3)]

    for hold in (holds[1], holds[0]):
        hold.dispose()
        hold.dispose()
        scheduler.advance_to(scheduler.clock + 5)
        assert scheduler.is_held
        assert [] == received
    holds[2].dispose()
    scheduler.run()

    assert not scheduler.is_held
    assert (11.0, [0]) == (scheduler.clock, received)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=5))
def test_the_time_of_a_run_does_not_count_its_holds(spells):
    """`time` passes only while the run is not held, however often it is."""
    with VirtualScheduler() as scheduler:
        received = []
        began = scheduler.time()
        due = sum(going for going, _ in spells) + 1
        rx.timer(due).subscribe(lambda _: received.append(scheduler.clock), scheduler=scheduler)
        for going, held in spells:
            scheduler.advance_to(scheduler.clock + going)
            hold = scheduler.hold()
            scheduler.advance_to(scheduler.clock + held)
            hold.dispose()
        scheduler.run()

        assert due == round(scheduler.time() - began, 6)
        assert [due + sum(held for _, held in spells)] == received


def test_a_held_source_goes_on_where_it_was(scheduler):
    """An async source is read no further while the run is held, and misses nothing."""
    reads, received = [], []

    async def read():
        for number in range(4):
            reads.append((number, scheduler.clock))
            yield number

    def hold(number):
        received.append((number, scheduler.clock))
        if number == 1:
            scheduler.schedule_relative(0, lambda *_: None)
            holds.append(scheduler.hold())

    holds = []
    from_async(read).subscribe(hold, scheduler=scheduler)
    scheduler.advance_to(5)
    assert [0, 1] == [number for number, _ in reads]
    holds[0].dispose()
    scheduler.run()

    assert [(0, 0.0), (1, 0.0), (2, 5.0), (3, 5.0)] == received == reads


def test_a_real_timer_outlives_a_hold_from_another_thread():
    """Holds and timers of many threads at once lose no timer."""
    scheduler, received = RunScheduler(), Recorder()

    def hold_often():
        for _ in range(200):
            scheduler.hold().dispose()

    def set_often():
        for _ in range(50):
            rx.timer(0.0001).subscribe(received.on_next, scheduler=scheduler)

    together(*[hold_often, set_often] * 4)
    resumed = threading.Event()
    scheduler.when_resumed(resumed.set)

    received.wait_items(200)
    assert resumed.wait(WATCHDOG)
    assert not scheduler.is_held


def test_a_hold_that_comes_and_goes_while_another_thread_settles():
    """The run goes on, though the settling thread finds it as it was before."""
    scheduler, taken, resumed = RunScheduler(), Recorder(), threading.Event()

    with holds._lock:
        scheduler.run_serialized(lambda: taken.on_next(scheduler.hold()))
        scheduler.when_resumed(resumed.set)
        taken.wait_items(1)
        assert scheduler.is_held
        taken.items[0].dispose()
    RunScheduler().hold().dispose()

    assert resumed.wait(WATCHDOG)
    assert not scheduler.is_held


def test_the_work_of_a_loop_ends_with_it():
    """A worker that is at work when `asyncio.run` ends emits nothing more."""
    begun, go, over, received = threading.Event(), threading.Event(), threading.Event(), Recorder()

    def work():
        try:
            begun.set()
            go.wait(WATCHDOG)
            yield "too late"
        finally:
            over.set()

    async def main():
        run_scoped(from_worker(work)).subscribe(received)
        await asyncio.to_thread(begun.wait, WATCHDOG)

    asyncio.run(main())
    go.set()

    assert over.wait(WATCHDOG)
    assert [] == received.items == received.ends
