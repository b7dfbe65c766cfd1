"""Operators on streams of events and deltas, to use beside those of reactivex."""

from __future__ import annotations

from .accumulate import accumulate
from .branch import branch
from .budget import budget
from .calls import parse_calls, sealed
from .circuit import circuit_breaker
from .draft import draft
from .guard import guard
from .hedge import hedge, race
from .limit import concurrency, rate_limit
from .normalise import normalise
from .record import record
from .recorded import recorded
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
from .shape import partial, sealed_at
from .speed import speed
from .split import lines, sentences, words
from .stop_at import stop_at
from .timeout import timeout
from .watch import coalesce, stamp, watch

__all__ = [
    "accumulate",
    "answer",
    "branch",
    "budget",
    "circuit_breaker",
    "coalesce",
    "concurrency",
    "draft",
    "fallback",
    "guard",
    "hedge",
    "lines",
    "normalise",
    "of_type",
    "parse_calls",
    "partial",
    "race",
    "rate_limit",
    "reasoning",
    "record",
    "recorded",
    "retry",
    "sealed",
    "sealed_at",
    "sentences",
    "settle",
    "speed",
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
    "words",
]


def __dir__() -> list[str]:
    return __all__
