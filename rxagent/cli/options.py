"""Options: what every command reads about its agent, from flags, the environment and files."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any

import click
from attrs import fields, frozen

from .tools import load_tool

if TYPE_CHECKING:
    from reactivex import abc

    from ..agents import Agent
    from ..events import Event

__all__ = ["Options", "seconds", "settings", "with_options"]

_FILE = "rxagent.toml"
_NO_MODEL = (
    "No model was chosen. Name one with -m, like -m openai:gpt-5-mini, or in RXAGENT_MODEL, "
    f"or in {_FILE} (model = ...). To use the small built-in model, run "
    "`pip install '{requires}'`."
)
_BUILTIN_ANSWERED = (
    "Answered by {name}, a demonstration model that may be wrong; a larger one: "
    "-m openai:gpt-5-mini"
)

# No tools and no addresses: a folder from elsewhere must not run code or receive keys.
_SETTINGS: dict[str, tuple[tuple[type, ...], str]] = {
    "model": ((str,), "a text"),
    "system": ((str,), "a text"),
    "max_steps": ((int,), "a whole number"),
    "timeout": ((int, float), "a number of seconds"),
    "history": ((bool,), "true or false"),
}


@frozen
class Options:
    """The options about the agent and about how its answers are shown."""

    model: str | None
    tools: tuple[str, ...]
    system: str | None
    max_steps: int | None
    code: bool
    timeout: float | None
    plain: bool
    quiet: bool
    verbose: bool
    as_json: bool

    def __attrs_post_init__(self) -> None:
        if self.plain + self.as_json + self.quiet > 1:
            raise click.UsageError("Choose one of --json, --plain and --quiet.")

    @property
    def shows_errors(self) -> bool:
        """Whether the observer of the answers shows errors in words."""
        return not (self.as_json or self.quiet)

    @property
    def shows_calls(self) -> bool:
        """Whether the observer of the answers shows each call."""
        return not (self.as_json or self.quiet or self.plain)

    @property
    def is_builtin(self) -> bool:
        """Whether the built-in model answers, named or as no other one was chosen."""
        from ..models.builtin import BUILTIN

        return not self.model or self.model == BUILTIN

    @property
    def writes_code(self) -> bool:
        """Whether the agent writes code, as the built-in model always does."""
        return self.code or self.is_builtin

    def name_the_model(self) -> None:
        """Say in one dim line that the built-in model answered, and how to name a larger one."""
        if self.is_builtin and self.shows_errors:
            from ..models.builtin import BUILTIN
            from ..subscribers.terminal import Terminal

            Terminal(None, None).line((f"  {_BUILTIN_ANSWERED.format(name=BUILTIN)}", "dim"))

    def agent(self, *, asks: bool = False) -> Agent:
        """Return the agent; without a model, it writes code by the one that is built in.

        Args:
            asks: Whether its calls wait for `run.decide`, except code, which runs in a sandbox.

        Raises:
            click.UsageError: The options do not make an agent.
        """
        model = self.model or _builtin()
        loaded = [load_tool(named, verbose=self.verbose) for named in self.tools]
        from ..agents import Agent, CodeAgent
        from ..agents.approval import Policy, by_decision, by_name
        from ..messages import INTERPRETER

        policy: Policy | None = None
        if asks and loaded:
            policy = by_name({INTERPRETER: None, "*": by_decision()})
        kind = CodeAgent if self.writes_code else Agent
        limit: dict[str, Any] = {} if self.max_steps is None else {"max_steps": self.max_steps}
        try:
            return kind(model, loaded, instructions=self.system, approve=policy, **limit)
        except (TypeError, ValueError) as error:
            raise click.UsageError(str(error)) from error

    def watcher(self) -> abc.ObserverBase[Event]:
        """Return the observer that shows the agent's answers."""
        if self.as_json:
            from ..subscribers.json_lines import JsonLines

            return JsonLines(sys.stdout)
        from ..subscribers import Console
        from ..subscribers.terminal import Nowhere

        err = Nowhere() if self.quiet else None
        return Console(plain=self.plain, code=self.writes_code, err=err)


def _builtin() -> str:
    """Return the name of the built-in model.

    Raises:
        click.UsageError: What it needs is not installed.
    """
    from ..models.builtin import BUILTIN, PROVIDER

    if not PROVIDER.is_installed():
        raise click.UsageError(_NO_MODEL.format(requires=PROVIDER.requires))
    return BUILTIN


def seconds(text: str | float) -> float:
    """Return a number of seconds above 0, as long as a thread can wait."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number <= TIMEOUT_MAX:
        raise click.BadParameter(f"{text!r} is not a number of seconds. Write one above 0.")
    return number


def steps(text: str | int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise click.BadParameter(f"{text!r} is not a number of steps. Write 0 or more.")
    return number


def _option(*names: str, help: str, **how: Any) -> Callable[[Any], Any]:
    """Return an option that an environment variable of its name can set, too."""
    variable = f"RXAGENT_{names[-1].lstrip('-').replace('-', '_').upper()}"
    return click.option(*names, envvar=variable, show_envvar=True, help=help, **how)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _option("-m", "--model", help="The model, as provider:name."),
    click.option(
        *("-t", "--tool", "tools"),
        multiple=True,
        metavar="MODULE:FUNCTION",
        help="A tool; repeatable.",
    ),
    _option("-s", "--system", help="Instructions for the agent."),
    _option("--max-steps", help="Steps before the agent must answer.", type=steps),
    click.option("--code", is_flag=True, help="Let the agent write code, which runs in a sandbox."),
    _option("--timeout", help="Stop an answer after so many seconds.", type=seconds),
    click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON."),
    click.option("--plain", is_flag=True, help="Print each event as a line, without styles."),
    click.option("-q", "--quiet", is_flag=True, help="Print only the answer."),
    click.option("-v", "--verbose", is_flag=True, help="Show where an error happened."),
)


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options, as its argument `options`."""

    @wraps(command)
    def gather(**given: Any) -> Any:
        ours = {field.name: given.pop(field.name) for field in fields(Options)}
        return command(options=Options(**ours), **given)

    for option in reversed(_OPTIONS):
        gather = option(gather)
    return gather


def settings() -> dict[str, Any]:
    """Return the settings in `rxagent.toml`; those in this folder override those in the home.

    Raises:
        click.UsageError: A file cannot be read, or a setting in it is not valid.
    """
    home = Path(click.get_app_dir("rxagent"))
    return {**_read(home / _FILE), **_read(Path(_FILE))}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{path} cannot be read: {error}. Fix or remove it.") from None
    for name, value in found.items():
        if name not in _SETTINGS:
            known = ", ".join(_SETTINGS)
            raise click.UsageError(f"{path} sets {name!r}, which is not a setting. Known: {known}.")
        kinds, described = _SETTINGS[name]
        if type(value) not in kinds:
            raise click.UsageError(f"{path} sets {name} to {value!r}. Write {described}.")
    return found
