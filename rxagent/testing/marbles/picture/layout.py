"""The layout of a picture: streams above, the pipeline as a box, the result, time, letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise, zip_longest
from typing import Any, TypeAlias

from attrs import frozen

from ..diagram import Diagram, Subscription
from ..rows import ERROR, Kind, Timeline
from .code import filled, folded, unfolded
from .parts import (
    Box,
    Marble,
    Part,
    Picture,
    Stroke,
    Words,
    allowed,
    cross,
    room_for,
    rounded,
    shortened,
    width_of,
)
from .strands import Ball, Cluster, Strand, ball_of, said, strands

__all__ = ["across", "layout"]

Places: TypeAlias = Mapping[float, float]
"""The x of each instant."""

_MARGIN = 8.0
_NARROWEST = 360.0
_BETWEEN = 12.0
_PADDING = 11.0
_CODE_LINE = 17.0
_ARROW = 14.0
_AXIS = 20.0


def layout(diagram: Diagram) -> Picture:
    """Return the picture of a diagram."""
    sources, result = strands(diagram)
    places = across([*sources, result], diagram.timeline)
    ends = [
        places[cluster.at] + cluster.right
        for strand in [*sources, result]
        for cluster in strand.clusters
    ]
    end = max(_NARROWEST - _MARGIN, max([*places.values(), *ends]) + _ARROW)
    parts: list[Part] = []
    y = _MARGIN
    for strand in sources:
        y = _add_stream(parts, strand, y, places, end)
    y = _add_box(parts, diagram, y, end)
    y = _add_stream(parts, result, y, places, end)
    parts.extend(_axis(places, diagram.timeline, y, end))
    guides = [Stroke("guide", f"M{x:g} {_MARGIN:g}V{y:g}") for x in places.values()]
    y += _AXIS
    legend, height = _legend(diagram, y + _BETWEEN, end - _MARGIN)
    if height:
        parts.extend(legend)
        y += _BETWEEN + height
    return Picture(end + _MARGIN, y + _MARGIN, (*guides, *parts))


def _add_box(parts: list[Part], diagram: Diagram, y: float, end: float) -> float:
    source = diagram.pipeline.snippet.source
    room = room_for("code", end - _MARGIN - 2 * _PADDING)
    lines = [allowed(line) for line in folded(source, room)]
    height = len(lines) * _CODE_LINE + 2 * _PADDING - 4
    parts.append(Stroke("box", rounded(Box(_MARGIN, y, end - _MARGIN, height), 6.0)))
    top = y + _PADDING - 2 + _CODE_LINE / 2
    for number, line in enumerate(lines):
        shown = shortened(line, room)
        title = unfolded(source) if shown != line else ""
        parts.append(Words.at(_MARGIN + _PADDING, top + number * _CODE_LINE, "code", shown, title))
    return y + height + _BETWEEN


# Instants, from left to right.

_LABEL_GAP = 9.0
_INSTANT_GAP = 5.0
_CLOSEST = 10.0
_WIDEST_COLUMN = 17.0
_NARROWEST_COLUMN = 4.0
_ROOM = 350.0


def across(strands: Sequence[Strand], timeline: Timeline) -> Places:
    """Return the place of each instant: in the columns of the text, as far as there is room.

    Marbles that would touch move apart; in a wide picture, silence is shortened.
    """
    instants = sorted({instant for strand in strands for instant in strand.instants})
    width = _WIDEST_COLUMN
    places = _placed(strands, instants, timeline, width)
    while places[instants[-1]] > _ROOM and width > _NARROWEST_COLUMN:
        width -= 0.5
        places = _placed(strands, instants, timeline, width)
    return places


def _placed(
    strands: Sequence[Strand], instants: Sequence[float], timeline: Timeline, width: float
) -> Places:
    places: dict[float, float] = {}
    before: float | None = None
    for instant in instants:
        least = [_after_own(strand, instant, places) for strand in strands]
        if before is not None:
            first, second = timeline.column(before), timeline.column(instant)
            columns = 1 if first is None or second is None else second - first
            least.append(places[before] + max(_CLOSEST, columns * width))
        places[instant] = round(max(least), 1)
        before = instant
    return places


def _after_own(strand: Strand, instant: float, places: Places) -> float:
    """Return the leftmost place of an instant at which the strand has room for what it shows."""
    least = _MARGIN
    if instant == strand.begun:
        least += width_of(strand.label, "name") + _LABEL_GAP + strand.overhang
    for index, cluster in enumerate(strand.clusters):
        if cluster.at != instant:
            continue
        if index:
            before = strand.clusters[index - 1]
            least = max(least, places[before.at] + before.right + _INSTANT_GAP + cluster.left)
        elif strand.begun < instant:
            least = max(least, places[strand.begun] + _INSTANT_GAP + cluster.left)
    return least


# Streams.

_LEAST = 14.0
_LANE = 10.0
_FRAME = 4.0


def _add_stream(parts: list[Part], strand: Strand, top: float, places: Places, end: float) -> float:
    """Add the parts of a stream; its line ends at `end` if the stream does not end."""
    y = top + max([_LEAST, *(cluster.above for cluster in strand.clusters)])
    below = y + max([_LEAST, *(cluster.below for cluster in strand.clusters)])
    parts.extend(_line(strand, y, places, end))
    title = strand.name if strand.name != strand.label else ""
    name_end = places[strand.begun] - strand.overhang - _LABEL_GAP
    begin = name_end - width_of(strand.label, "name")
    parts.append(Words.at(begin, y, "name", strand.label, title))
    for cluster in strand.clusters:
        parts.extend(_cluster(cluster, places[cluster.at], y, strand.hears(cluster.at)))
    spans = strand.spans or ()
    for number, span in enumerate(spans):
        parts.append(_span(span, below + _LANE * number + _LANE / 2, places, end))
    return below + _LANE * len(spans) + _BETWEEN


def _line(strand: Strand, y: float, places: Places, end: float) -> Iterator[Part]:
    begun = places[strand.begun]
    ended = end
    if strand.ended is not None:
        last = strand.clusters[-1] if strand.clusters else None
        ended = places[strand.ended]
        ended += last.end_offset if last is not None and last.at == strand.ended else 0.0
    silent = strand.silent
    heard = ended if silent is None else max(places[silent], begun)
    if heard > begun:
        yield Stroke("line", f"M{begun:g} {y:g}H{heard:g}")
    if ended > heard:
        yield Stroke("line unheard", f"M{heard:g} {y:g}H{ended:g}")
    if strand.ended is None:
        yield Stroke("line", f"M{ended - 5:g} {y - 4:g}L{ended:g} {y:g}L{ended - 5:g} {y + 4:g}")
    if strand.is_hot:
        yield Stroke("line", f"M{begun:g} {y - 5:g}v10m3 -10v10")
    else:
        yield Stroke("start", f"M{begun:g} {y:g}m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0")


def _cluster(cluster: Cluster, x: float, y: float, is_heard: bool) -> Iterator[Part]:
    faded = "" if is_heard else " unheard"
    if cluster.is_framed:
        left, width = x - cluster.left, cluster.left + cluster.right
        box = Box(left, y - cluster.above, width, cluster.above + cluster.below)
        yield Stroke("frame" + faded, rounded(box, 17.0))
    for ball, offset in zip(cluster.balls, cluster.offsets, strict=True):
        box = Box.around(x, y + offset, ball.width, ball.height)
        yield Marble(box, ball.face, ball.text, ball.title, is_heard)
    top, bottom = y - cluster.above + _FRAME, y + cluster.below - _FRAME
    x += cluster.end_offset
    if cluster.end is Kind.COMPLETED:
        yield Stroke("end" + faded, f"M{x:g} {top:g}V{bottom:g}", cluster.end_title)
    elif cluster.end is Kind.ERROR:
        yield Stroke("cross" + faded, cross(x, (top + bottom) / 2), cluster.end_title)


def _span(span: Subscription, y: float, places: Places, end: float) -> Stroke:
    begun = places[span.subscribed]
    foot = f"M{begun - 4:g} {y + 3:g}h8l-4 -7z"
    if span.disposed is None:
        return Stroke("span", f"{foot}M{begun:g} {y:g}H{end:g}", said(span))
    ended = max(places[span.disposed], begun + 7)
    return Stroke("span", f"{foot}M{begun:g} {y:g}H{ended:g}m0 -4v8", said(span))


# The axis of time.

_UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_NUMBER_GAP = 7.0


def _axis(places: Places, timeline: Timeline, y: float, end: float) -> Iterator[Part]:
    """Yield the axis at `y`: a tick at each instant, and its number where there is room."""
    unit, numbers = _numbers(sorted(places))
    yield Stroke("axis", f"M{places[0.0]:g} {y:g}H{end:g}")
    yield Words.at(_MARGIN, y + 11, "time", unit)
    free = _MARGIN + width_of(unit, "time") + _NUMBER_GAP
    for seconds, number in numbers.items():
        x, half = places[seconds], width_of(number, "time") / 2
        has_room = x - half >= free
        yield Stroke("axis", f"M{x:g} {y:g}v{4 if has_room else 2.5:g}")
        if has_room:
            yield Words.at(x - half, y + 11, "time", number)
            free = x + half + _NUMBER_GAP
    for x in _breaks(places, timeline):
        yield Stroke("axis", f"M{x - 4:g} {y + 4:g}l4 -8m1 8l4 -8")


def _numbers(instants: list[float]) -> tuple[str, dict[float, str]]:
    """Return the unit in which all instants are shortest, and their numbers in it."""
    found: list[tuple[int, str, dict[float, str]]] = []
    for unit, seconds in _UNITS.items():
        numbers = {instant: f"{instant / seconds:.10g}" for instant in instants}
        if all(_is_exact(number, seconds, instant) for instant, number in numbers.items()):
            found.append((sum(map(len, numbers.values())), unit, numbers))
    _, unit, numbers = min(found, key=lambda one: one[0])
    return unit, numbers


def _is_exact(number: str, unit: float, instant: float) -> bool:
    return "e" not in number and abs(float(number) * unit - instant) < 5e-7


def _breaks(places: Places, timeline: Timeline) -> Iterator[float]:
    """Yield the places at which a label of the ruler makes time jump."""
    for (column, seconds), (label, later) in pairwise(timeline.labels):
        if later - seconds - (label - column) * timeline.tick > 5e-7:
            before = [x for instant, x in places.items() if instant < later]
            after = [x for instant, x in places.items() if instant >= later]
            if before and after:
                yield (max(before) + min(after)) / 2


# The legend.

_MOST_LINES = 3
_LEGEND_LINE = 14.0
_SCALE = 0.8
_CROSS = 20.0
_ICON = 34.0
_ENTRY_GAP = 6.0
_COLUMN_GAP = 18.0


@frozen
class _Entry:
    """A letter's ball, or None for the cross of an error, and the lines of its value."""

    ball: Ball | None
    title: str
    lines: tuple[str, ...]

    @property
    def width(self) -> float:
        return _ICON + max(width_of(line, "legend") for line in self.lines)

    @property
    def height(self) -> float:
        icon = _CROSS if self.ball is None else self.ball.height * _SCALE
        return max(icon, len(self.lines) * _LEGEND_LINE)

    def parts(self, left: float, y: float) -> Iterator[Part]:
        x = left + _ICON / 2 - 4
        if self.ball is None:
            yield Stroke("cross", cross(x, y), self.title)
        else:
            box = Box.around(x, y, self.ball.width * _SCALE, self.ball.height * _SCALE)
            yield Marble(box, self.ball.face, self.ball.text, self.title)
        first = y - (len(self.lines) - 1) * _LEGEND_LINE / 2
        for number, line in enumerate(self.lines):
            yield Words.at(left + _ICON, first + number * _LEGEND_LINE, "legend", line, self.title)


