"""The ledger of a stream."""

import threading

import pytest
import reactivex as rx
from reactivex import Subject
from reactivex import operators as ops
from reactivex.disposable import Disposable

from rxagent.testing.ledger import opened


def test_cold_until_subscribed() -> None:
    """A stream without subscriptions has an empty ledger."""
    _, ledger = opened(rx.of(1))

    assert (0, 0, 0) == (ledger.subscribed, ledger.disposed, ledger.open)


def test_completed() -> None:
    """The ledger does not change the stream; its end closes the subscription."""
    stream, ledger = opened(rx.of(1, 2))
    said: list[int] = []
    stream.subscribe(said.append)

    assert [1, 2] == said
    assert (1, 1) == (ledger.subscribed, ledger.disposed)


def test_failed() -> None:
    """An error closes the subscription, and each retry opens one."""
    stream, ledger = opened(rx.throw(ValueError("no")))
    failed: list[Exception] = []
    stream.pipe(ops.retry(3)).subscribe(on_error=failed.append)

    assert ["no"] == [str(error) for error in failed]
    assert (3, 3) == (ledger.subscribed, ledger.disposed)


def test_disposed() -> None:
    """Disposing closes the subscription, once, and reaches the source."""
    subject: Subject[int] = Subject()
    stream, ledger = opened(subject)
    first = stream.subscribe()
    stream.subscribe()
    first.dispose()
    first.dispose()

    assert (2, 1, 1) == (ledger.subscribed, ledger.disposed, ledger.open)
    assert 1 == len(subject.observers)


def test_scheduler_is_passed_on() -> None:
    """The scheduler of the subscription reaches the source."""
    given: list[object] = []

    def note(_: object, scheduler: object) -> Disposable:
        given.append(scheduler)
        return Disposable()

    stream, _ = opened(rx.create(note))
    stream.subscribe(scheduler=(run_scheduler := rx.scheduler.ImmediateScheduler()))

    assert [run_scheduler] == given


def test_waiting() -> None:
    """Waiting for a subscription to be disposed elsewhere has a timeout."""
    stream, ledger = opened(rx.never())
    subscription = stream.subscribe()
    elsewhere = threading.Thread(target=subscription.dispose)
    with pytest.raises(TimeoutError, match="disposed=0"):
        ledger.wait_disposed(timeout=0)
    elsewhere.start()
    ledger.wait_disposed()
    elsewhere.join()

    assert 0 == ledger.open
