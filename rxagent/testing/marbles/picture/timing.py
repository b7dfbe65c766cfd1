"""Time in a picture: its axis, with the moments at which something happens."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from ..timeline import Timeline, duration
from .parts import Part, Stroke, Words, width_of

__all__ = ["axis", "moment"]

_UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_GAP = 7.0


def moment(seconds: float) -> str:
    """Return a time as one says it, such as `20 ms`."""
    number = duration(seconds).rstrip("ums")
    return f"{number} {duration(seconds)[len(number) :].replace('u', 'µ')}"


def axis(
    places: Mapping[float, float], timeline: Timeline, y: float, left: float, end: float
) -> Iterator[Part]:
    """Yield the axis at `y`: a tick at each moment, and its number where there is room."""
    unit, numbers = _numbers(sorted(places))
    yield Stroke("axis", f"M{places[0.0]:g} {y:g}H{end:g}")
    yield Words.at(left, y + 11, "time", unit)
    free = left + width_of(unit, "time") + _GAP
    for seconds, number in numbers.items():
        x, half = places[seconds], width_of(number, "time") / 2
        has_room = x - half >= free
        yield Stroke("axis", f"M{x:g} {y:g}v{4 if has_room else 2.5:g}")
        if has_room:
            yield Words.at(x - half, y + 11, "time", number)
            free = x + half + _GAP
    for x in _breaks(places, timeline):
        yield Stroke("axis", f"M{x - 4:g} {y + 4:g}l4 -8m1 8l4 -8")


def _numbers(instants: list[float]) -> tuple[str, dict[float, str]]:
    """Return the unit in which all moments are shortest, and their numbers in it."""
    found: list[tuple[int, str, dict[float, str]]] = []
    for unit, seconds in _UNITS.items():
        numbers = {instant: f"{instant / seconds:.10g}" for instant in instants}
        if all(_is_exact(number, seconds, instant) for instant, number in numbers.items()):
            found.append((sum(map(len, numbers.values())), unit, numbers))
    _, unit, numbers = min(found, key=lambda one: one[0])
    return unit, numbers


def _is_exact(number: str, unit: float, instant: float) -> bool:
    return "e" not in number and abs(float(number) * unit - instant) < 5e-7


def _breaks(places: Mapping[float, float], timeline: Timeline) -> Iterator[float]:
    """Yield where time jumps, since a label of the ruler says so."""
    labels = timeline.labels
    for (column, seconds), (label, later) in pairwise(labels):
        if later - seconds - (label - column) * timeline.tick > 5e-7:
            before = [x for instant, x in places.items() if instant < later]
            after = [x for instant, x in places.items() if instant >= later]
            if before and after:
                yield (max(before) + min(after)) / 2
