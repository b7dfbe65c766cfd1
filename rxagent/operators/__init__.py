"""Operators on streams of events and deltas; they stand beside those of reactivex."""

from .accumulate import accumulate, normalise, parse_calls, sealed
from .limit import stop_at, timeout
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
from .share import branch, hedge, race
from .watch import coalesce, stamp, watch

__all__ = [
    "accumulate",
    "answer",
    "branch",
    "coalesce",
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
