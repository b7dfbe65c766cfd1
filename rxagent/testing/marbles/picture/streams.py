"""Streams in a picture: their lines, their marbles, and when somebody was subscribed."""

from collections.abc import Iterator, Mapping

from ..rows import Kind
from .across import start_of
from .clusters import Cluster
from .description import said
from .outlines import cross, rounded
from .parts import Box, Marble, Part, Stroke, Words
from .strands import Span, Strand

__all__ = ["height_of", "stream"]

_LEAST = 14.0
_LANE = 10.0
_FRAME = 4.0


def height_of(strand: Strand) -> tuple[float, float]:
    """Return how much room a stream needs above its line, and below it."""
    above = max([_LEAST, *(cluster.above for cluster in strand.clusters)])
    below = max([_LEAST, *(cluster.below for cluster in strand.clusters)])
    return above, below + _LANE * len(strand.spans or ())


def stream(strand: Strand, y: float, places: Mapping[float, float], end: float) -> Iterator[Part]:
    """Yield the parts of a stream whose line is at `y`, and ends at `end` when it does not end."""
    yield from _line(strand, y, places, end)
    title = strand.name if strand.name != strand.label else ""
    yield Words.until(start_of(strand, places), y, "name", strand.label, title)
    for cluster in strand.clusters:
        yield from _cluster(cluster, places[cluster.at], y, strand.hears(cluster.at))
    _, below = height_of(strand)
    lane = y + below - _LANE * len(strand.spans or ()) + _LANE / 2
    for number, span in enumerate(strand.spans or ()):
        yield _span(span, lane + _LANE * number, places, end)


def _line(strand: Strand, y: float, places: Mapping[float, float], end: float) -> Iterator[Part]:
    begun = places[strand.begun]
    ended = end if strand.ended is None else places[strand.ended] + _end_offset(strand)
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


def _end_offset(strand: Strand) -> float:
    last = strand.clusters[-1] if strand.clusters else None
    return last.end_offset if last is not None and last.at == strand.ended else 0.0


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


def _span(span: Span, y: float, places: Mapping[float, float], end: float) -> Stroke:
    begun = places[span.subscribed]
    foot = f"M{begun - 4:g} {y + 3:g}h8l-4 -7z"
    if span.disposed is None:
        return Stroke("span", f"{foot}M{begun:g} {y:g}H{end:g}", said(span))
    ended = max(places[span.disposed], begun + 7)
    return Stroke("span", f"{foot}M{begun:g} {y:g}H{ended:g}m0 -4v8", said(span))
