"""The stage notifies all viewers of a process on few threads, however many are blocked."""

import logging
import queue
import threading
from contextlib import suppress

import pytest

from rxagent.runs.viewer_pool import ViewerPool

from .watching import WATCHDOG


@pytest.fixture
def stage():
    """A stage whose threads end soon."""
    return ViewerPool(spare=3, patience=0.01, idle=0.02)


class Telling:
    """Something to be told, which waits until it is let go."""

    def __init__(self, held=False):
        self.begun = threading.Event()
        self.done = threading.Event()
        self.let_go = threading.Event()
        if not held:
            self.let_go.set()

    def __call__(self):
        self.thread = threading.current_thread()
        self.begun.set()
        self.let_go.wait(60)
        self.done.set()


def test_all_is_told_in_order(stage):
    """What is due is told one after the other, by threads with the stage's name."""
    told = []
    last = Telling()
    for number in range(100):
        stage.call(lambda number=number: told.append((number, threading.current_thread().name)))
    stage.call(last)

    assert last.done.wait(WATCHDOG)
    assert list(range(100)) == [number for number, _ in told]
    assert {"rxagent-viewer"} == {thread for _, thread in told}


def test_one_thread_tells_all(stage):
    """As long as nobody is stuck, one thread plays, and one more may wait to take over."""
    threads = set()
    for _ in range(20):
        done = threading.Event()
        stage.call(lambda done=done: (threads.add(threading.get_ident()), done.set()))
        assert done.wait(WATCHDOG)

    assert stage._threads <= 2


def test_idle_threads_end(stage):
    """A thread that has had nothing to do for a while ends, and another one begins later."""
    for _ in range(2):
        telling = Telling()
        stage.call(telling)
        assert telling.done.wait(WATCHDOG)
        telling.thread.join(WATCHDOG)
        assert not telling.thread.is_alive()


@pytest.fixture
def stuck():
    """Return calls that do not return until the test has ended."""
    stuck = []

    def stick(number):
        stuck.extend(Telling(held=True) for _ in range(number))
        return stuck[-number:]

    yield stick
    for telling in stuck:
        telling.let_go.set()
    for telling in stuck:
        assert not telling.begun.is_set() or telling.done.wait(WATCHDOG)


@pytest.fixture
def log():
    """Return the lines of our log, as they come."""
    lines, handler = queue.Queue(), logging.Handler()
    handler.emit = lambda record: lines.put(record.getMessage())
    logging.getLogger("rxagent").addHandler(handler)
    yield lines
    logging.getLogger("rxagent").removeHandler(handler)


def test_the_stuck_are_left_behind(stage, stuck):
    """When all threads are stuck another one takes over, up to the limit."""
    for telling in stuck(3):
        stage.call(telling)
        assert telling.begun.wait(WATCHDOG)
        free = Telling()
        stage.call(free)
        assert free.done.wait(WATCHDOG)
    (last,) = stuck(1)
    stage.call(last)
    assert last.begun.wait(WATCHDOG)
    late = Telling()
    stage.call(late)
    assert not late.begun.wait(0.1)
    assert (5, 1) == (stage.busy, stage.queued)
    last.let_go.set()
    assert late.done.wait(WATCHDOG)


def test_hundreds_that_are_stuck_at_once_cost_themselves_alone(stuck):
    """However many viewers block at once, one that comes after them is notified."""
    stage = ViewerPool(patience=0.01, idle=0.02)
    for telling in stuck(300):
        stage.call(telling)
    free = Telling()
    stage.call(free)

    assert free.done.wait(WATCHDOG)
    assert 300 <= stage.busy


def test_who_is_stuck_and_left_holds_no_one_up(stuck):
    """A viewer that was detached while stuck is written off: another takes its place at once."""
    stage = ViewerPool(spare=3, patience=1000, idle=0.02)
    for telling in stuck(3):
        call = stage.call(telling)
        assert telling.begun.wait(WATCHDOG)
        call.abandon()
        free = Telling()
        stage.call(free)
        assert free.done.wait(WATCHDOG)
    stage.finish(patience=1000)

    assert 3 == stage.lost


def test_a_viewer_that_computes_for_ever_is_left_behind(stage):
    """A viewer that never returns because it computes costs itself alone, too."""
    end, free = threading.Event(), Telling()

    def compute():
        while not end.is_set():
            sum(range(100))

    stage.call(compute)
    stage.call(free)
    assert free.done.wait(WATCHDOG)
    end.set()


def test_who_is_stuck_is_logged_once_by_name(stuck, log):
    """A viewer that others had to leave behind is named in the log, once."""
    stage = ViewerPool(spare=5, patience=0.01, idle=0.02, grace=0.05)
    for number, telling in enumerate(stuck(3)):
        stage.call(telling, f"socket {number}")
        assert telling.begun.wait(WATCHDOG)
    lines = []
    while not all(f"socket {number}" in " ".join(lines) for number in range(2)):
        free = Telling()
        stage.call(free)
        assert free.done.wait(WATCHDOG)
        with suppress(queue.Empty):
            lines.append(log.get(timeout=0.1))

    assert 1 == " ".join(lines).count("socket 0")


def test_at_its_most_it_says_so_once(stuck, log):
    """When the last thread is taken and others wait, one line names those who are blocked."""
    stage = ViewerPool(spare=2, patience=0.01, idle=0.02)
    for telling in stuck(5):
        stage.call(telling, "socket")

    assert "socket (3)" in log.get(timeout=WATCHDOG)
    with pytest.raises(queue.Empty):
        log.get(timeout=0.1)


def test_who_is_slow_is_not_stuck(stage):
    """As long as somebody gets on, nobody takes over."""
    slow = [Telling(held=True) for _ in range(20)]
    for telling in slow:
        stage.call(telling)
    for telling in slow:
        assert telling.begun.wait(WATCHDOG)
        telling.let_go.set()

    assert slow[-1].done.wait(WATCHDOG)


def test_what_raises_harms_nobody(stage, caplog):
    """A telling that raises, whatever it is, is logged; the next one is told."""

    def leave():
        raise SystemExit

    done = Telling()
    stage.call(leave)
    stage.call(done)

    assert done.done.wait(WATCHDOG)
    assert [("rxagent", logging.ERROR)] == [(r.name, r.levelno) for r in caplog.records]


def test_finishing_waits_for_what_is_due(stage):
    """At the end of a program what is due is told."""
    told = []
    for number in range(50):
        stage.call(lambda number=number: told.append(number))
    stage.finish()

    assert (list(range(50)), 0) == (told, stage.busy)


def test_finishing_waits_for_nobody_who_is_stuck(stage):
    """At the end of a program nobody waits for a viewer that is stuck."""
    stuck = Telling(held=True)
    stage.call(stuck)
    assert stuck.begun.wait(WATCHDOG)
    try:
        stage.finish(patience=0.02)
        assert not stuck.done.is_set()
    finally:
        stuck.let_go.set()


def test_a_telling_may_call(stage):
    """What is told may call for something else to be told, and comes to its end first."""
    told = []
    done = Telling()

    def tell():
        stage.call(lambda: told.append("second"))
        stage.call(done)
        told.append("first")

    stage.call(tell)

    assert done.done.wait(WATCHDOG)
    assert ["first", "second"] == told
