"""Decisions: whether a call may run, and with which arguments."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from attrs import field, frozen

from .arguments import shown, text, valid

__all__ = [
    "DECISIONS",
    "Allow",
    "AllowAll",
    "Decision",
    "Deny",
    "Edit",
    "changed",
    "check_decision",
    "is_edit",
]


@frozen
class Allow:
    """Run the call as it is."""

    def __str__(self) -> str:
        return "approved"


@frozen
class AllowAll:
    """Run the call, and ask this policy no more in this run; calls that it is asked about run."""

    def __str__(self) -> str:
        return "all approved"


@frozen
class Deny:
    """Do not run the call; the model reads the reason."""

    reason: str = field(default="", validator=valid(text))

    def __str__(self) -> str:
        return f"denied: {self.reason}" if self.reason else "denied"


def _as_json(arguments: Any) -> str:
    advice = 'Write a dict of all arguments, as Edit({"path": "notes.txt"}).'
    if isinstance(arguments, str):
        try:
            is_object = isinstance(json.loads(arguments), dict)
        except ValueError:
            is_object = False
        if not is_object:
            raise ValueError(f"Edit got {shown(arguments)}, which is no JSON object. {advice}")
        return arguments
    try:
        return json.dumps(dict(arguments), ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"Edit got {shown(arguments)}, which is not written as JSON: {error}. {advice}"
        ) from None


@frozen
class Edit:
    """Run the call with these arguments instead: a dict of all of them, or a JSON object."""

    arguments: str = field(converter=_as_json)

    def __str__(self) -> str:
        return _EDITED


_EDITED = "edited"


def is_edit(decision: str) -> bool:
    """Return whether a decision, as events name it, has changed the arguments."""
    return decision == _EDITED


def changed(arguments: str, name: str = "") -> str:
    """Return what the model reads of arguments that were changed.

    Args:
        arguments: Those with which the call runs.
        name: The name of the tool, where the call is not the model's own.
    """
    of = f" of {name}" if name else ""
    return f"The arguments{of} were changed before the call ran: {arguments}"


Decision: TypeAlias = Allow | AllowAll | Deny | Edit
"""An answer to the question whether a call may run."""

DECISIONS = (Allow, AllowAll, Deny, Edit)


def check_decision(what: str, decision: Any) -> None:
    """Check that something is a decision.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(decision, DECISIONS):
        raise TypeError(
            f"{what} must be Allow(), Deny(reason), Edit(arguments) or AllowAll(), "
            f"not {shown(decision)}."
        )
