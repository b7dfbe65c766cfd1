"""Letters: by which each event is written in a diagram that does not bind it yet."""

from typing import Any

from ... import events

__all__ = ["LETTERS", "letter_of"]

LETTERS: dict[type, str] = {
    events.RunStarted: "r",
    events.RunCompleted: "R",
    events.RunFailed: "X",
    events.StepStarted: "s",
    events.StepFailed: "S",
    events.StepRetried: "e",
    events.StepLimitReached: "l",
    events.PlanStarted: "p",
    events.Planned: "P",
    events.TextDelta: "d",
    events.ReasoningDelta: "h",
    events.RefusalDelta: "n",
    events.ToolCallDelta: "c",
    events.Usage: "u",
    events.Finish: "f",
    events.MessageCompleted: "m",
    events.ApprovalAsked: "q",
    events.ApprovalAnswered: "Q",
    events.ToolStarted: "t",
    events.ToolOutput: "o",
    events.ToolCompleted: "T",
    events.ToolFailed: "x",
    events.FinalAnswer: "a",
    events.UnknownEvent: "z",
}
"""The letter of each event: a capital ends what the small letter began."""


def letter_of(value: Any) -> str:
    """Return the letter that a value is bound to as long as it is free."""
    if isinstance(value, events.Stamped):
        return letter_of(value.event)
    return LETTERS.get(type(value), "a")
