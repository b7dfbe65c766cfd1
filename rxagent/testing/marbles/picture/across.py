"""Where each instant of a diagram stands, from left to right."""

from collections.abc import Mapping, Sequence

from ..timeline import Timeline
from .parts import width_of
from .strands import Strand

__all__ = ["MARGIN", "across", "start_of"]

MARGIN = 8.0
_LABEL_GAP = 9.0
_GAP = 5.0
_LEAST = 10.0
_WIDEST_COLUMN = 17.0
_NARROWEST_COLUMN = 4.0
_ROOM = 350.0


def across(strands: Sequence[Strand], timeline: Timeline) -> Mapping[float, float]:
    """Return the place of each instant: in the columns of the text, as far as there is room.

    Where marbles would touch, they move apart; where the whole would be wide, silence is shorter.
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
) -> dict[float, float]:
    places: dict[float, float] = {}
    before: float | None = None
    for instant in instants:
        least = [_after_own(strand, instant, places) for strand in strands]
        if before is not None:
            columns = _columns(timeline, before, instant)
            least.append(places[before] + max(_LEAST, columns * width))
        places[instant] = round(max(least), 1)
        before = instant
    return places


def _after_own(strand: Strand, instant: float, places: Mapping[float, float]) -> float:
    """Return where an instant may stand so that a strand has room for what it has to show."""
    least = MARGIN
    if instant == strand.begun:
        least += width_of(strand.label, "name") + _LABEL_GAP + _overhang(strand)
    for index, cluster in enumerate(strand.clusters):
        if cluster.at != instant:
            continue
        if index:
            before = strand.clusters[index - 1]
            least = max(least, places[before.at] + before.right + _GAP + cluster.left)
        elif strand.begun < instant:
            least = max(least, places[strand.begun] + _GAP + cluster.left)
    return least


def _overhang(strand: Strand) -> float:
    """Return how far the first marble of a strand reaches to the left of its line."""
    first = next(iter(strand.clusters), None)
    return first.left if first is not None and first.at == strand.begun else 0.0


def start_of(strand: Strand, places: Mapping[float, float]) -> float:
    """Return where the label of a strand ends."""
    return places[strand.begun] - _overhang(strand) - _LABEL_GAP


def _columns(timeline: Timeline, one: float, other: float) -> int:
    first, second = timeline.column(one), timeline.column(other)
    return 1 if first is None or second is None else second - first
