"""Approving: a conversation asks at the terminal before a tool runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ..agents.approval import AllowAll, read_decision
from ..errors import NotAsked
from ..events import ApprovalAsked, Event, ToolOutput
from ..runs import Run

__all__ = ["Approver"]


class Approver:
    """Asks for decisions on the calls of a run.

    Args:
        run: The run.
        ask: Shows a text and returns the line typed after it; its second argument returns whether
            the line still matters.
        is_shown: Whether calls are on the screen already.
    """

    def __init__(
        self, run: Run, ask: Callable[[str, Callable[[], bool]], str], *, is_shown: bool
    ) -> None:
        self._run = run
        self._ask = ask
        self._is_shown = is_shown
        self._allows_all = False

    def on_next(self, event: Event) -> None:
        """Ask, if an event of the run, or of a run inside it, asks for a decision."""
        while isinstance(event, ToolOutput):
            event = event.value
        if not isinstance(event, ApprovalAsked) or self._allows_all:
            return
        asked = event

        def is_open() -> bool:
            return asked.id in self._run.asked

        if is_open():
            decision = read_decision(
                asked.call, lambda text: self._ask(text, is_open), is_shown=self._is_shown
            )
            with suppress(NotAsked):  # the run has ended meanwhile
                self._run.decide(asked, decision)
                self._allows_all = decision == AllowAll()
