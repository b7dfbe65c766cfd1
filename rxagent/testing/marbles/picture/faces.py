"""Faces: which shape and which tone a marble has, by what it stands for."""

from enum import Enum
from typing import Any

from attrs import frozen

from .... import events
from ....messages import Message, ToolCall

__all__ = ["Face", "Shape", "face_of"]


class Shape(Enum):
    """The outline of a marble."""

    CIRCLE = "circle"
    CLOUD = "cloud"
    DIAMOND = "diamond"
    HEXAGON = "hexagon"
    PILL = "pill"
    SQUARE = "square"
    TRIANGLE = "triangle"

    @property
    def size(self) -> tuple[float, float]:
        """How wide it is at least, and how high."""
        return _SIZES.get(self, (26.0, 26.0))


_SIZES = {
    Shape.CLOUD: (32.0, 26.0),
    Shape.DIAMOND: (34.0, 34.0),
    Shape.HEXAGON: (32.0, 26.0),
    Shape.PILL: (34.0, 26.0),
    Shape.TRIANGLE: (36.0, 31.0),
}


@frozen
class Face:
    """How a marble looks: its shape, and its tone, which a style gives a colour."""

    shape: Shape
    tone: str


_TEXT = Face(Shape.CIRCLE, "text")
_VALUE = Face(Shape.CIRCLE, "value")
_FAULT = Face(Shape.TRIANGLE, "fault")
_TOOL = Face(Shape.SQUARE, "tool")
_STATION = Face(Shape.HEXAGON, "station")

_FACES: dict[type, Face] = {
    str: _TEXT,
    events.TextDelta: _TEXT,
    events.ReasoningDelta: Face(Shape.CLOUD, "thought"),
    events.RefusalDelta: Face(Shape.CIRCLE, "fault"),
    events.Usage: Face(Shape.DIAMOND, "usage"),
    ToolCall: _TOOL,
    events.ToolCallDelta: _TOOL,
    events.ToolStarted: _TOOL,
    events.ToolOutput: _TOOL,
    events.ToolCompleted: _TOOL,
    events.ApprovalAsked: _TOOL,
    events.ApprovalAnswered: _TOOL,
    events.StepRetried: _FAULT,
    events.StepFailed: _FAULT,
    events.ToolFailed: _FAULT,
    events.RunFailed: _FAULT,
    Message: _STATION,
    events.RunStarted: _STATION,
    events.PlanStarted: _STATION,
    events.Planned: _STATION,
    events.StepStarted: _STATION,
    events.Finish: _STATION,
    events.MessageCompleted: _STATION,
    events.StepLimitReached: _STATION,
    events.FinalAnswer: _STATION,
    events.RunCompleted: _STATION,
}


def face_of(value: Any) -> Face:
    """Return the face of a value."""
    if isinstance(value, events.Stamped):
        return face_of(value.event)
    if isinstance(value, Exception):
        return _FAULT
    return _FACES.get(type(value), _VALUE)
