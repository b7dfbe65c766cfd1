"""`rxagent run`: a task, an answer."""

import io
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from ..errors import RxAgentError, describe
from .failures import ExitCode, advice, exit_code
from .settings import FILE
from .tools import load_tool

if TYPE_CHECKING:
    from reactivex import abc

    from ..events import Event

__all__ = ["run"]

_NO_MODEL = (
    "No model was chosen. Name one with -m, like -m openai:gpt-5-mini, or in RXAGENT_MODEL, "
    f"or in {FILE} (model = ...); `rxagent demo` needs none."
)


@click.command(short_help="Do a task, and print the answer.")
@click.argument("task", nargs=-1)
@click.option("-m", "--model", envvar="RXAGENT_MODEL", show_envvar=True, help="provider:name")
@click.option(
    "-t", "--tool", "tools", multiple=True, metavar="MODULE:FUNCTION", help="A tool; repeatable."
)
@click.option(
    "-s", "--system", envvar="RXAGENT_SYSTEM", show_envvar=True, help="What the agent should heed."
)
@click.option(
    "--max-steps",
    type=click.IntRange(min=0),
    envvar="RXAGENT_MAX_STEPS",
    show_envvar=True,
    help="Steps before it must answer.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    envvar="RXAGENT_TIMEOUT",
    show_envvar=True,
    metavar="SECONDS",
    help="Give up after so long.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON.")
@click.option("--plain", is_flag=True, help="Tell each event in a line, without styles.")
@click.option("-q", "--quiet", is_flag=True, help="Print the answer alone.")
@click.option("-v", "--verbose", is_flag=True, help="Show where an error happened.")
def run(
    task: tuple[str, ...],
    model: str | None,
    tools: tuple[str, ...],
    system: str | None,
    max_steps: int | None,
    timeout: float | None,
    as_json: bool,
    plain: bool,
    quiet: bool,
    verbose: bool,
) -> ExitCode:
    """Do a TASK with an agent, and print its answer.

    The answer goes to stdout, everything else to stderr. A word `-` of the TASK stands for what
    is read from stdin, and so does no TASK at all.

    \b
    rxagent run -m openai:gpt-5-mini "What is the capital of Peru?"
    rxagent run -t calc:add -t calc:multiply "What is 2 + 3 * 4?"
    git diff | rxagent run "Write a commit message for this:" -

    \b
    Exit codes: 0 answered, 1 failed, 2 wrong usage, 3 step limit, 4 refused,
    69 model unavailable, 124 timeout, 130 interrupted.
    """
    if as_json + plain > 1 or plain + quiet > 1:
        raise click.UsageError("Choose one of --json, --plain and --quiet.")
    if not model:
        raise click.UsageError(_NO_MODEL)
    said = _task(task)
    loaded = [load_tool(named, verbose=verbose) for named in tools]
    agent = _agent(model, loaded, system, max_steps)
    from .performance import perform

    # A pipe gets text as it comes only where all text is the answer: where no tools are called.
    live = sys.stdout.isatty() or not (tools or quiet)
    error = perform(agent(said), _watcher(as_json, plain, quiet, live), timeout)
    if error is not None:
        _explain(error, told=not (as_json or quiet), verbose=verbose)
    return exit_code(error)


def _task(words: tuple[str, ...]) -> str:
    if not words and sys.stdin.isatty():
        raise click.UsageError("There is no task. Write one, or pipe one in.")
    parts = [
        sys.stdin.buffer.read() if word == "-" else os.fsencode(word) for word in words or ("-",)
    ]
    separator = b"\n\n" if "-" in words else b" "
    task = separator.join(parts).decode("utf-8", errors="replace").strip()
    if not task:
        raise click.UsageError("The task is empty. Write one, or pipe one in.")
    return task


def _agent(model: str, tools: list[Any], system: str | None, max_steps: int | None) -> Any:
    from ..agents import Agent

    options: dict[str, Any] = {} if max_steps is None else {"max_steps": max_steps}
    try:
        return Agent(model, tools, instructions=system, **options)
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from error


def _watcher(as_json: bool, plain: bool, quiet: bool, live: bool) -> "abc.ObserverBase[Event]":
    if as_json:
        from .json_lines import JsonLines

        return JsonLines(sys.stdout)
    from ..subscribers import Console

    return Console(plain=plain, live=live, err=_Nowhere() if quiet else None)


class _Nowhere(io.StringIO):
    def write(self, text: str) -> int:
        return len(text)


def _explain(error: Exception, *, told: bool, verbose: bool) -> None:
    from ..subscribers.shown import shown

    if verbose:
        click.echo(shown("".join(traceback.format_exception(error))), err=True)
    said = str(error) if isinstance(error, RxAgentError) else describe(error)
    for sentence in ("" if told else f"Error: {said}", advice(error)):
        if sentence:
            click.echo(shown(sentence), err=True)
