"""Strands: the streams of a diagram, as they are to be drawn."""

from collections.abc import Iterator

from attrs import frozen

from ..diagram import Diagram, Source
from .clusters import Cluster, clusters
from .texts import shortened

__all__ = ["Span", "Strand", "strands"]

_LONGEST_NAME = 14


@frozen
class Span:
    """When somebody was subscribed; None means to the end."""

    subscribed: float
    disposed: float | None


@frozen
class Strand:
    """A stream: its line from `begun` on, what it tells, and when somebody was subscribed.

    `spans` is None when the diagram does not say, and `ended` is when the line ends, if it does.
    """

    name: str
    is_hot: bool
    begun: float
    clusters: tuple[Cluster, ...]
    spans: tuple[Span, ...] | None
    ended: float | None

    @property
    def label(self) -> str:
        """The name, as long as there is room for."""
        return shortened(self.name, _LONGEST_NAME)

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
        """When nobody hears it any more, although it goes on; None when that is never so."""
        if self.spans is None or any(span.disposed is None for span in self.spans):
            return None
        last = max((span.disposed or 0.0 for span in self.spans), default=self.begun)
        return last if self.ended is None or last < self.ended else None

    def hears(self, at: float) -> bool:
        """Tell whether somebody hears what it tells at a time."""
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
    found = [cluster.moved(begun) for cluster in clusters(source.notes, diagram.written)]
    watches = diagram.watches_of(source.name)
    spans = tuple(
        Span(watch.subscribed, watch.disposed) for watch in watches if watch.subscribed is not None
    )
    return Strand(
        source.name,
        source.is_hot,
        begun,
        tuple(found),
        spans if watches else None,
        _end_of(found),
    )


def _end_of(found: list[Cluster]) -> float | None:
    return found[-1].at if found and found[-1].end is not None else None


def _result(diagram: Diagram) -> Strand:
    found = clusters(diagram.out.notes, diagram.written)
    ended = _end_of(found)
    watched = next(iter(diagram.watches_of("out")), None)
    if watched is None:
        return Strand("out", False, 0.0, tuple(found), None, ended)
    begun = watched.subscribed or 0.0
    # Whoever is told of the end has no need to dispose.
    ended = watched.disposed if ended is None else ended
    return Strand("out", False, begun, tuple(found), (Span(begun, ended),), ended)