def _legend(diagram: Diagram, top: float, width: float) -> tuple[list[Part], float]:
    """Return the letters and their values, in as many columns as fit, and the height of all."""
    room = room_for("legend", width - _ICON)
    entries = [
        _entry(letter, value, diagram.written[letter], room)
        for letter, value in diagram.bindings.items()
    ]
    if not entries:
        return [], 0.0
    pitch = max(entry.width for entry in entries) + _COLUMN_GAP
    rows = -(-len(entries) // max(1, int((width + _COLUMN_GAP) / pitch)))
    columns = [entries[at : at + rows] for at in range(0, len(entries), rows)]
    heights = [max(entry.height for entry in row if entry) for row in zip_longest(*columns)]
    edges = list(accumulate((height + _ENTRY_GAP for height in heights), initial=0.0))
    parts = [
        part
        for number, column in enumerate(columns)
        for entry, (above, below) in zip(column, pairwise(edges), strict=False)
        for part in entry.parts(_MARGIN + number * pitch, top + (above + below - _ENTRY_GAP) / 2)
    ]
    return parts, edges[-1] - _ENTRY_GAP


def _entry(letter: str, value: Any, text: str, room: int) -> _Entry:
    lines = [allowed(line) for line in filled(text, room)]
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1] + " …"]
    return _Entry(
        None if letter == ERROR else ball_of(letter, value, {letter: text}),
        f"{letter} = {text}",
        tuple(shortened(line, room) for line in lines),
    )
