"""Workers: never too many busy, never stuck whatever jobs do, and no threads when idle."""

import asyncio
import copy
import gc
import logging
import os
import pickle
import random
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import PoolExhausted
from rxagent.streams import each, from_worker, last
from rxagent.streams.workers import WORKERS, Workers

from ..meanwhile import meanwhile
from .recorder import WATCHDOG

FOR_EVER = 1000.0
"""More seconds of patience or grace than a test has."""


class Meter:
    """How many are inside of something at the same time, and how many were at most."""

    def __init__(self):
        self.inside = self.most = self.done = 0
        self._changed = threading.Condition()

    def __enter__(self):
        with self._changed:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self._changed.notify_all()

    def __exit__(self, *_):
        with self._changed:
            self.inside -= 1
            self.done += 1
            self._changed.notify_all()

    def wait(self, **values):
        """Wait until the attributes have these values."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: all(getattr(self, name) == value for name, value in values.items()),
                WATCHDOG,
            )


class Stuck:
    """Jobs that do not return until they are released."""

    def __init__(self):
        self.meter = Meter()
        self._released = threading.Event()

    def __call__(self):
        with self.meter:
            self._released.wait(60)

    def submit_to(self, pool, number=1, what="stuck"):
        """Submit some, wait until all run, and return them."""
        inside = self.meter.inside
        jobs = [pool.submit(self, what) for _ in range(number)]
        self.meter.wait(inside=inside + number)
        return jobs

    def release(self):
        """Let them return, and wait until they have."""
        self._released.set()
        self.meter.wait(inside=0)


@pytest.fixture
def stuck():
    """Return jobs that do not return until the test has ended."""
    stuck = Stuck()
    yield stuck
    stuck.release()


class Log(logging.Handler):
    """The lines of the log, and a way to wait for them."""

    def __init__(self):
        super().__init__()
        self.lines = []
        self._changed = threading.Condition()

    def emit(self, record):
        with self._changed:
            self.lines.append(record.getMessage())
            self._changed.notify_all()

    def wait(self, number=1):
        """Wait until there are so many lines, and return them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.lines) >= number, WATCHDOG)
        return self.lines


@pytest.fixture
def log():
    """Return the lines of our log."""
    log = Log()
    logging.getLogger("rxagent").addHandler(log)
    yield log
    logging.getLogger("rxagent").removeHandler(log)


def until(is_true):
    """Wait until something is true for which there is no event."""
    end = time.monotonic() + WATCHDOG
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.001)  # which releases the interpreter's lock


def ends(pool, number=1):
    """Return whether the pool runs so many new jobs to their end."""
    meter = Meter()

    def job():
        with meter:
            pass

    for _ in range(number):
        pool.submit(job)
    meter.wait(inside=0, done=number)
    return True


@pytest.fixture
def threads():
    """Return a function that counts the threads of a pool."""

    def threads(name):
        return sum(thread.name == name for thread in threading.enumerate())

    return threads


def test_no_more_than_the_limit_are_busy():
    """Sixteen of a hundred jobs run at a time, the others in their turn."""
    meter, go_on = Meter(), threading.Event()

    def job():
        with meter:
            assert go_on.wait(WATCHDOG)

    for _ in range(100):
        WORKERS.submit(job)

    meter.wait(inside=16)
    assert 100 == WORKERS.busy
    go_on.set()
    meter.wait(inside=0, done=100)
    assert 16 == meter.most


def test_jobs_that_can_run_at_once_do():
    """Jobs that wait for each other are all begun, also when workers are idle already."""
    pool = Workers(limit=8, idle=0.5, name="together")
    for _ in range(3):
        meter, meeting = Meter(), threading.Barrier(8)

        def job(meter=meter, meeting=meeting):
            with meter:
                meeting.wait(WATCHDOG)

        for _ in range(8):
            pool.submit(job)
        meter.wait(done=8)


def test_jobs_begin_in_their_order():
    """One worker does its jobs in the order in which they came."""
    pool, done, end = Workers(limit=1, idle=0.01, name="one"), [], threading.Event()
    for number in range(100):
        pool.submit(lambda number=number: done.append(number))
    pool.submit(end.set)

    assert end.wait(WATCHDOG)
    assert list(range(100)) == done


