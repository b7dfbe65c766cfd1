"""The ledger of a stream: how often it was subscribed and disposed."""

from __future__ import annotations

import threading
from typing import TypeVar

from attrs import define, field
from reactivex import Observable
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase
from reactivex.disposable import CompositeDisposable, Disposable

__all__ = ["Ledger", "opened"]

T = TypeVar("T")


@define(eq=False)
class Ledger:
    """How often a stream was subscribed, and how often a subscription ended or was disposed."""

    subscribed: int = 0
    disposed: int = 0
    _changed: threading.Condition = field(factory=threading.Condition, init=False, repr=False)

    @property
    def open(self) -> int:
        """The number of open subscriptions."""
        return self.subscribed - self.disposed

    def wait_disposed(self, count: int = 1, timeout: float = 20.0) -> None:
        """Block until this many subscriptions are disposed.

        Raises:
            TimeoutError: They are not, after `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.disposed >= count, timeout):
                raise TimeoutError(f"Not disposed {count} times within {timeout:g} s: {self}")

    def _opened(self) -> None:
        with self._changed:
            self.subscribed += 1

    def _closed(self) -> None:
        with self._changed:
            self.disposed += 1
            self._changed.notify_all()


def opened(source: Observable[T]) -> tuple[Observable[T], Ledger]:
    """Return the same stream, and the ledger of its subscriptions."""
    ledger = Ledger()

    def subscribe(
        observer: ObserverBase[T], scheduler: SchedulerBase | None = None
    ) -> DisposableBase:
        ledger._opened()
        subscription = source.subscribe(observer, scheduler=scheduler)
        return CompositeDisposable(subscription, Disposable(ledger._closed))

    return Observable(subscribe), ledger
