"""The style of a picture: shapes, tones, and colours for light and dark."""

from __future__ import annotations

from enum import Enum
from typing import Any

from attrs import frozen

from .... import events
from ....messages import Message, ToolCall

__all__ = ["PAPER", "STYLE", "Face", "Shape", "face_of", "fixed"]


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
        """Its least width, and its height."""
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
    """The look of a marble: its shape, and the name of its colours."""

    shape: Shape
    tone: str


_FAULT = Face(Shape.TRIANGLE, "fault")
_FACES = {
    Face(Shape.CIRCLE, "text"): (str, events.TextDelta),
    Face(Shape.CIRCLE, "fault"): (events.RefusalDelta,),
    Face(Shape.CLOUD, "thought"): (events.ReasoningDelta,),
    Face(Shape.DIAMOND, "usage"): (events.Usage,),
    Face(Shape.SQUARE, "tool"): (
        ToolCall,
        events.ToolCallDelta,
        events.ToolStarted,
        events.ToolOutput,
        events.ToolCompleted,
        events.ApprovalAsked,
        events.ApprovalAnswered,
    ),
    Face(Shape.HEXAGON, "station"): (
        Message,
        events.RunStarted,
        events.MessageReceived,
        events.PlanStarted,
        events.Planned,
        events.Summarised,
        events.StepStarted,
        events.Finish,
        events.MessageCompleted,
        events.StepLimitReached,
        events.FinalAnswer,
        events.RunCompleted,
    ),
    _FAULT: (
        events.StepRetried,
        events.StepFailed,
        events.ToolFailed,
        events.RunFailed,
    ),
}
_FACE_OF = {kind: face for face, kinds in _FACES.items() for kind in kinds}


def face_of(value: Any) -> Face:
    """Return the face of a value."""
    if isinstance(value, events.Stamped):
        return face_of(value.event)
    if isinstance(value, Exception):
        return _FAULT
    return _FACE_OF.get(type(value), Face(Shape.CIRCLE, "value"))


_FONT = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace'

_LIGHT_AND_DARK = {
    "text": ("#dbeafe", "#1e3566"),
    "text-edge": ("#1d4ed8", "#93b4ff"),
    "thought": ("#ede9fe", "#3b2a63"),
    "thought-edge": ("#6d28d9", "#c4b0ff"),
    "tool": ("#ffedd5", "#55320f"),
    "tool-edge": ("#b45309", "#fdba74"),
    "usage": ("#ccfbf1", "#12443f"),
    "usage-edge": ("#0f766e", "#5eead4"),
    "station": ("#e5e7eb", "#374151"),
    "station-edge": ("#4b5563", "#d1d5db"),
    "fault": ("#fee2e2", "#5b1f1f"),
    "fault-edge": ("#b91c1c", "#fca5a5"),
    "value": ("#fef9c3", "#45390f"),
    "value-edge": ("#854d0e", "#fde047"),
    "letter": ("#111827", "#f9fafb"),
    "quiet": ("#5f6772", "#9ca3af"),
    "box": ("#f3f4f6", "#262b33"),
    "span": ("#0e7490", "#67e8f9"),
}

_INK = ("#111827", "#e5e7eb")
_THEMES = ("light", "dark")

PAPER = dict(zip(_THEMES, ("#ffffff", "#14171c"), strict=True))
"""The background of each fixed theme."""


def fixed(theme: str) -> str:
    """Return the CSS declarations that fix the colours of a picture."""
    which = _THEMES.index(theme)
    return f"color:{_INK[which]};{_theme(which)}"


def _theme(which: int) -> str:
    return "".join(f"--{name}:{colours[which]};" for name, colours in _LIGHT_AND_DARK.items())


def _colour(name: str) -> str:
    return f"var(--marble-{name},var(--{name}))"


def _tone(name: str) -> str:
    return f".{name}{{fill:{_colour(name)};stroke:{_colour(name + '-edge')};stroke-width:1.5}}"


_TONES = [name for name in _LIGHT_AND_DARK if f"{name}-edge" in _LIGHT_AND_DARK]
_RULES = [
    f"text{{font:12px {_FONT};fill:currentColor;white-space:pre}}",
    f".pill{{fill:{_colour('letter')}}}",
    f".letter{{fill:{_colour('letter')};font-weight:600}}",
    ".name{font-weight:600}",
    ".legend{font-size:11px}",
    f".time{{font-size:11px;fill:{_colour('quiet')}}}",
    "path{fill:none;stroke:currentColor;stroke-linecap:round;stroke-linejoin:round}",
    ".line{stroke-width:1.5}",
    ".start{fill:currentColor}",
    ".end{stroke-width:3}",
    f".cross{{stroke:{_colour('fault-edge')};stroke-width:3}}",
    f".frame{{fill:{_colour('quiet')};fill-opacity:.15;stroke:none}}",
    f".box{{fill:{_colour('box')};stroke:{_colour('quiet')}}}",
    f".span{{fill:{_colour('span')};stroke:{_colour('span')};stroke-width:2}}",
    f".axis{{stroke:{_colour('quiet')}}}",
    f".guide{{stroke:{_colour('quiet')};stroke-dasharray:1 4;opacity:.5}}",
    *map(_tone, _TONES),
    ".cloud{stroke-dasharray:3 2.5}",
    f"path.unheard{{stroke:{_colour('quiet')};stroke-dasharray:2 3}}",
    f".unheard path{{fill:{_colour('box')};stroke:{_colour('quiet')};stroke-dasharray:2 3}}",
    f".unheard text{{fill:{_colour('quiet')}}}",
]

STYLE = "\n".join(
    [
        "",
        f".marbles,body[data-theme=light] .marbles{{{_theme(0)}}}",
        f"@media(prefers-color-scheme:dark){{.marbles{{{_theme(1)}}}svg.marbles:root{{color:{_INK[1]}}}}}",
        f"body[data-theme=dark] .marbles{{{_theme(1)}}}",
        ".marbles-figure{margin:0 0 2em}",
        # A picture scrolls where there is no room for legible letters.
        ".marbles-scroll{overflow-x:auto}.marbles-scroll>.marbles{min-width:var(--least)}",
        *(f".marbles {rule}" for rule in _RULES),
        "",
    ]
)
"""The rules of every picture; a page may contain them more than once.

The theme of the page, such as furo's, goes before that of the reader's system.
"""