@pytest.mark.parametrize("limit", [1, 2, 16])
def test_work_within_work_never_waits_for_its_parents(limit):
    """Work that is nested forty deep ends, however few workers there are."""
    pool = Workers(limit=limit, idle=0.01, name="nested")
    depth, end = [], threading.Event()

    def job(left):
        depth.append(left)
        if left:
            done = threading.Event()
            pool.submit(lambda: job(left - 1) or done.set())
            with Workers.waiting():
                assert done.wait(WATCHDOG)
        else:
            end.set()

    pool.submit(lambda: job(40))

    assert end.wait(WATCHDOG)
    assert 41 == len(depth)


def test_nested_streams_never_wait_for_a_slot():
    """A worker that reads a stream of a worker, forty deep, and twenty times at once, ends."""

    def nested(left):
        yield last(from_worker(lambda: nested(left - 1))) + 1 if left else 0

    results = [iter(each(from_worker(lambda: nested(40)))) for _ in range(20)]
    assert [40] * 20 == [next(result) for result in results]


def test_a_job_that_has_waited_returns_without_a_slot():
    """One that has waited goes on at once, and as long as it does, one fewer is begun."""
    pool, meter = Workers(limit=1, idle=0.5, name="back"), Meter()
    other, back, end = threading.Event(), threading.Event(), threading.Event()

    def waiting():
        with Workers.waiting():
            assert other.wait(WATCHDOG)
        with meter:
            pool.submit(end.set)
            pool.submit(lambda: None)
            back.set()
            assert not end.is_set()

    pool.submit(waiting)
    pool.submit(other.set)

    assert back.wait(WATCHDOG)
    assert end.wait(WATCHDOG)


@given(st.lists(st.sampled_from(["short", "waits", "nests", "raises"]), max_size=30))
def test_every_job_is_done(kinds):
    """Whatever jobs do, all are done, and never are more busy than may be."""
    pool, meter, busy = Workers(limit=2, idle=0.05, name="every"), Meter(), Meter()

    def job(kind):
        with meter:
            if kind == "waits":
                with Workers.waiting():
                    pass
            if kind == "nests":
                inner = threading.Event()
                pool.submit(inner.set)
                with Workers.waiting():
                    assert inner.wait(WATCHDOG)
            if kind == "short":
                with busy:
                    pass
            if kind == "raises":
                raise SystemExit(kind)

    for kind in kinds:
        pool.submit(lambda kind=kind: job(kind))

    meter.wait(done=len(kinds))


def test_a_job_that_raises_costs_no_worker(caplog):
    """A pool whose every job raises still has all its workers, and logs each fault."""
    pool, end = Workers(limit=1, idle=0.01, name="raising"), threading.Event()
    for _ in range(3):
        pool.submit(lambda: 1 / 0)
    pool.submit(end.set)

    assert end.wait(WATCHDOG)
    assert 3 == len(caplog.records)


def test_idle_workers_end(threads):
    """A worker that has nothing to do for a while ends, and a later job gets a new one."""
    pool = Workers(limit=4, idle=0.01, name="idle")
    for _ in range(2):
        meeting = threading.Barrier(4)
        for _ in range(4):
            pool.submit(lambda meeting=meeting: meeting.wait(WATCHDOG))
        for thread in threading.enumerate():
            if thread.name == "idle":
                thread.join(WATCHDOG)
        assert 0 == threads("idle")
        assert 0 == pool.busy


def test_waiting_elsewhere_changes_nothing():
    """A thread that is no worker may wait, too."""
    with Workers.waiting():
        assert [1] == list(each(from_worker(lambda: [1])))


# Jobs that are stopped.


def test_stopped_jobs_that_never_return_cost_others_nothing(stuck):
    """A job that was stopped and does not return holds no slot; its thread is replaced."""
    pool = Workers(limit=4, patience=FOR_EVER, idle=0.05)
    for number in range(1, 9):
        for job in stuck.submit_to(pool, 4):
            job.abandon()
            job.abandon()
        assert 4 * number == pool.lost
    assert ends(pool, 100)


