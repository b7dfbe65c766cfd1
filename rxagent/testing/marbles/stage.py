"""Marble tests in Python, without a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from reactivex import Observable

from ...arguments import text
from ..clock import VirtualScheduler
from .diagram import Note, Watch
from .performance import ColdRow, HotRow, Recording, Row
from .reading import notes_of, watch_of
from .report import ASTRAY, compare, compare_subscriptions, from_here
from .rows import ERROR, Line, Timeline, read_duration

__all__ = ["Expectation", "Marbles", "marbles"]

# pytest shows failures up to the test.
__tracebackhide__ = True

_TOO_MUCH = 10_000
_TICK = 'a time such as "10ms"'


def marbles(tick: str = "1ms", error: Exception | None = None, **bindings: Any) -> Marbles:
    """Make streams of marbles, and check the expectations at the end of the block.

    .. code-block:: python

        with marbles(r=ReasoningDelta("hm"), a=TextDelta("He"), x="He") as m:
            said = m.cold("-r-a-|").pipe(ops.text())
            m.expect(said).to_be("---x-|")

    Args:
        tick: The time of one column, such as `10ms`.
        error: The error that the # marble carries.
        bindings: The values of single letters.

    Raises:
        AssertionError: A stream is not as expected.
        MarbleSyntaxError: A row cannot be read.
    """
    text("tick", tick, what=_TICK)
    seconds = read_duration(tick)
    if not seconds:
        raise ValueError(f"tick is {_TICK}, not {tick!r}.")
    for letter in bindings:
        if len(letter) != 1:
            raise TypeError(f"Only single letters are bound, not {letter!r}.")
    if error is not None:
        bindings[ERROR] = error
    return Marbles(Timeline(seconds), bindings)


class Marbles:
    """A block of marble streams and expectations, and the virtual time in which they play.

    The expectations are checked at the end of the block, unless it raises.
    """

    def __init__(self, timeline: Timeline, bindings: dict[str, Any]) -> None:
        self._timeline = timeline
        self._bindings = bindings
        self._hot: list[HotRow] = []
        self._expectations: list[Expectation] = []
        self._scheduler: VirtualScheduler | None = None

    @property
    def run_scheduler(self) -> VirtualScheduler:
        """The virtual home in which the streams play."""
        if self._scheduler is None:
            raise RuntimeError(
                "Time begins with a block, whose end checks the expectations: "
                "write `with marbles(...) as m:`."
            )
        return self._scheduler

    def __enter__(self) -> Self:
        self._scheduler = VirtualScheduler()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None:
            self.run_scheduler.__exit__(kind, error, trace)
            return
        with self.run_scheduler:
            self.check()

    def cold(self, row: str) -> ColdRow:
        """Return a stream that plays a row from its subscription on."""
        start = len(row) - len(row.lstrip(" "))
        return ColdRow(self.run_scheduler, self._notes(row, start, start * self._timeline.tick))

    def hot(self, row: str) -> HotRow:
        """Return a stream that plays a row from the beginning of time."""
        hot = HotRow(self.run_scheduler, self._notes(row))
        self._hot.append(hot)
        return hot

    def expect(self, stream: Observable[Any]) -> Expectation:
        """Expect something of a stream: continue with `to_be` or `to_be_subscribed`."""
        expectation = Expectation(self, stream)
        self._expectations.append(expectation)
        return expectation

    def check(self) -> None:
        """Let time pass, and raise AssertionError for each stream that is not as expected."""
        if not self._expectations:
            raise ValueError("Nothing is expected, so this cannot fail: use m.expect(...).")
        for hot in self._hot:
            hot.start()
        self.run_scheduler.run()
        found = [expectation.check() for expectation in self._expectations]
        for expectation in self._expectations:
            expectation.dispose()
        if any(found):
            raise AssertionError("\n\n".join(filter(None, found)))

    def _notes(self, row: str, start: int = 0, begun: float = 0.0) -> tuple[Note, ...]:
        return notes_of(Line(row), start, self._timeline, self._bindings, begun)

    def _watch(self, row: str) -> Watch:
        return watch_of("", Line(row), 0, self._timeline)

    def _differ(self, expected: tuple[Note, ...], actual: Recording) -> str:
        difference = compare(expected, actual.notes, self._bindings, self._timeline.tick)
        return "\n".join(filter(None, [difference, ASTRAY if actual.is_astray else ""]))

    def _differ_in_time(self, watches: list[Watch], row: Row) -> str:
        return compare_subscriptions(watches, row.subscriptions, self._timeline.tick)


class Expectation:
    """What is expected of a stream."""

    def __init__(self, stage: Marbles, stream: Observable[Any]) -> None:
        self._stage = stage
        self._stream = stream
        self._checks: list[tuple[str, Callable[[], str]]] = []
        self._recordings: list[Recording] = []

    def to_be(self, row: str, subscribed: str = "^") -> None:
        """Expect a stream to emit a row; `subscribed` is when it is subscribed and disposed."""
        stage, watch = self._stage, self._stage._watch(subscribed)
        expected = stage._notes(row)
        recording = Recording(stage.run_scheduler, len(expected) + _TOO_MUCH)
        self._recordings.append(recording)
        if watch.disposed is not None:
            stage.run_scheduler.schedule_relative(watch.disposed, recording.dispose)
        stage.run_scheduler.schedule_relative(
            watch.subscribed or 0.0, lambda *_: recording.subscribe(self._stream)
        )
        self._add("The stream is not as drawn.", lambda: stage._differ(expected, recording))

    def to_be_subscribed(self, *rows: str) -> None:
        """Expect a cold or hot stream to be subscribed and disposed as these rows say, no more."""
        stage, stream = self._stage, self._stream
        if not isinstance(stream, Row):
            raise TypeError("Only the streams of `cold` and `hot` record their subscriptions.")
        watches = [stage._watch(row) for row in rows]
        self._add(
            "The stream is not subscribed as drawn.",
            lambda: stage._differ_in_time(watches, stream),
        )

    def check(self) -> str:
        """Return how the stream differs from the expectation; an empty text if it does not."""
        if not self._checks:
            raise ValueError("expect(...) alone expects nothing: continue with to_be(...).")
        found = ((claim, difference()) for claim, difference in self._checks)
        return "\n\n".join(f"{claim}\n{wrong}" for claim, wrong in found if wrong)

    def dispose(self) -> None:
        """Dispose the subscriptions of `to_be`."""
        for recording in self._recordings:
            recording.dispose()

    def _add(self, claim: str, difference: Callable[[], str]) -> None:
        frame = sys._getframe(2)
        place = f"{from_here(Path(frame.f_code.co_filename))}:{frame.f_lineno}"
        self._checks.append((f"{place}: {claim}", difference))
