"""Branching: one stream among several pipelines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import Disposable

from ..arguments import shown
from ..streams.sink import MergeSink, Producer
from ._operator import operator

__all__ = ["branch"]

_T = TypeVar("_T")
_R = TypeVar("_R")


@operator(is_open=True)
def branch(
    *operators: Callable[[Observable[_T]], Observable[_R]],
) -> Callable[[Observable[_T]], Observable[_T | _R]]:
    """Pass a stream on, and merge in what operators make of it, subscribing to it once.

    An item is passed on before the operators receive it, in their order. It differs from
    `publish(mapper)` with `merge` in that all branches are subscribed before the stream is, and
    in that no lock is held while emitting, as the notifications of a run are serial already.

    .. marbles:: branch/branch
    """
    for one in operators:
        if not callable(one):
            raise TypeError(f"branch takes operators, as branch(ops.usage()), not {shown(one)}.")

    def branched(source: Observable[_T]) -> Observable[_T | _R]:
        def subscribe(
            observer: abc.ObserverBase[_T | _R], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            stem: _Stem[_T, _R] = _Stem(observer, scheduler)
            for branch in [grown(Producer(stem.grow)) for grown in operators]:
                stem.join(branch)
            return stem if stem.is_stopped else stem.follow(source, scheduler)

        return Producer(subscribe)

    return branched


class _Stem(MergeSink[_T, _T | _R], Generic[_T, _R]):
    __slots__ = ("_branches",)

    def __init__(
        self, observer: abc.ObserverBase[_T | _R], scheduler: abc.SchedulerBase | None
    ) -> None:
        super().__init__(observer, scheduler)
        self._branches: tuple[abc.ObserverBase[_T], ...] = ()

    def grow(
        self, branch: abc.ObserverBase[_T], _: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        self._branches = (*self._branches, branch)
        return Disposable(lambda: self._cut(branch))

    def _cut(self, branch: abc.ObserverBase[_T]) -> None:
        self._branches = tuple(other for other in self._branches if other is not branch)

    def on_next(self, value: _T) -> None:
        self.observer.on_next(value)
        for branch in self._branches:
            branch.on_next(value)

    def on_completed(self) -> None:
        branches, self._branches = self._branches, ()
        for branch in branches:
            branch.on_completed()
        super().on_completed()