def test_a_stopped_job_that_returns_counts_no_more():
    """What returns after all is lost no longer, and its thread is reused or ends."""
    pool, stuck = Workers(limit=4, patience=FOR_EVER, idle=0.05), Stuck()
    for job in stuck.submit_to(pool, 4):
        job.abandon()
    other = Stuck()
    other.submit_to(pool, 4)
    stuck.release()
    until(lambda: pool.lost == 0)
    waiting = [pool.submit(other) for _ in range(4)]

    assert (4, 4, 8) == (other.meter.inside, pool.queued, pool.busy)
    for job in waiting:
        job.abandon()
    other.release()
    until(lambda: (0, 0) == (pool.busy, pool.size))


@pytest.mark.parametrize("begins", [True, False])
def test_no_thread_watches_when_no_job_waits(begins):
    """The thread that watches the others ends once the last job that waited began or never will."""
    pool, stuck = Workers(limit=1, patience=FOR_EVER, idle=0.05), Stuck()
    stuck.submit_to(pool)
    job = pool.submit(stuck)
    until(lambda: pool.size == 2)
    if not begins:
        job.abandon()
        until(lambda: pool.size == 1)
    stuck.release()
    until(lambda: (0, 0) == (pool.busy, pool.size))


def test_what_is_stopped_before_it_began_never_begins(stuck):
    """A job that waits and is abandoned is forgotten: it is not lost, and never runs."""
    pool, ran = Workers(limit=1, patience=FOR_EVER, idle=0.05), []
    (first,) = stuck.submit_to(pool)
    jobs = [pool.submit(lambda number=number: ran.append(number)) for number in range(10)]
    for job in jobs[::2]:
        job.abandon()
    assert (5, 0) == (pool.queued, pool.lost)
    first.abandon()

    assert ends(pool)
    assert [1, 3, 5, 7, 9] == ran


def test_a_job_that_has_ended_cannot_be_lost():
    """Abandoning what has ended changes nothing."""
    pool, end = Workers(idle=0.05), threading.Event()
    job = pool.submit(end.set)
    assert end.wait(WATCHDOG)
    until(lambda: pool.busy == 0)
    job.abandon()

    assert (0, 0) == (pool.lost, pool.queued)


def test_only_what_does_not_return_soon_is_logged(log, stuck):
    """A job that was stopped and returns soon is not logged; each of the others is, once."""
    pool, call_on_loop = Workers(limit=8, grace=0.1, idle=0.05), Stuck()
    for job in call_on_loop.submit_to(pool, 4, "soon"):
        job.abandon()
    call_on_loop.release()
    until(lambda: pool.lost == 0)
    for job in [*stuck.submit_to(pool, 3, "hang"), *stuck.submit_to(pool, 1, "fetch")]:
        job.abandon()
        job.abandon()

    text = " ".join(log.wait())
    until(lambda: pool.size == 4)
    assert ("hang (3), fetch" in text, "soon" in text, 1) == (True, False, len(log.lines))


def test_past_the_spare_threads_jobs_are_refused(stuck):
    """When as many as may be are lost, submit says so and names them, until one returns."""
    pool, returning = Workers(limit=2, spare=3, grace=0.0, idle=0.05), Stuck()
    jobs = [*stuck.submit_to(pool, 2, "hang"), *returning.submit_to(pool, 0)]
    for job in jobs:
        job.abandon()
    (last,) = returning.submit_to(pool, 1, "fetch")
    assert ends(pool)
    last.abandon()
    with pytest.raises(PoolExhausted, match=r"3 stopped jobs have not returned: hang \(2\), fetch"):
        pool.submit(lambda: None)
    returning.release()
    until(lambda: pool.lost == 2)

    assert ends(pool)


def test_what_waits_is_refused_too(stuck):
    """When the pool is exhausted, each job that has not begun is refused once, if it can be."""
    pool = Workers(limit=1, spare=1, reserve=0, grace=0.05, idle=0.05)
    refused, ran = [], threading.Event()
    first, second = (stuck.submit_to(pool)[0], None)
    first.abandon()
    (second,) = stuck.submit_to(pool)
    meter = Meter()

    def refuse(error):
        with meter:
            refused.append(error)

    for _ in range(3):
        pool.submit(stuck, "waits", refuse)
    pool.submit(ran.set)
    dropped = pool.submit(stuck, "dropped", refuse)
    dropped.abandon()
    meter.wait(done=3)

    assert [PoolExhausted] * 3 == [type(error) for error in refused]
    assert (1, 1, False) == (pool.lost, pool.queued, ran.is_set())
    second.abandon()
    stuck.release()
    assert ran.wait(WATCHDOG)


