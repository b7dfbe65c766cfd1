"""What is wrong with a diagram that was performed, so that one sees it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from traceback import walk_tb
from typing import Any

from .diagram import Diagram, Note, Watch
from .lines import Line
from .matching import matches
from .performance import Outcome
from .places import from_here, is_own
from .playing import Subscription
from .rows import Kind
from .signs import Signs, binding
from .timeline import duration
from .writing import Strand, strand_of, watch_strand, write

__all__ = ["ASTRAY", "compare", "compare_subscriptions", "report"]

ASTRAY = "Something waits in real time: does an operator not pass on its scheduler?"


def report(diagram: Diagram, outcome: Outcome) -> str:
    """Return what is wrong, in marbles and in words; an empty text when nothing is."""
    difference = compare(diagram.out.notes, outcome.notes, diagram.bindings, diagram.timeline.tick)
    parts = [
        f"{diagram.out.line.place}: {_wrong(diagram)}\n{difference}" if difference else "",
        *_subscriptions(diagram, outcome),
        *_loose_ends(diagram, outcome),
        f"{diagram.pipeline.snippet.place}: {ASTRAY}" if outcome.is_astray else "",
    ]
    return "\n\n".join(filter(None, parts))


def _wrong(diagram: Diagram) -> str:
    """Return in words that the result is not as drawn, and whether its row is out of line."""
    blank = re.match("out: *", diagram.out.line.text)
    late = blank.end() - diagram.timeline.labels[0][0] if blank else 0
    if not late:
        return "out is not as drawn."
    columns = "1 column" if late == 1 else f"{late} columns"
    return f"out is not as drawn; its row begins {columns} after time does."


def compare(
    expected: Sequence[Note], actual: Sequence[Note], bindings: Mapping[str, Any], tick: float
) -> str:
    """Return how what came differs from what was expected; an empty text when it does not."""
    pairs = zip(expected, actual, strict=False)
    same = sum(1 for _ in _while_same(pairs))
    if same == len(expected) == len(actual):
        return ""
    signs = Signs(bindings)
    rows = {
        "expected": strand_of(expected, lambda note: note.sign),
        "actual": strand_of(actual, signs.of),
    }
    bound = [_bound(letter, value) for letter, value in signs.added.items()]
    difference = _first_difference(expected[same : same + 1], actual[same : same + 1])
    return "\n".join([write(rows, tick), *bound, difference])


def _bound(letter: str, value: Any) -> str:
    is_letter = isinstance(value, Exception) and letter != "!"
    return binding(letter, value) + ("  (an error)" if is_letter else "")


def _while_same(pairs: Iterable[tuple[Note, Note]]) -> Iterator[None]:
    for one, other in pairs:
        if one.at != other.at or not _is_same(one, other):
            return
        yield None


def _is_same(expected: Note, actual: Note) -> bool:
    return expected.kind is actual.kind and matches(expected.value, actual.value)


def _first_difference(expected: Sequence[Note], actual: Sequence[Note]) -> str:
    match expected, actual:
        case [one], []:
            return f"At {duration(one.at)} {_told(one)} was expected, but nothing more came."
        case [], [other]:
            return f"Nothing more was expected, but at {duration(other.at)} {_told(other)} came."
        case [one], [other] if _is_same(one, other):
            return (
                f"{_told(one)} was expected at {duration(one.at)}, "
                f"but came at {duration(other.at)}."
            )
        case [one], [other] if one.at == other.at:
            return f"At {duration(one.at)} {_told(one)} was expected, but {_told(other)} came."
        case [one], [other]:
            return (
                f"At {duration(one.at)} {_told(one)} was expected, "
                f"but at {duration(other.at)} {_told(other)} came."
            )
    raise AssertionError("there is no difference")


def _told(note: Note) -> str:
    match note.kind:
        case Kind.NEXT:
            return repr(note.value)
        case Kind.ERROR:
            return f"the error {note.value!r}{_raised(note.value)}"
        case Kind.COMPLETED:
            return "completion"


def _raised(error: Exception) -> str:
    """Return where in the user's own code an error was raised, if it was there."""
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
    """Return how subscriptions differ from those expected; an empty text when they do not."""
    wanted = [
        Subscription(watch.subscribed, watch.disposed)
        for watch in expected
        if watch.subscribed is not None
    ]
    if wanted == list(actual):
        return ""
    rows: dict[str, Strand] = {}
    for what, subscriptions in (("expected", wanted), ("actual", actual)):
        for number, subscription in enumerate(subscriptions, 1):
            rows[f"{what} {number}"] = watch_strand(subscription)
    return write(rows, tick)


def _first_wrong(expected: Sequence[Watch], actual: Sequence[Subscription]) -> Line:
    """Return the line of the first row that is false; of the last when all are, but too few."""
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
            yield (f"{source.line.place}: {source.name} is still subscribed, although all is over.")
