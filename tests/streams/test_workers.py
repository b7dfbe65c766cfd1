"""The shared pool: never too many busy, never stuck, and empty when idle."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.streams import each, from_worker, last
from rxagent.streams.workers import WORKERS, Workers

from .told import WATCHDOG


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


@pytest.fixture
def threads():
    """Return a function that tells how many threads of a pool there are."""

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


def test_who_waits_comes_back_without_a_slot():
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
    """A pool whose every job raises still has all its workers, and tells of each fault."""
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
    """Who is on no worker may say that they wait, too."""
    with Workers.waiting():
        assert [1] == list(each(from_worker(lambda: [1])))