def test_the_threads_are_capped(stuck, threads):
    """However many jobs hang, the pool has its limit, its spare threads, and two that watch."""
    pool = Workers(limit=4, spare=8, patience=0.002, grace=0, idle=0.05, name="capped")
    meter, stopped = Meter(), []

    def hang(number):
        jobs[number].abandon()
        stopped.append(number)
        stuck()

    def refuse(_):
        with meter:
            pass

    jobs, lock = [], threading.Lock()
    with lock:
        for number in range(100):
            jobs.append(None)
            ready = threading.Event()
            jobs[number] = pool.submit(
                lambda number=number, ready=ready: ready.wait(WATCHDOG) and hang(number),
                "hang",
                refuse,
            )
            ready.set()
            assert threads("capped") <= 4 + 8 + 2
            if pool.lost >= 8:
                break
    until(lambda: not pool.queued)

    assert 8 <= pool.lost <= 12
    with pytest.raises(PoolExhausted):
        until(lambda: pool.submit(lambda: None) and False)


# Jobs that are blocked.


def by_event(pool, run):
    """Wait for a job by an event."""
    done = threading.Event()
    pool.submit(lambda: run() or done.set())
    assert done.wait(60)


def by_lock(pool, run):
    """Wait for a job by a lock."""
    lock = threading.Lock()
    lock.acquire()
    pool.submit(lambda: run() or lock.release())
    assert lock.acquire(timeout=60)
    lock.release()


def by_asyncio(pool, run):
    """Wait for a job by a loop of its own."""

    async def wait():
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        pool.submit(lambda: run() or loop.call_soon_threadsafe(done.set))
        await asyncio.wait_for(done.wait(), 60)

    asyncio.run(wait())


def by_executor(pool, run):
    """Wait for a job by a thread of an executor."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(by_event, pool, run).result(60)


def by_process(pool, run):
    """Wait for a job by a pipe."""
    read, write = os.pipe()
    pool.submit(lambda: run() or os.write(write, b"."))
    assert b"." == os.read(read, 1)
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("way", [by_event, by_lock, by_asyncio, by_executor, by_process])
@pytest.mark.parametrize(("limit", "width", "depth"), [(16, 16, 4), (1, 1, 40), (2, 5, 8)])
def test_jobs_that_wait_for_jobs_end(way, limit, width, depth):
    """Whatever jobs wait by, and however deep, the pool grows and they end."""
    pool, meter = Workers(limit=limit, patience=0.005, idle=0.05), Meter()

    def job(left):
        with meter:
            if left:
                way(pool, lambda: job(left - 1))

    for _ in range(width):
        pool.submit(lambda: job(depth - 1))
    meter.wait(inside=0, done=width * depth)
    until(lambda: pool.busy == 0)
    assert 0 == pool._jobs.added


def test_it_grows_while_others_compute():
    """Blocked jobs cost others nothing either while the rest of the process is busy."""
    pool, meter, end = Workers(limit=2, patience=0.005, idle=0.05), Meter(), threading.Event()

    def compute():
        while not end.is_set():
            sum(range(1000))

    def job(left):
        with meter:
            if left:
                by_event(pool, lambda: job(left - 1))

    threading.Thread(target=compute).start()
    for _ in range(2):
        pool.submit(lambda: job(3))
    meter.wait(inside=0, done=8)
    end.set()


def test_it_grows_for_jobs_that_poll():
    """Blocked jobs that poll are blocked, too."""
    pool, done = Workers(limit=1, patience=0.005, idle=0.05), threading.Event()

    def poll():
        while not done.is_set():
            time.sleep(0.001)

    pool.submit(poll)
    pool.submit(done.set)
    assert done.wait(WATCHDOG)


def test_quick_jobs_use_as_many_threads_as_may_be(threads):
    """A thousand jobs that do not block are done by the pool's limit, and one that watches."""
    pool, most = Workers(limit=4, idle=0.05, name="quick"), []
    meter = Meter()

    def job():
        with meter:
            most.append(threads("quick"))

    for _ in range(1000):
        pool.submit(job)
    meter.wait(done=1000)

    assert max(most) <= 4 + 1
    assert meter.most <= 4


