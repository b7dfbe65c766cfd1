"""Runs: streams that are owned once and watched by many."""

from .broadcast import ViewerFault
from .reader import Following
from .run import Run, launch
from .viewer import Viewer

__all__ = ["Following", "Run", "Viewer", "ViewerFault", "launch"]
