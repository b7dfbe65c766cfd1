"""Operators on streams of events and deltas; they stand beside those of reactivex."""

from .accumulate import accumulate, normalise, parse_calls, sealed
from .refuse import unless_refused
from .select import answer, of_type, reasoning, text, usage
from .share import branch

__all__ = [
    "accumulate",
    "answer",
    "branch",
    "normalise",
    "of_type",
    "parse_calls",
    "reasoning",
    "sealed",
    "text",
    "unless_refused",
    "usage",
]
