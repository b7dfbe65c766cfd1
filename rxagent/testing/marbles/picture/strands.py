"""The streams of a diagram as a picture shows them, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, pairwise

from attrs import frozen

from ..diagram import Diagram, Note, Source, Subscription
from ..rows import ENDS, Kind, duration, letter_of, unquoted
from .code import unfolded
from .parts import shortened, visible, width_of
from .style import Face, Shape, face_of

__all__ = [
    "Ball",
    "Cluster",
    "Strand",
    "ball_of",
    "description",
    "moment",
    "said",
    "strands",
]

_PILL = Face(Shape.PILL, "text")
_LONGEST_NAME = 14
_LONGEST_TEXT = 16
_PADDING = 8.0
_BETWEEN = 4.0
_FRAME = 4.0
_HALF_LINE = 14.0
_HALF_END = {Kind.COMPLETED: 3.0, Kind.ERROR: 7.0}


@frozen
class Ball:
    """A marble without a place."""

    face: Face
    text: str
    title: str

    @property
    def width(self) -> float:
        """Its width: that of a pill grows with its text."""
        least, _ = self.face.shape.size
        if self.face.shape is not Shape.PILL:
            return least
        return max(least, width_of(self.text, "pill") + 2 * _PADDING)

    @property
    def height(self) -> float:
        """Its height."""
        return self.face.shape.size[1]


@frozen
class Cluster:
    """What a stream emits at one instant: balls below one another, and its end beside them."""

    at: float
    balls: tuple[Ball, ...]
    end: Kind | None
    end_title: str

    @property
    def is_framed(self) -> bool:
        """Whether a frame surrounds it, because it has several parts."""
        return len(self.balls) + (self.end is not None) > 1

    @property
    def _half(self) -> float:
        return max((ball.width / 2 for ball in self.balls), default=0.0)

    @property
    def _half_end(self) -> float:
        return _HALF_END[self.end] if self.end is not None else 0.0

    @property
    def left(self) -> float:
        """How far it extends to the left of its instant."""
        return self._half + _FRAME if self.is_framed else self._half or self._half_end

    @property
    def right(self) -> float:
        """How far it extends to the right of its instant."""
        if not self.is_framed or self.end is None:
            return self.left
        return self.end_offset + self._half_end + _FRAME

    @property
    def end_offset(self) -> float:
        """How far to the right of its instant the end is drawn."""
        return self._half + _BETWEEN + self._half_end if self.balls else 0.0

    @property
    def above(self) -> float:
        """How far it extends above the line."""
        first = self.balls[0].height / 2 if self.balls else 0.0
        return max(first, _HALF_LINE) + (_FRAME if self.is_framed else 0.0)

    @property
    def below(self) -> float:
        """How far it extends below the line."""
        last = self.offsets[-1] + self.balls[-1].height / 2 if self.balls else 0.0
        return max(last, _HALF_LINE) + (_FRAME if self.is_framed else 0.0)

    @property
    def offsets(self) -> list[float]:
        """How far below the line the middle of each ball is."""
        offsets = [0.0] if self.balls else []
        for one, other in pairwise(self.balls):
            offsets.append(offsets[-1] + one.height / 2 + _BETWEEN + other.height / 2)
        return offsets


def _clusters(
    notes: Iterable[Note], written: Mapping[str, str], begun: float = 0.0
) -> tuple[Cluster, ...]:
    """Return the clusters of some notes; `written` is how the diagram writes each value."""
    return tuple(
        _cluster(round(begun + at, 6), list(together), written)
        for at, together in groupby(notes, key=lambda note: note.at)
    )


def _cluster(at: float, notes: list[Note], written: Mapping[str, str]) -> Cluster:
    last = notes[-1]
    end = last.kind if last.kind is not Kind.NEXT else None
    error = written.get(letter_of(last.sign), "")
    title = {Kind.ERROR: error, Kind.COMPLETED: "completed"}.get(last.kind, "")
    balls = [ball_of(note.sign, note.value, written) for note in notes if note.sign not in ENDS]
    return Cluster(at, tuple(balls), end, title)


def ball_of(sign: str, value: object, written: Mapping[str, str]) -> Ball:
    """Return the ball of a letter or of a quoted text."""
    if sign.startswith("'"):
        return Ball(_PILL, shortened(visible(unquoted(sign)), _LONGEST_TEXT), f"TextDelta({sign})")
    return Ball(face_of(value), sign, f"{sign} = {written[sign]}")


@frozen
class Strand:
    """A stream: its line from `begun` to `ended`, what it emits, and its subscriptions.

    `spans` is None if the diagram does not show subscriptions, `ended` if the line does not end.
    """

    name: str
    is_hot: bool
    begun: float
    clusters: tuple[Cluster, ...]
    spans: tuple[Subscription, ...] | None
    ended: float | None

    @property
    def label(self) -> str:
        """The name, shortened."""
        return shortened(self.name, _LONGEST_NAME)

    @property
    def overhang(self) -> float:
        """How far its first marble extends to the left of its line."""
        first = next(iter(self.clusters), None)
        return first.left if first is not None and first.at == self.begun else 0.0

    @property
    def instants(self) -> Iterator[float]:
        """All times at which something of it is drawn."""
        yield self.begun
        yield from (cluster.at for cluster in self.clusters)
        for span in self.spans or ():
            yield span.subscribed
            if span.disposed is not None:
                yield span.disposed

    @property
    def silent(self) -> float | None:
        """When its last subscription is disposed before its end; None if this does not happen."""
        if self.spans is None or any(span.disposed is None for span in self.spans):
            return None
        last = max((span.disposed or 0.0 for span in self.spans), default=self.begun)
        return last if self.ended is None or last < self.ended else None

    def hears(self, at: float) -> bool:
        """Tell whether it has a subscriber for what it emits at a time."""
        if self.spans is None:
            return True
        if self.is_hot:
            return any(
                span.subscribed <= at and (span.disposed is None or at <= span.disposed)
                for span in self.spans
            )
        since = at - self.begun
        return any(
            span.disposed is None or since <= span.disposed - span.subscribed + 5e-7
            for span in self.spans
        )


def strands(diagram: Diagram) -> tuple[list[Strand], Strand]:
    """Return the sources of a diagram, and its result."""
    return [_source(diagram, source) for source in diagram.sources], _result(diagram)


def _source(diagram: Diagram, source: Source) -> Strand:
    begun = 0.0 if source.is_hot else source.drawn
    clusters = _clusters(source.notes, diagram.written, begun)
    watches = diagram.watches_of(source.name)
    spans = tuple(
        Subscription(watch.subscribed, watch.disposed)
        for watch in watches
        if watch.subscribed is not None
    )
    shown = spans if watches else None
    return Strand(source.name, source.is_hot, begun, clusters, shown, _end_of(clusters))


def _result(diagram: Diagram) -> Strand:
    clusters = _clusters(diagram.out.notes, diagram.written)
    ended = _end_of(clusters)
    watched = next(iter(diagram.watches_of("out")), None)
    if watched is None:
        return Strand("out", False, 0.0, clusters, None, ended)
    begun = watched.subscribed or 0.0
    # A stream that ends is not disposed afterwards.
    ended = watched.disposed if ended is None else ended
    return Strand("out", False, begun, clusters, (Subscription(begun, ended),), ended)


def _end_of(clusters: tuple[Cluster, ...]) -> float | None:
    return clusters[-1].at if clusters and clusters[-1].end is not None else None


# In words.

_ENDS = {Kind.COMPLETED: "completion", Kind.ERROR: "an error"}


def description(diagram: Diagram) -> str:
    """Describe a picture in words, a line for each stream."""
    sources, result = strands(diagram)
    pipeline = unfolded(diagram.pipeline.snippet.source)
    lines = [diagram.prose, *map(_stream, sources), f"Pipeline: {pipeline}", _stream(result)]
    return "\n".join(filter(None, lines))


def _stream(strand: Strand) -> str:
    emitted = [f"{_emitted(cluster)} at {moment(cluster.at)}" for cluster in strand.clusters]
    line = f"{strand.name}, from {moment(strand.begun)}: {', '.join(emitted) or 'nothing'}"
    spans = ["never subscribed"] if strand.spans == () else map(said, strand.spans or ())
    return "; ".join([line, *spans]) + "."


def _emitted(cluster: Cluster) -> str:
    end = [] if cluster.end is None else [_ENDS[cluster.end]]
    return " and ".join([*(ball.title for ball in cluster.balls), *end])


def said(span: Subscription) -> str:
    """Return in words when a stream was subscribed."""
    since = f"subscribed from {moment(span.subscribed)}"
    return since if span.disposed is None else f"{since} to {moment(span.disposed)}"


def moment(seconds: float) -> str:
    """Return a time with its unit, such as `20 ms`."""
    number = duration(seconds).rstrip("ums")
    return f"{number} {duration(seconds)[len(number) :].replace('u', 'µ')}"
