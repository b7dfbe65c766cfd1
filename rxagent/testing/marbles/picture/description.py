"""A picture in words, for those who do not see it."""

from collections.abc import Iterator

from ..diagram import Diagram
from ..rows import Kind
from .clusters import Cluster
from .code import unfolded
from .strands import Span, Strand, strands
from .timing import moment

__all__ = ["description"]

_ENDS = {Kind.COMPLETED: "completion", Kind.ERROR: "an error"}


def description(diagram: Diagram) -> str:
    """Return what a picture shows, a line for each stream."""
    sources, result = strands(diagram)
    pipeline = unfolded(diagram.pipeline.snippet.source)
    lines = [diagram.prose, *map(_stream, sources), f"Pipeline: {pipeline}", _stream(result)]
    return "\n".join(filter(None, lines))


def _stream(strand: Strand) -> str:
    told = [f"{_told(cluster)} at {moment(cluster.at)}" for cluster in strand.clusters]
    line = f"{strand.name}, from {moment(strand.begun)}: {', '.join(told) or 'nothing'}"
    return "; ".join([line, *_subscriptions(strand)]) + "."


def _told(cluster: Cluster) -> str:
    told = [ball.title for ball in cluster.balls]
    if cluster.end is not None:
        told.append(_ENDS[cluster.end])
    return " and ".join(told)


def _subscriptions(strand: Strand) -> Iterator[str]:
    if strand.spans == ():
        yield "never subscribed"
    yield from map(said, strand.spans or ())


def said(span: Span) -> str:
    """Return in words when somebody was subscribed."""
    since = f"subscribed from {moment(span.subscribed)}"
    return since if span.disposed is None else f"{since} to {moment(span.disposed)}"
