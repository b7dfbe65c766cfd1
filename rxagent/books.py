"""Books: the tokens of a conversation, in all, by agent and by model."""

from __future__ import annotations

from typing import TypeAlias

from attrs import field, frozen

from .events import (
    Event,
    MessageCompleted,
    PlanStarted,
    RunStarted,
    StepStarted,
    Summarised,
    ToolOutput,
    Usage,
)
from .growing import MapView

__all__ = ["BLANK", "Books"]

_Path: TypeAlias = tuple[str, ...]
"""The calls within which an inner run happens, the outermost first."""

_BOOKED = frozenset((RunStarted, Usage, StepStarted, PlanStarted, MessageCompleted, Summarised))


@frozen
class Books:
    """The tokens of a conversation.

    Attributes:
        usage: All of them; None if no model has reported any.
        by_agent: Those of each agent, by its name.
        by_model: Those of each model, by its name; those of unknown models by an empty name.
        unreported: The number of turns without a report, and of requests closed before theirs.
        agents: The agent of each run.
        reported: The runs whose latest turn has a report.
    """

    usage: Usage | None = None
    by_agent: MapView[str, Usage] = field(default=MapView(), hash=False)
    by_model: MapView[str, Usage] = field(default=MapView(), hash=False)
    unreported: int = 0
    agents: MapView[_Path, str] = field(default=MapView(), hash=False, repr=False)
    reported: MapView[_Path, bool] = field(default=MapView(), hash=False, repr=False)

    def add(self, event: Event) -> Books:
        """Return the books after one more event; the calls around an inner run are its path."""
        inner = event
        while type(inner) is ToolOutput:
            inner = inner.value
        if type(inner) not in _BOOKED:
            return self
        calls = []
        while type(event) is ToolOutput:
            calls.append(event.call_id)
            event = event.value
        path = tuple(calls)
        usage, by_agent, by_model = self.usage, self.by_agent, self.by_model
        unreported, agents, reported = self.unreported, self.agents, self.reported
        match event:
            case RunStarted(_, agent):
                agents = agents.set(path, agent)
            case Usage():
                usage = Usage.sum(usage, event)
                by_agent = _booked(by_agent, agents.get(path, ""), event)
                by_model = _booked(by_model, event.model or "", event)
                unreported += event.unreported
                reported = reported.set(path, True)
            case StepStarted() | PlanStarted():
                reported = reported.drop(path)
            case MessageCompleted() | Summarised():
                unreported += path not in reported
                reported = reported.drop(path)
        return Books(usage, by_agent, by_model, unreported, agents, reported)


def _booked(spent: MapView[str, Usage], name: str, usage: Usage) -> MapView[str, Usage]:
    return spent.set(name, Usage.sum(spent.get(name), usage) or usage)


BLANK = Books()
"""The books before the first event."""
