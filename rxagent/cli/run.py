"""`rxagent run`: a task, an answer."""

from __future__ import annotations

import os
import sys

import click

from .failures import ExitCode, exit_code, explain
from .options import Options, with_options
from .stdio import open_stdin, require_stdout

__all__ = ["run"]


@click.command(short_help="Do a task, and print the answer.")
@click.argument("task", nargs=-1)
@with_options
def run(task: tuple[str, ...], options: Options) -> ExitCode:
    """Do a TASK with an agent, and print its answer.

    The answer goes to stdout, everything else to stderr. A word `-` in the TASK stands for the
    text from stdin; without a TASK, that text is the task.

    Without a model, the small one that is built in writes code; it is for demonstrations.

    \b
    rxagent run "What is 23 * 17?"

    \b
    rxagent run -m openai:gpt-5-mini "What is the capital of Peru?"
    rxagent run -m openai:gpt-5-mini -t calc:add "What is 2 + 3?"
    rxagent run -m openai:gpt-5-mini --code "What is the 40th Fibonacci number?"
    git diff | rxagent run -m openai:gpt-5-mini "Write a commit message for this:" -

    \b
    Exit codes: 0 answered, 1 failed, 2 wrong usage, 3 step limit, 4 refused,
    69 model unavailable, 124 timeout, 130 interrupted.
    """
    require_stdout()
    agent = options.agent()
    text = _text(task)
    from .performance import perform

    error = perform(agent.start(text), options.watcher(), options.timeout)
    if error is None:
        options.name_the_model()
    else:
        explain(error, shown=options.shows_errors, verbose=options.verbose)
    return exit_code(error)


def _text(words: tuple[str, ...]) -> str:
    if not words and (sys.stdin is None or sys.stdin.isatty()):
        raise click.UsageError("There is no task. Write one, or pipe one in.")
    parts = [
        open_stdin().buffer.read() if word == "-" else os.fsencode(word) for word in words or ("-",)
    ]
    separator = b"\n\n" if "-" in words else b" "
    text = separator.join(parts).decode("utf-8", errors="replace").strip()
    if not text:
        raise click.UsageError("The task is empty. Write one, or pipe one in.")
    return text
