"""Conversation: an agent, and all that was said with it."""

from attrs import evolve

from ..agents import Agent
from ..errors import ModelRefused, ModelRejected, RunCancelled
from ..printable import one_line
from ..state import State
from ..subscribers.text import tokens
from .failures import explain
from .options import Options
from .performance import perform
from .stdio import echo

__all__ = ["Conversation"]


class Conversation:
    """Runs of one agent, each of which goes on with the state of the one before."""

    def __init__(self, agent: Agent, options: Options) -> None:
        self._agent = agent
        self._options = options
        self._watcher = options.watcher()
        self._state = State()

    def say(self, text: str) -> Exception | None:
        """Show how the agent answers, and return what has kept it from that.

        What it has said until then belongs to the conversation. A message that the model's server
        does not accept does not, or it would accept none of those that follow.
        """
        before = self._state
        run = self._agent.start(text, state=before)
        error = perform(run, self._watcher, self._options.timeout)
        self._state = run.state
        if error is not None:
            explain(error, told=self._options.tells_errors, verbose=self._options.verbose)
            if _is_unaccepted(error) and not self._has_answered_since(before):
                self._state = evolve(before, error=self._state.error)
                echo("The conversation goes on without this message.", err=True)
            elif isinstance(error, RunCancelled):
                echo("What was said is kept.", err=True)
        return error

    def _has_answered_since(self, before: State) -> bool:
        return any(step.said for step in self._state.steps[len(before.steps) :])

    def reset(self) -> None:
        """Forget all that was said."""
        self._state = State()

    def report(self) -> str:
        """Return lines that tell what the conversation has come to."""
        state = self._state
        lines = [f"{_count(len(state.messages()), 'message')} · {_count(len(state.steps), 'step')}"]
        for agent, usage in state.usage_by_agent.items():
            lines.append(f"{one_line(agent)}: {tokens(usage)}")
        if state.unreported:
            lines.append(f"{_count(state.unreported, 'answer')} without a report of tokens")
        if state.error is not None:
            lines.append(f"last error: {one_line(state.error)}")
        return "\n".join(lines)


def _is_unaccepted(error: Exception) -> bool:
    return isinstance(error, ModelRejected) or (
        isinstance(error, ModelRefused) and error.status is not None
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
