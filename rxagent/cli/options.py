"""Options: what every command is told about the agent in it, and what is made of that."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from attrs import fields, frozen

from .numbers import seconds, steps
from .settings import FILE
from .tools import load_tool

if TYPE_CHECKING:
    from reactivex import abc

    from ..agents import Agent
    from ..events import Event

__all__ = ["Options", "with_options"]

_NO_MODEL = (
    "No model was chosen. Name one with -m, like -m openai:gpt-5-mini, or in RXAGENT_MODEL, "
    f"or in {FILE} (model = ...); `rxagent demo` needs none."
)


@frozen
class Options:
    """Which agent is to answer, and how its answers are shown."""

    model: str | None
    tools: tuple[str, ...]
    system: str | None
    max_steps: int | None
    timeout: float | None
    plain: bool
    quiet: bool
    verbose: bool
    as_json: bool

    def __attrs_post_init__(self) -> None:
        if self.plain and (self.as_json or self.quiet):
            raise click.UsageError("Choose one of --json, --plain and --quiet.")

    @property
    def tells_errors(self) -> bool:
        """Whether what shows the answers says in words why there is none."""
        return not (self.as_json or self.quiet)

    def agent(self) -> "Agent":
        """Return the agent.

        Raises:
            click.UsageError: There can be no such agent.
        """
        if not self.model:
            raise click.UsageError(_NO_MODEL)
        loaded = [load_tool(named, verbose=self.verbose) for named in self.tools]
        from ..agents import Agent

        limit: dict[str, Any] = {} if self.max_steps is None else {"max_steps": self.max_steps}
        try:
            return Agent(self.model, loaded, instructions=self.system, **limit)
        except (TypeError, ValueError) as error:
            raise click.UsageError(str(error)) from error

    def watcher(self) -> "abc.ObserverBase[Event]":
        """Return what shows the agent's answers."""
        if self.as_json:
            from .json_lines import JsonLines

            return JsonLines(sys.stdout)
        from ..subscribers import Console
        from ..subscribers.terminal import Nowhere

        return Console(plain=self.plain, err=Nowhere() if self.quiet else None)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("-m", "--model", envvar="RXAGENT_MODEL", show_envvar=True, help="provider:name"),
    click.option(
        "-t",
        "--tool",
        "tools",
        multiple=True,
        metavar="MODULE:FUNCTION",
        help="A tool; repeatable.",
    ),
    click.option(
        "-s",
        "--system",
        envvar="RXAGENT_SYSTEM",
        show_envvar=True,
        help="What the agent should heed.",
    ),
    click.option(
        "--max-steps",
        type=steps,
        envvar="RXAGENT_MAX_STEPS",
        show_envvar=True,
        help="Steps before it must answer.",
    ),
    click.option(
        "--timeout",
        type=seconds,
        envvar="RXAGENT_TIMEOUT",
        show_envvar=True,
        help="Stop an answer after so long.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON."),
    click.option("--plain", is_flag=True, help="Tell each event in a line, without styles."),
    click.option("-q", "--quiet", is_flag=True, help="Print the answer alone."),
    click.option("-v", "--verbose", is_flag=True, help="Show where an error happened."),
)


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command be told all this, as its argument `options`."""

    @wraps(command)
    def gather(**given: Any) -> Any:
        told = {field.name: given.pop(field.name) for field in fields(Options)}
        return command(options=Options(**told), **given)

    for option in reversed(_OPTIONS):
        gather = option(gather)
    return gather