def test_jobs_that_compute_do_not_make_it_grow():
    """A job that computes is not blocked: another thread would only be in its way."""
    pool, meter = Workers(limit=4, patience=0.2, idle=0.05), Meter()

    def job():
        with meter:
            end = time.thread_time() + 0.03
            while time.thread_time() < end:
                sum(range(100))

    for _ in range(40):
        pool.submit(job)
    meter.wait(done=40)

    assert 4 == meter.most


def test_at_its_most_it_says_so_once(log, stuck):
    """When no thread can be added, one line names the jobs that are blocked."""
    pool = Workers(limit=1, spare=2, reserve=0, patience=0.002, idle=0.05)
    stuck.submit_to(pool, 3, "read")
    jobs = [pool.submit(lambda: None) for _ in range(3)]
    (line,) = log.wait()
    for job in jobs:
        job.abandon()

    assert "read (3)" in line
    assert 1 == len(log.lines)


# Jobs that wait.


def waited(pool, run, refused=lambda error: None):
    """Wait for a job as `run.result` does."""
    done = threading.Event()
    pool.submit(lambda: run() or done.set(), "deeper", lambda error: refused(error) or done.set())
    with Workers.waiting():
        assert done.wait(WATCHDOG)


@pytest.mark.parametrize(("limit", "spare", "width"), [(1, 1, 1), (2, 6, 1), (2, 6, 5), (16, 4, 9)])
def test_work_that_nests_without_end_is_refused(threads, limit, spare, width):
    """When all threads wait for work within theirs, the deepest is refused, and all unwinds."""
    name = f"endless-{limit}-{width}"
    pool = Workers(limit, spare=spare, reserve=1, patience=0.002, idle=0.05, name=name)
    meter, refused, most = Meter(), [], []

    def deeper():
        most.append(threads(name))
        waited(pool, deeper, refused.append)

    def outermost():
        with meter:
            deeper()

    for _ in range(width):
        pool.submit(outermost)
    meter.wait(done=width)

    assert width <= len(refused)
    assert all("Nest calls less deeply" in str(error) for error in refused)
    assert max(most) <= limit + spare + 1 + 2
    until(lambda: (0, 0) == (pool.busy, pool.size))
    assert (0, 0) == (pool._jobs.added, len(pool._jobs.waiting))


@pytest.mark.parametrize(("limit", "spare"), [(1, 1), (1, 2), (2, 8), (16, 256)])
def test_many_that_wait_leave_threads_for_what_they_wait_for(threads, limit, spare):
    """However many jobs wait for one within theirs, all end, none is refused, threads are few."""
    name = f"wide-{limit}-{spare}"
    pool = Workers(limit=limit, spare=spare, patience=0.002, idle=0.05, name=name)
    meter, most, refused, held = Meter(), [], [], threading.Event()

    def inner():
        assert held.wait(WATCHDOG)
        most.append(threads(name))

    def outer():
        with meter:
            waited(pool, inner, refused.append)

    for _ in range(300):
        pool.submit(outer)
    held.set()
    meter.wait(done=300)

    assert (300, []) == (len(most), refused)
    assert max(most) <= limit + spare + 2


def test_a_job_that_waits_for_others_is_not_refused(stuck):
    """As long as one job that runs waits for none within it, the pool waits for that one."""
    pool = Workers(limit=1, spare=2, reserve=0, patience=0.002, idle=0.05)
    refused, done = [], Meter()

    def outer():
        with done:
            waited(pool, middle, refused.append)

    def middle():
        pool.submit(stuck, "leaf")
        stuck.meter.wait(inside=1)
        waited(pool, lambda: None, refused.append)

    pool.submit(outer)
    stuck.meter.wait(inside=1)
    until(lambda: pool._was_full)
    assert ([], 1) == (refused, pool.queued)
    stuck.release()
    done.wait(done=1)
    assert [] == refused


# Jobs that may be within others.


