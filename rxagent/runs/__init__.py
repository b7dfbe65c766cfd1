"""Runs: streams that are owned once and watched by many."""

from __future__ import annotations

from .broadcast import ViewerFault
from .run import Run, launch
from .run_reader import Following
from .viewer import Viewer

__all__ = ["Following", "Run", "Viewer", "ViewerFault", "launch"]
