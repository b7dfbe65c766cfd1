"""Far ends: what answers the models of each provider in tests, by a script of deltas."""

from .far_end import FarEnd
from .items import Blank, Broken, Garbage, Item, Rejected, Reported, Silence, Waiting

__all__ = [
    "Blank",
    "Broken",
    "FarEnd",
    "Garbage",
    "Item",
    "Rejected",
    "Reported",
    "Silence",
    "Waiting",
]