@pytest.mark.parametrize("way", [by_event, by_lock, by_asyncio, by_executor, by_process])
@pytest.mark.parametrize(("limit", "spare", "width"), [(1, 1, 5), (1, 2, 12), (4, 8, 60)])
def test_jobs_that_wait_in_any_way_leave_threads_for_others(threads, way, limit, spare, width):
    """Far more jobs of a run than there are threads, which wait in any way, all end."""
    name = f"any-{way.__name__}-{limit}-{spare}"
    pool = Workers(limit, spare=spare, reserve=1, patience=0.002, idle=0.05, name=name)
    meter, most, refused = Meter(), [], []

    def outer():
        most.append(threads(name))
        way(pool, lambda: None)
        with meter:
            pass

    for _ in range(width):
        pool.submit(outer, "outer", refused.append, born=0)
    meter.wait(done=width)

    assert [] == refused
    assert max(most) <= limit + spare + 1 + 2
    until(lambda: (0, 0) == (pool.busy, pool.size))
    assert (0, 0) == (pool._jobs.added, pool._jobs.opened)


@pytest.mark.parametrize("reserve", [1, 3])
def test_unknown_nesting_without_end_is_refused(threads, reserve):
    """When all threads may wait for jobs that others submit, the latest is refused, and all end."""
    name = f"unknown-{reserve}"
    times = {"patience": 0.002, "stall": 0.02, "idle": 0.05}
    pool, done, most = Workers(1, spare=2, reserve=reserve, **times, name=name), Meter(), []
    refused = []

    def deeper():
        most.append(threads(name))
        end = threading.Event()

        def go_on(error=None):
            refused.extend([error] if error else [])
            end.set()

        def submit():
            pool.submit(lambda: deeper() or end.set(), "deeper", go_on)

        threading.Thread(target=submit).start()
        assert end.wait(60)

    def outermost():
        with done:
            deeper()

    pool.submit(outermost)
    done.wait(done=1)

    (error,) = refused
    assert "as it seems by code that waits for code within it" in str(error)
    assert 3 + reserve == len(most)
    until(lambda: (0, 0) == (pool.busy, pool.size))


@pytest.mark.parametrize("later", [0, 2])
def test_jobs_behind_slow_ones_are_not_refused(log, stuck, later):
    """Jobs that wait because all threads take long go on waiting, those of later runs as well."""
    pool = Workers(2, spare=2, reserve=1, patience=0.002, stall=0.0, idle=0.05)
    refused, meter = [], Meter()

    def job():
        with meter:
            pass

    for _ in range(4):
        pool.submit(stuck, "read", born=0)
    stuck.meter.wait(inside=4)
    for _ in range(bool(later)):
        pool.submit(stuck, "read", born=None)
        stuck.meter.wait(inside=5)
    for _ in range(10):
        pool.submit(job, "waits", refused.append, born=0)
    for _ in range(later):
        pool.submit(job, "waits", refused.append)
    log.wait()
    until(lambda: pool._is_watched or not later)

    assert ([], 10 + later, 0) == (refused, pool.queued, meter.done)
    stuck.release()
    meter.wait(done=10 + later)
    assert [] == refused


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_wait_that_fails_gives_its_slot_back(error):
    """However a wait ends, also one within another, its job counts as before."""
    pool, meter, released = (
        Workers(limit=1, patience=FOR_EVER, idle=0.05),
        Meter(),
        threading.Event(),
    )

    def job():
        for _ in range(3):
            with pytest.raises(error), Workers.waiting(), Workers.waiting():
                raise error
        with meter:
            assert released.wait(WATCHDOG)

    pool.submit(job)
    meter.wait(inside=1)
    pool.submit(job)
    assert (1, 0) == (pool.queued, len(pool._jobs.waiting))
    released.set()
    meter.wait(inside=0, done=2)
    assert 1 == meter.most


def test_a_wait_of_a_stopped_job_frees_one_slot():
    """A job that waits when it is stopped, or waits afterwards, has one slot to give."""
    pool, inside, released = Workers(limit=1, patience=FOR_EVER, idle=0.05), Meter(), Stuck()

    def job():
        with Workers.waiting():
            released()
        with Workers.waiting(), inside:
            pass

    stopped = pool.submit(job)
    released.meter.wait(inside=1)
    stopped.abandon()
    other = Stuck()
    other.submit_to(pool)
    last = pool.submit(other)

    assert (1, 1) == (pool.lost, pool.queued)
    released.release()
    inside.wait(done=1)
    until(lambda: pool.lost == 0)
    assert 1 == pool.queued
    last.abandon()
    other.release()


