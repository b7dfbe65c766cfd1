"""Viewers: the cost of an event for each, and the time of a late replay."""

import threading
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter, process_time
from typing import Any

from reactivex import Observable, operators
from reactivex.subject import Subject

from rxagent import launch
from rxagent.events import Event, TextDelta
from rxagent.streams import from_batches

from .row import Row
from .turns import cpu, take_turns

__all__ = ["rows"]

PIECE = TextDelta("token ")


def rows(url: str, quick: bool) -> Iterator[Row]:
    """Measure the cost of an event for each viewer, and the time of a late replay."""
    count = 20_000 if quick else 100_000
    for viewers in (1, 10, 100):
        events = max(5_000, count // viewers)
        ours, alone = _told(events, viewers)
        theirs = _subject(events, viewers) * 1e9
        yield Row(
            f"an event to {viewers} direct viewers",
            ours,
            "ns",
            "at most 1.0 x a Subject's",
            ours <= theirs,
            f"a Subject: {theirs:,.0f} ns; beside {alone:,.0f} ns for the run itself",
            ratio=ours / theirs,
        )
    queued, alone = _told(count, 1, attach=True)
    yield Row(
        "an event to a queued viewer",
        queued,
        "ns",
        "at most 1,000 ns",
        queued <= 1000,
        f"beside {alone:,.0f} ns for the run itself",
    )
    late = _replay(100_000)
    yield Row("a late replay of 100,000 events", late, "s", "at most 0.2 s", late <= 0.2)


def _source(count: int) -> Observable[Event]:
    async def batches() -> Any:
        for _ in range(count // 50):
            yield [PIECE] * 50

    return from_batches(batches)


def _told(count: int, viewers: int, attach: bool = False) -> tuple[float, float]:
    """Return the nanoseconds of CPU that so many viewers add to an event, and those without.

    Both are measured in turns, since a machine may be slower for a while.
    """

    def once(viewers: int) -> None:
        run = launch(_source(count))
        ended = [_Watching() for _ in range(viewers)]
        for viewer in ended:
            (run.attach if attach else run.subscribe)(viewer)
        run.result()
        for viewer in ended:
            viewer.over.wait()

    watched = take_turns(
        lambda: cpu(lambda: once(viewers)), lambda: cpu(lambda: once(0)), times=9, warm=1
    )
    added = [one - other for one, other in zip(watched.ours, watched.theirs, strict=True)]
    return median(added) / count * 1e9, median(watched.theirs) / count * 1e9


def _subject(count: int, viewers: int) -> float:
    """Return the cost of an event with a Subject of reactivex, without that of making it."""

    def once() -> None:
        subject: Subject[Event] = Subject()
        for _ in range(viewers):
            subject.subscribe(_Watching())
        for _ in range(count):
            subject.on_next(PIECE)

    return _median(once) / count


def _replay(count: int) -> float:
    """Return the seconds of a full replay for a viewer that subscribes after the end."""
    run = launch(_source(count).pipe(operators.map(lambda piece: piece)), keep="everything")
    run.result()

    def once() -> None:
        viewer = _Watching()
        run.attach(viewer)
        viewer.over.wait()

    once()
    return _median(once, perf_counter)


def _median(work: Callable[[], None], clock: Callable[[], float] = process_time) -> float:
    work()
    times = []
    for _ in range(5):
        start = clock()
        work()
        times.append(clock() - start)
    return median(times)


class _Watching:
    def __init__(self) -> None:
        self.over = threading.Event()

    def on_next(self, event: Event) -> None:
        """Receive a notification."""

    def on_error(self, error: Exception) -> None:
        """Receive a notification."""
        self.over.set()

    def on_completed(self) -> None:
        """Receive a notification."""
        self.over.set()
