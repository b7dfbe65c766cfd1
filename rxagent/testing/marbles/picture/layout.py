"""The layout of a picture: streams above, the pipeline as a box, what comes out, time, letters."""

from collections.abc import Iterator, Mapping, Sequence

from ..diagram import Diagram
from .across import MARGIN, across
from .code import folded, unfolded
from .legend import Legend
from .outlines import rounded
from .parts import Box, Part, Picture, Stroke, Words, room_for
from .strands import Strand, strands
from .streams import height_of, stream
from .texts import allowed, shortened
from .timing import axis

__all__ = ["layout"]

_NARROWEST = 360.0
_BETWEEN = 12.0
_PADDING = 11.0
_LINE = 17.0
_ARROW = 14.0
_AXIS = 20.0


def layout(diagram: Diagram) -> Picture:
    """Return the picture of a diagram."""
    sources, result = strands(diagram)
    places = across([*sources, result], diagram.timeline)
    end = max(_NARROWEST - MARGIN, _reach([*sources, result], places) + _ARROW)
    parts: list[Part] = []
    y = MARGIN
    for strand in sources:
        y = _add(parts, strand, y, places, end)
    y = _add_box(parts, diagram, y, end)
    y = _add(parts, result, y, places, end)
    parts.extend(axis(places, diagram.timeline, y, MARGIN, end))
    guides = _guides(places, MARGIN, y)
    y += _AXIS
    legend = Legend(diagram.bindings, diagram.written, end - MARGIN)
    if legend.height:
        parts.extend(legend.parts(MARGIN, y + _BETWEEN))
        y += _BETWEEN + legend.height
    return Picture(end + MARGIN, y + MARGIN, (*guides, *parts))


def _reach(all_strands: Sequence[Strand], places: Mapping[float, float]) -> float:
    """Return how far to the right anything reaches."""
    reach = [*places.values()]
    for strand in all_strands:
        reach.extend(places[cluster.at] + cluster.right for cluster in strand.clusters)
    return max(reach)


def _add(
    parts: list[Part], strand: Strand, y: float, places: Mapping[float, float], end: float
) -> float:
    above, below = height_of(strand)
    parts.extend(stream(strand, y + above, places, end))
    return y + above + below + _BETWEEN


def _add_box(parts: list[Part], diagram: Diagram, y: float, end: float) -> float:
    source = diagram.pipeline.snippet.source
    room = room_for("code", end - MARGIN - 2 * _PADDING)
    lines = [allowed(line) for line in folded(source, room)]
    height = len(lines) * _LINE + 2 * _PADDING - 4
    parts.append(Stroke("box", rounded(Box(MARGIN, y, end - MARGIN, height), 6.0)))
    top = y + _PADDING - 2 + _LINE / 2
    for number, line in enumerate(lines):
        shown = shortened(line, room)
        title = unfolded(source) if shown != line else ""
        parts.append(Words.at(MARGIN + _PADDING, top + number * _LINE, "code", shown, title))
    return y + height + _BETWEEN


def _guides(places: Mapping[float, float], top: float, bottom: float) -> Iterator[Part]:
    for x in places.values():
        yield Stroke("guide", f"M{x:g} {top:g}V{bottom:g}")