# Threads that cannot be had, forks, finalisers, copies.

NO_THREADS = """
import resource, threading
from rxagent.errors import PoolExhausted
from rxagent.streams.workers import Workers

threading.stack_size(1 << 28)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + {room}, size + {room}))
pool, done, let_go, refused = Workers(limit=16, idle=0.05), [], threading.Event(), []
jobs = [pool.submit(lambda: let_go.wait(60) and done.append(1)) for _ in range(50)]
assert pool.size + len(pool._coming) < 16, pool
let_go.set()
while pool.busy:
    pass
hung = threading.Event()
for _ in range(16):
    begun = threading.Event()
    try:
        job = pool.submit(lambda begun=begun: begun.set() or hung.wait(60))
    except PoolExhausted:
        break
    if not begun.wait(1):
        job.abandon()
        break
    job.abandon()
try:
    pool.submit(print)
except PoolExhausted as error:
    refused.append(str(error))
hung.set()
while pool.lost:
    pass
pool.submit(hung.clear)
while hung.is_set():
    pass
print(len(done), len(refused), pool.busy, len(pool._coming), pool._jobs.added)
print(*refused)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
def test_without_threads_jobs_wait_for_those_there_are():
    """Where no more threads can be started, jobs are run by those there are, or are refused."""
    program = NO_THREADS.format(room=3 << 28)
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )

    assert ("50 1 0 0 0", "") == (ran.stdout.split("\n")[0], ran.stderr)
    assert "can't start new thread" in ran.stdout


class Threadless(Workers):
    """Workers whose threads cannot be started; the test's own thread does their work."""

    def __init__(self, **settings):
        super().__init__(idle=0.0, patience=0.0, grace=FOR_EVER, **settings)

    def _start(self):
        raise RuntimeError("can't start new thread")

    def work(self):
        """Do what there is to do."""
        self._coming.add(threading.current_thread())
        self._work()


def test_what_cannot_be_begun_is_refused():
    """Without a thread that is there or can be had, submit says so, and nothing is left behind."""
    pool = Threadless()
    with pytest.raises(PoolExhausted, match="can't start new thread"):
        pool.submit(lambda: None)

    assert (0, 0, set()) == (pool.busy, pool.size, pool._coming)


class Inline(Threadless):
    """Workers whose threads are always about to come, and never do."""

    def _start(self):
        self._coming.add(threading.Thread())


@pytest.mark.parametrize("act", ["submit", "abandon_first", "abandon_second", "both"])
@pytest.mark.parametrize("during", ["submit", "abandon", "work"])
def test_a_finaliser_may_come_at_any_moment(act, during):
    """What submits or abandons amid any step of the pool, on the same thread, upsets nothing."""
    # A worker takes thousands of steps, so each of the four comes amid others of them.
    first = ["submit", "abandon_first", "abandon_second", "both"].index(act) + 1
    for step in count(first, 7) if during == "work" else count(1):
        pool, ran = Inline(limit=2), []
        jobs = [pool.submit(lambda n=n, ran=ran: ran.append(n), n) for n in range(3)]

        def come(pool=pool, ran=ran, jobs=jobs):
            if act in ("submit", "both"):
                jobs.append(pool.submit(lambda: ran.append("new")))
            if act in ("abandon_first", "both"):
                jobs[0].abandon()
            if act == "abandon_second":
                jobs[1].abandon()

        def do(pool=pool, ran=ran, jobs=jobs):
            if during == "submit":
                jobs.append(pool.submit(lambda: ran.append("last")))
            elif during == "abandon":
                jobs[2].abandon()
            else:
                pool.work()

        has_come = meanwhile(do, step, come)
        pool.work()
        pool.work()

        expected = [n for n in (0, 1, 2) if n in ran]
        assert expected == [n for n in ran if n in (0, 1, 2)]
        assert (["new"] if act in ("submit", "both") and has_come else []) == [
            n for n in ran if n == "new"
        ]
        assert {0, 1, 2} - set(ran) <= {
            *({0} if act in ("abandon_first", "both") else ()),
            *({1} if act == "abandon_second" else ()),
            *({2} if during == "abandon" else ()),
        }
        jobs_left = pool._jobs
        assert (0, 0, 0, 0) == (pool.busy, pool.lost, pool.size, jobs_left.added)
        assert [] == [*jobs_left.running, *jobs_left.waiting, *jobs_left.overdue]
        if not has_come:
            break
    assert step > 20


