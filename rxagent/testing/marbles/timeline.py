"""The time of a diagram: which column means which second."""

import re
from collections.abc import Sequence

from attrs import frozen

from .lines import Line

__all__ = ["Timeline", "duration", "read_duration", "read_ruler"]

__tracebackhide__ = True

_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(us|µs|ms|s|min|h)")


@frozen
class Timeline:
    """The time of each column: `tick` seconds more than the one before, but where a label says.

    `labels` holds columns and their seconds; the first is where time begins.
    """

    tick: float = 0.001
    labels: tuple[tuple[int, float], ...] = ((0, 0.0),)

    def at(self, column: int) -> float | None:
        """Return the seconds at which a column is; None when a later label has that time."""
        index = max(n for n, (start, _) in enumerate(self.labels) if start <= column)
        start, seconds = self.labels[index]
        time = round(seconds + (column - start) * self.tick, 6)
        following = self.labels[index + 1 : index + 2]
        return None if any(time >= later for _, later in following) else time

    def column(self, seconds: float) -> int | None:
        """Return the column of a time; None when it has none."""
        start, begun = max(label for label in self.labels if label[1] <= seconds)
        column = start + round((seconds - begun) / self.tick)
        return column if self.at(column) == round(seconds, 6) else None


def read_duration(text: str) -> float | None:
    """Return the seconds that a text such as `10ms` or `1.5s` means; None when it means none."""
    found = _DURATION.fullmatch(text)
    return round(float(found[1]) * _SECONDS[found[2]], 6) if found else None


def duration(seconds: float) -> str:
    """Return the shortest text that means exactly so many seconds, as rulers are written."""
    micros = round(seconds * 1_000_000)
    if micros % 1_000:
        return f"{micros}us"
    if micros % 1_000_000 or micros < 10_000_000:
        return f"{micros // 1_000}ms"
    return f"{micros // 1_000_000}s"


def read_ruler(line: Line, start: int) -> Sequence[tuple[int, float]]:
    """Return the labels of a ruler, whose times must grow from left to right."""
    labels: list[tuple[int, float]] = []
    for found in re.finditer(r"\S+", line.text[start:]):
        column, label = start + found.start(), found[0]
        seconds = read_duration(label)
        if seconds is None:
            raise line.flaw(column, f"{label!r} is no time; write 500us, 10ms, 2s, 1min or 1h.")
        if labels and seconds <= labels[-1][1]:
            raise line.flaw(column, f"{label} does not come after the label to its left.")
        labels.append((column, seconds))
    return labels
