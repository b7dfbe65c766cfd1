"""Scope: where in a run something is subscribed: in which call, under which approval."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

__all__ = ["WHOLE_RUN", "Scope"]


@frozen
class Scope:
    """A part of a run.

    Attributes:
        path: The ids of the calls around it, the outermost first.
        approval: What approves the calls made in it; None if they run unasked.
        question: The question on which a policy decides in it; None outside policies.
    """

    path: tuple[str, ...] = ()
    approval: Any = None
    question: Any = None

    def inside(self, call_id: str) -> Scope:
        """Return the scope inside a call."""
        return Scope((*self.path, call_id), self.approval)

    def under(self, approval: Any) -> Scope:
        """Return the same scope, in which something else approves calls."""
        return evolve(self, approval=approval)

    def deciding(self, question: Any) -> Scope:
        """Return the same scope, in which a policy decides on a question."""
        return evolve(self, question=question)


WHOLE_RUN = Scope()
