"""Runs: streams that are owned once and watched by many."""

from .broadcast import Fault
from .reader import Following
from .run import Run, launch
from .viewer import Viewer

__all__ = ["Fault", "Following", "Run", "Viewer", "launch"]
