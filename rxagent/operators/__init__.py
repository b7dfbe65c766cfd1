"""Operators on streams of events and deltas; they stand beside those of reactivex."""

from .accumulate import accumulate, normalise, parse_calls, sealed
from .limit import stop_at, timeout
from .recover import fallback, retry, settle
from .refuse import unless_refused
from .select import answer, of_type, reasoning, text, usage
from .share import branch, hedge, race

__all__ = [
    "accumulate",
    "answer",
    "branch",
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
    "stop_at",
    "text",
    "timeout",
    "unless_refused",
    "usage",
]
