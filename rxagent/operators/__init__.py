"""Operators on streams of events and deltas, to use beside those of reactivex."""

from .accumulate import accumulate
from .branch import branch
from .calls import parse_calls, sealed
from .circuit import circuit_breaker
from .draft import draft
from .hedge import hedge, race
from .normalise import normalise
from .recover import fallback, retry, settle
from .refuse import unless_refused
from .select import (
    answer,
    of_type,
    reasoning,
    steps,
    text,
    text_so_far,
    tool_calls,
    unnest,
    usage,
)
from .stop_at import stop_at
from .timeout import timeout
from .watch import coalesce, stamp, watch

__all__ = [
    "accumulate",
    "answer",
    "branch",
    "circuit_breaker",
    "coalesce",
    "draft",
    "fallback",
    "hedge",
    "normalise",
    "of_type",
    "parse_calls",
    "race",
    "reasoning",
    "retry",
    "sealed",
    "settle",
    "stamp",
    "steps",
    "stop_at",
    "text",
    "text_so_far",
    "timeout",
    "tool_calls",
    "unless_refused",
    "unnest",
    "usage",
    "watch",
]


def __dir__() -> list[str]:
    return __all__