def test_a_call_that_comes_before_the_wait_wakes_it():
    """A job submitted between a thread's last look and its sleep, on that thread, is run."""
    for step in count(1, 3):
        pool, ran = Inline(limit=1), []
        pool._idle = 0.001
        if not meanwhile(
            pool.work, step, lambda pool=pool, ran=ran: pool.submit(ran.append(1) or int)
        ):
            break
        # Either that thread has run it, or another one was started.
        assert pool.busy == 0 or pool._coming, step


def test_a_forked_child_starts_empty(stuck):
    """A child has none of its parent's jobs, lost or waiting, and a pool that works."""
    pool = Workers(limit=1, idle=0.05)
    stuck.submit_to(pool)[0].abandon()
    stuck.submit_to(pool)
    pool.submit(lambda: None)
    child = os.fork()
    if not child:
        done = threading.Event()
        pool.submit(done.set)
        os._exit(0 if done.wait(WATCHDOG) and pool.lost == 0 else 1)

    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("seed", range(5))
def test_whatever_eight_threads_do(seed):
    """After any schedule, each job was run once, abandoned, or both, and nothing is left."""
    pool = Workers(limit=3, spare=500, patience=0.002, grace=0.005, idle=0.01)
    ran, kept, lock = [], [], threading.Lock()

    def job(name, left, chance):
        with lock:
            ran.append(name)
        kind = chance.random()
        if left and kind < 0.3:
            by_event(pool, lambda: job((*name, 0), left - 1, random.Random(repr(name))))
        elif kind < 0.5:
            with Workers.waiting():
                time.sleep(0)
        elif left == 3 and kind < 0.6:
            raise ValueError

    def act(number):
        chance, mine = random.Random(f"{seed} {number}"), []
        for index in range(100):
            name = (number, index)
            seeded = random.Random(repr((seed, name)))
            mine.append((name, pool.submit(lambda n=name, s=seeded: job(n, 3, s), name)))
            if chance.random() < 0.4:
                name, stopped = mine.pop(chance.randrange(len(mine)))
                stopped.abandon()
        with lock:
            kept.extend(name for name, _ in mine)

    logging.disable()
    actors = [threading.Thread(target=act, args=(number,)) for number in range(8)]
    for actor in actors:
        actor.start()
    for actor in actors:
        actor.join(60)
    until(lambda: pool.busy == 0)
    logging.disable(logging.NOTSET)

    assert len(ran) == len(set(ran))
    assert set(kept) <= set(ran)
    left = pool._jobs
    assert (0, 0, 0) == (pool.lost, left.added, len(left.waiting))
    until(lambda: pool.size == 0)


def test_a_pool_that_is_dropped_is_collected():
    """A pool whose threads have ended is kept by nothing."""
    pools = [Workers(idle=0.01)]
    assert ends(pools[0])
    until(lambda: pools[0].size == 0)
    gone = weakref.ref(pools.pop())
    until(lambda: gc.collect() >= 0 and gone() is None)


def test_copies_share_it_and_pickles_are_sized_alike():
    """A copy is the pool itself; a pickle makes one of its sizes; the shared one stays shared."""
    pool = Workers(limit=3, spare=5, reserve=7, grace=2.0)
    there = pickle.loads(pickle.dumps(pool))

    assert pool is copy.deepcopy(pool)
    assert WORKERS is pickle.loads(pickle.dumps(WORKERS))
    assert (repr(pool), 2.0, 7) == (repr(there), there._grace, there._reserve)
    assert there is not pool


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"limit": 0}, ValueError),
        ({"spare": 0}, ValueError),
        ({"reserve": -1}, ValueError),
        ({"limit": 1.5}, TypeError),
        ({"limit": True}, TypeError),
        ({"spare": "8"}, TypeError),
        ({"patience": -1}, ValueError),
        ({"grace": float("nan")}, ValueError),
        ({"stall": -0.1}, ValueError),
    ],
)
def test_sizes_are_checked(settings, error):
    """A size that makes no sense is refused by name."""
    with pytest.raises(error, match=next(iter(settings))):
        Workers(**settings)
