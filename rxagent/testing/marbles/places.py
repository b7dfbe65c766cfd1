"""Places: how files are named in what is told, and whose code is whose."""

import sys
from pathlib import Path
from types import FrameType

__all__ = ["from_here", "is_of_diagram", "is_own"]

_LIBRARIES = {"rxagent", "reactivex", *sys.stdlib_module_names}


def from_here(path: Path) -> Path:
    """Return a path as one would type it in the current folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def is_of_diagram(frame: FrameType) -> bool:
    """Tell whether a frame is of a pipeline, whose code belongs to no module."""
    return "__name__" not in frame.f_globals


def is_own(frame: FrameType) -> bool:
    """Tell whether a frame is of the user's own code, that of a diagram included."""
    return frame.f_globals.get("__name__", "").partition(".")[0] not in _LIBRARIES
