"""Report how a performed diagram differs from what it shows."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile, zip_longest
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Any

from ...arguments import plural
from .bindings import matches
from .diagram import Diagram, Note, Subscription, Watch
from .performance import Outcome
from .rows import ERROR, Kind, Line, duration
from .writing import Signs, TimedSigns, binding, signs_of, watch_signs, write

__all__ = [
    "ASTRAY",
    "compare",
    "compare_subscriptions",
    "from_here",
    "is_of_diagram",
    "is_own",
    "is_same",
    "report",
]

ASTRAY = "Something waits in real time: does an operator not pass on its scheduler?"

_LIBRARIES = {"rxagent", "reactivex", *sys.stdlib_module_names}


def from_here(path: Path) -> Path:
    """Return a path relative to the current folder, if it is in it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def is_of_diagram(frame: FrameType) -> bool:
    """Tell whether a frame belongs to a pipeline, whose code is in no module."""
    return "__name__" not in frame.f_globals


def is_own(frame: FrameType) -> bool:
    """Tell whether a frame belongs to the user's own code, diagrams included."""
    return frame.f_globals.get("__name__", "").partition(".")[0] not in _LIBRARIES


def report(diagram: Diagram, outcome: Outcome) -> str:
    """Return the differences, in marbles and in words; an empty text if there are none."""
    difference = compare(diagram.out.notes, outcome.notes, diagram.bindings, diagram.timeline.tick)
    parts = [
        f"{diagram.out.line.place}: {_heading(diagram)}\n{difference}" if difference else "",
        *_subscriptions(diagram, outcome),
        *_loose_ends(diagram, outcome),
        f"{diagram.pipeline.snippet.place}: {ASTRAY}" if outcome.is_astray else "",
    ]
    return "\n\n".join(filter(None, parts))


def _heading(diagram: Diagram) -> str:
    blank = re.match("out: *", diagram.out.line.text)
    late = blank.end() - diagram.timeline.labels[0][0] if blank else 0
    if not late:
        return "out is not as drawn."
    return f"out is not as drawn; its row begins {plural(late, 'column')} after time does."


def compare(
    expected: Sequence[Note], actual: Sequence[Note], bindings: Mapping[str, Any], tick: float
) -> str:
    """Return how notes differ from those expected; an empty text if they do not."""
    pairs = zip(expected, actual, strict=False)
    same = sum(
        1 for _ in takewhile(lambda pair: pair[0].at == pair[1].at and is_same(*pair), pairs)
    )
    if same == len(expected) == len(actual):
        return ""
    signs = Signs(bindings)
    rows = {
        "expected": signs_of(expected, lambda note: note.sign),
        "actual": signs_of(actual, signs.of),
    }
    bound = [_bound(letter, value) for letter, value in signs.added.items()]
    difference = _first_difference(expected[same : same + 1], actual[same : same + 1])
    return "\n".join([write(rows, tick), *bound, difference])


def _bound(letter: str, value: Any) -> str:
    is_letter = isinstance(value, Exception) and letter != ERROR
    return binding(letter, value) + ("  (an error)" if is_letter else "")


def is_same(expected: Note, actual: Note) -> bool:
    """Tell whether two notes have the same kind and value."""
    return expected.kind is actual.kind and matches(expected.value, actual.value)


def _first_difference(expected: Sequence[Note], actual: Sequence[Note]) -> str:
    match expected, actual:
        case [one], []:
            return f"At {duration(one.at)} {_named(one)} was expected, but nothing more came."
        case [], [other]:
            return f"Nothing more was expected, but at {duration(other.at)} {_named(other)} came."
        case [one], [other] if is_same(one, other):
            times = f"at {duration(one.at)}, but came at {duration(other.at)}."
            return f"{_named(one)} was expected {times}"
        case [one], [other]:
            at = "" if one.at == other.at else f"at {duration(other.at)} "
            came = f"but {at}{_named(other)} came."
            return f"At {duration(one.at)} {_named(one)} was expected, {came}"
    raise AssertionError("there is no difference")


def _named(note: Note) -> str:
    match note.kind:
        case Kind.NEXT:
            return repr(note.value)
        case Kind.ERROR:
            return f"the error {note.value!r}{_raised(note.value)}"
        case Kind.COMPLETED:
            return "completion"


def _raised(error: Exception) -> str:
    """Return where the user's own code raised an error; an empty text if it did not."""
    for frame, line in reversed(list(walk_tb(error.__traceback__))):
        if is_own(frame):
            file = from_here(Path(frame.f_code.co_filename))
            return f", raised at {file}:{line},"
    return ""


def _subscriptions(diagram: Diagram, outcome: Outcome) -> Iterator[str]:
    for source in diagram.sources:
        watches = diagram.watches_of(source.name)
        actual = outcome.subscriptions[source.name]
        if watches:
            difference = compare_subscriptions(watches, actual, diagram.timeline.tick)
            if difference:
                place = _first_wrong(watches, actual).place
                yield f"{place}: {source.name} is not subscribed as drawn.\n{difference}"
        elif not actual:
            yield (
                f"{source.line.place}: {source.name} is drawn, but was never subscribed; "
                f"an empty row `{source.name}^` says so."
            )
        if actual and not source.is_hot and actual[0].subscribed != source.drawn:
            hint = " Are the rows out of line?" if source.drawn else ""
            yield (
                f"{source.line.place}: {source.name} is drawn from {duration(source.drawn)} on, "
                f"but was subscribed at {duration(actual[0].subscribed)}.{hint}"
            )


def compare_subscriptions(
    expected: Sequence[Watch], actual: Sequence[Subscription], tick: float
) -> str:
    """Return how subscriptions differ from those expected; an empty text if they do not."""
    wanted = [
        Subscription(watch.subscribed, watch.disposed)
        for watch in expected
        if watch.subscribed is not None
    ]
    if wanted == list(actual):
        return ""
    rows: dict[str, TimedSigns] = {}
    for what, subscriptions in (("expected", wanted), ("actual", actual)):
        for number, subscription in enumerate(subscriptions, 1):
            rows[f"{what} {number}"] = watch_signs(subscription)
    return write(rows, tick)


def _first_wrong(expected: Sequence[Watch], actual: Sequence[Subscription]) -> Line:
    """Return the line of the first row that differs, or of the last if there are too few."""
    for watch, one in zip_longest(expected, actual):
        if watch is None:
            break
        if one is None or (watch.subscribed, watch.disposed) != (one.subscribed, one.disposed):
            return watch.line
    return expected[-1].line


def _loose_ends(diagram: Diagram, outcome: Outcome) -> Iterator[str]:
    for source in diagram.sources:
        subscriptions = outcome.subscriptions[source.name]
        if outcome.is_over and any(one.disposed is None for one in subscriptions):
            yield f"{source.line.place}: {source.name} is still subscribed, although all is over."
