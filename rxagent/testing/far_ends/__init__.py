"""Far ends: what answers the models of each provider in tests, by a script of deltas."""

from __future__ import annotations

from .checking import check_type
from .far_end import Call, FarEnd
from .finding import known_far_ends
from .http import Frame, HttpFarEnd, Rendering
from .items import (
    Blank,
    Broken,
    Cut,
    Endless,
    Garbage,
    Held,
    Item,
    LastFrame,
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
    "Cut",
    "Endless",
    "FarEnd",
    "Frame",
    "Garbage",
    "Held",
    "HttpFarEnd",
    "Item",
    "LastFrame",
    "Rejected",
    "Rendering",
    "Reported",
    "Script",
    "Silence",
    "Waiting",
    "check_type",
    "known_far_ends",
]
