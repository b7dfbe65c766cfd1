"""Scope: in which call of a run something is subscribed, and what must approve calls there."""

from typing import Any

from attrs import evolve, frozen

__all__ = ["WHOLE_RUN", "Scope"]


@frozen
class Scope:
    """A part of a run.

    Attributes:
        path: The ids of the calls around it, the outermost first.
        approval: What approves the calls made in it; None if they run unasked.
    """

    path: tuple[str, ...] = ()
    approval: Any = None

    def inside(self, call_id: str) -> "Scope":
        """Return the scope inside a call."""
        return Scope((*self.path, call_id), self.approval)

    def under(self, approval: Any) -> "Scope":
        """Return the same scope, in which something else approves calls."""
        return evolve(self, approval=approval)


WHOLE_RUN = Scope()
