"""The viewer pool notifies all viewers of a process on few threads, however many block."""

import logging
import queue
import threading
from contextlib import suppress

import pytest

from rxagent.runs.viewer_pool import ViewerPool

from .watching import WATCHDOG


@pytest.fixture
def pool():
    """A pool whose threads end soon."""
    return ViewerPool(spare=3, patience=0.01, idle=0.02)


class Task:
    """A call that blocks until it is released."""

    def __init__(self, held=False):
        self.begun = threading.Event()
        self.done = threading.Event()
        self.released = threading.Event()
        if not held:
            self.released.set()

    def __call__(self):
        self.thread = threading.current_thread()
        self.begun.set()
        self.released.wait(60)
        self.done.set()


def test_all_runs_in_order(pool):
    """Calls run one after the other, on threads with the pool's name."""
    received = []
    last = Task()
    for number in range(100):
        pool.call(lambda number=number: received.append((number, threading.current_thread().name)))
    pool.call(last)

    assert last.done.wait(WATCHDOG)
    assert list(range(100)) == [number for number, _ in received]
    assert {"rxagent-viewer"} == {thread for _, thread in received}


def test_one_thread_runs_all(pool):
    """As long as no call blocks, one thread runs them, and one more may watch."""
    threads = set()
    for _ in range(20):
        done = threading.Event()
        pool.call(lambda done=done: (threads.add(threading.get_ident()), done.set()))
        assert done.wait(WATCHDOG)

    assert pool._threads <= 2


def test_idle_threads_end(pool):
    """A thread that has had nothing to do for a while ends, and another one begins later."""
    for _ in range(2):
        task = Task()
        pool.call(task)
        assert task.done.wait(WATCHDOG)
        task.thread.join(WATCHDOG)
        assert not task.thread.is_alive()


@pytest.fixture
def stuck():
    """Return calls that do not return until the test has ended."""
    stuck = []

    def stick(number):
        stuck.extend(Task(held=True) for _ in range(number))
        return stuck[-number:]

    yield stick
    for task in stuck:
        task.released.set()
    for task in stuck:
        assert not task.begun.is_set() or task.done.wait(WATCHDOG)


@pytest.fixture
def log():
    """Return the lines of our log, as they come."""
    lines, handler = queue.Queue(), logging.Handler()
    handler.emit = lambda record: lines.put(record.getMessage())
    logging.getLogger("rxagent").addHandler(handler)
    yield lines
    logging.getLogger("rxagent").removeHandler(handler)


def test_the_stuck_are_left_behind(pool, stuck):
    """When all threads are stuck another one takes over, up to the limit."""
    for task in stuck(3):
        pool.call(task)
        assert task.begun.wait(WATCHDOG)
        free = Task()
        pool.call(free)
        assert free.done.wait(WATCHDOG)
    (last,) = stuck(1)
    pool.call(last)
    assert last.begun.wait(WATCHDOG)
    late = Task()
    pool.call(late)
    assert not late.begun.wait(0.1)
    assert (5, 1) == (pool.busy, pool.queued)
    last.released.set()
    assert late.done.wait(WATCHDOG)


def test_hundreds_that_are_stuck_at_once_cost_themselves_alone(stuck):
    """However many viewers block at once, one that comes after them is notified."""
    pool = ViewerPool(patience=0.01, idle=0.02)
    for task in stuck(300):
        pool.call(task)
    free = Task()
    pool.call(free)

    assert free.done.wait(WATCHDOG)
    assert 300 <= pool.busy


def test_a_blocked_call_that_was_abandoned_delays_no_other(stuck):
    """A viewer that was detached while stuck is written off: another takes its place at once."""
    pool = ViewerPool(spare=3, patience=1000, idle=0.02)
    for task in stuck(3):
        call = pool.call(task)
        assert task.begun.wait(WATCHDOG)
        call.abandon()
        free = Task()
        pool.call(free)
        assert free.done.wait(WATCHDOG)
    pool.finish(patience=1000)

    assert 3 == pool.lost


def test_a_viewer_that_computes_for_ever_is_left_behind(pool):
    """A viewer that never returns because it computes costs itself alone, too."""
    end, free = threading.Event(), Task()

    def compute():
        while not end.is_set():
            sum(range(100))

    pool.call(compute)
    pool.call(free)
    assert free.done.wait(WATCHDOG)
    end.set()


def test_a_blocked_call_is_logged_once_by_name(stuck, log):
    """A viewer that others had to leave behind is named in the log, once."""
    pool = ViewerPool(spare=5, patience=0.01, idle=0.02, grace=0.05)
    for number, task in enumerate(stuck(3)):
        pool.call(task, f"socket {number}")
        assert task.begun.wait(WATCHDOG)
    lines = []
    while not all(f"socket {number}" in " ".join(lines) for number in range(2)):
        free = Task()
        pool.call(free)
        assert free.done.wait(WATCHDOG)
        with suppress(queue.Empty):
            lines.append(log.get(timeout=0.1))

    assert 1 == " ".join(lines).count("socket 0")


def test_at_its_most_it_says_so_once(stuck, log):
    """When the last thread is taken and others wait, one line names the blocked calls."""
    pool = ViewerPool(spare=2, patience=0.01, idle=0.02)
    for task in stuck(5):
        pool.call(task, "socket")

    assert "socket (3)" in log.get(timeout=WATCHDOG)
    with pytest.raises(queue.Empty):
        log.get(timeout=0.1)


def test_a_slow_call_is_not_blocked(pool):
    """As long as calls return, no thread is added."""
    slow = [Task(held=True) for _ in range(20)]
    for task in slow:
        pool.call(task)
    for task in slow:
        assert task.begun.wait(WATCHDOG)
        task.released.set()

    assert slow[-1].done.wait(WATCHDOG)


def test_a_call_that_raises_harms_no_other(pool, caplog):
    """A call that raises, whatever it is, is logged; the next one runs."""

    def leave():
        raise SystemExit

    done = Task()
    pool.call(leave)
    pool.call(done)

    assert done.done.wait(WATCHDOG)
    assert [("rxagent", logging.ERROR)] == [(r.name, r.levelno) for r in caplog.records]


def test_finishing_waits_for_what_is_due(pool):
    """At the end of a program the calls that wait are run."""
    received = []
    for number in range(50):
        pool.call(lambda number=number: received.append(number))
    pool.finish()

    assert (list(range(50)), 0) == (received, pool.busy)


def test_finishing_does_not_wait_for_blocked_calls(pool):
    """The end of a program does not wait for a viewer that is blocked."""
    stuck = Task(held=True)
    pool.call(stuck)
    assert stuck.begun.wait(WATCHDOG)
    try:
        pool.finish(patience=0.02)
        assert not stuck.done.is_set()
    finally:
        stuck.released.set()


def test_a_call_may_submit_another(pool):
    """A call may submit another one, and returns before that runs."""
    received = []
    done = Task()

    def submit():
        pool.call(lambda: received.append("second"))
        pool.call(done)
        received.append("first")

    pool.call(submit)

    assert done.done.wait(WATCHDOG)
    assert ["first", "second"] == received
