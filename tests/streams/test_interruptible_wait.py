"""Latches: set once, from anywhere, without a lock."""

import signal
import threading
import time

from rxagent.streams.interruptible_wait import POLL_SECONDS, Latch

from ..meanwhile import meanwhile

WATCHDOG = 60


def test_waiting_ends_when_it_is_set():
    """Threads that wait go on, and later ones do not wait at all."""
    latch, passed = Latch(), []
    threads = [threading.Thread(target=lambda: passed.append(latch.wait())) for _ in range(8)]
    for thread in threads:
        thread.start()
    latch.set()
    for thread in threads:
        thread.join(WATCHDOG)

    assert [True] * 8 == passed
    assert latch.wait(0)


def test_a_wait_may_be_in_vain():
    """When the time is over, it says that it was not set."""
    latch = Latch()

    assert not latch.wait(0.001)
    assert not latch.wait(0)
    latch.set()
    assert latch.is_set


def test_calls_are_made_once():
    """What is given before and after it was set is called once; what was taken back is not."""
    latch, called = Latch(), []
    dropped = lambda: called.append("dropped")  # noqa: E731  # compared by identity
    latch.call(lambda: called.append("before"))
    latch.call(dropped)
    latch.discard(dropped)
    latch.set()
    latch.set()
    latch.call(lambda: called.append("after"))

    assert ["before", "after"] == called


def test_it_may_be_set_meanwhile():
    """Wherever setting comes between the steps of a call, that is made once."""
    step = 0
    while True:
        step += 1
        latch, called = Latch(), []
        if not meanwhile(lambda la=latch, c=called: la.call(lambda: c.append(1)), step, latch.set):
            break
        assert [1] == called
    assert step > 3


def test_a_signal_handler_may_set_it():
    """A handler that interrupts the wait of its own thread ends that wait."""
    before = signal.signal(signal.SIGALRM, lambda *_: latch.set())
    try:
        for number in range(100):
            latch = Latch()
            signal.setitimer(signal.ITIMER_REAL, 1e-5 * (1 + number % 10))
            end = time.monotonic() + WATCHDOG
            # Python misses a signal that comes right before it blocks, until it wakes.
            while not latch.wait(POLL_SECONDS):
                assert time.monotonic() < end
    finally:
        signal.signal(signal.SIGALRM, before)
