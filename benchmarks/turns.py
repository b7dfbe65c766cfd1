"""Turns: both sides measured again and again, one after the other, since machines are noisy."""

import gc
from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time

from attrs import frozen

from .row import Row

__all__ = ["Turns", "cpu", "per", "take_turns", "wall"]


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds that this process takes for some work, in all its threads."""
    gc.collect()
    before = process_time()
    work()
    return process_time() - before


def wall(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    before = perf_counter()
    work()
    return perf_counter() - before


def per(count: int, measure: Callable[[], float]) -> Callable[[], float]:
    """Return a measure in millionths of another, per item."""
    return lambda: measure() / count * 1e6


@frozen
class Turns:
    """The measurements of both sides, turn by turn."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Ours divided by theirs, in each turn."""
        return [one / other for one, other in zip(self.ours, self.theirs, strict=True)]

    def row(
        self, name: str, unit: str, limit: float, note: str = "", *, is_least: bool = False
    ) -> Row:
        """Return the row with this limit for the ratio; the median turn counts.

        Args:
            name: What was measured.
            unit: In what.
            limit: What the ratio is at most.
            note: What else is to be known.
            is_least: Whether the ratio must not be less than the limit, but may be more.
        """
        ratio = median(self.ratios)
        spread = f"{min(self.ratios):.3f} to {max(self.ratios):.3f}"
        return Row(
            name,
            median(self.ours),
            unit,
            f"at {'least' if is_least else 'most'} {limit:.3g} x",
            ratio >= limit if is_least else ratio <= limit,
            f"{spread}{f'; {note}' if note else ''}",
            sdk=median(self.theirs),
            ratio=ratio,
        )


def take_turns(
    ours: Callable[[], float], theirs: Callable[[], float], times: int, warm: int = 1
) -> Turns:
    """Measure both in turns; the warm-up turns do not count."""
    pairs = [(ours(), theirs()) for _ in range(warm + times)][warm:]
    return Turns(*zip(*pairs, strict=True))
