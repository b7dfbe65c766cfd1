"""Runs: streams that are owned once and watched by many."""

from .faults import Fault
from .run import Run, launch
from .viewer import Viewer

__all__ = ["Fault", "Run", "Viewer", "launch"]
