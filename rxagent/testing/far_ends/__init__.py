"""Far ends: what answers the models of each provider in tests, by a script of deltas."""

from .far_end import Call, FarEnd
from .finding import known_far_ends
from .items import (
    Blank,
    Broken,
    Endless,
    Garbage,
    Item,
    Rejected,
    Reported,
    Script,
    Silence,
    Waiting,
)

__all__ = [
    "Blank",
    "Broken",
    "Call",
    "Endless",
    "FarEnd",
    "Garbage",
    "Item",
    "Rejected",
    "Reported",
    "Script",
    "Silence",
    "Waiting",
    "known_far_ends",
]
