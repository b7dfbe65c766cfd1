"""The group of commands, and how each command ends."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Sequence

import click

from .. import __version__
from ..arguments import did_you_mean, shorten
from ..errors import describe
from .chat import chat
from .demo import demo
from .draw import draw
from .failures import ExitCode
from .models import models
from .options import settings
from .run import run
from .stdio import OutputLost, echo, guarded

__all__ = ["app", "invoke"]


class _Commands(click.Group):
    """The commands; what is none may be a task."""

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = words[0]
        if self.get_command(context, name) is None and not name.startswith("-"):
            hint = did_you_mean(name, self.commands)
            task = shlex.quote(shorten(name))
            raise click.UsageError(
                f"There is no command {shorten(name)!r}.{hint} "
                f"To give an agent a task, write `rxagent run {task}`.",
                context,
            )
        return super().resolve_command(context, words)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def app(context: click.Context) -> None:
    """LLM agents as reactive streams.

    \b
    rxagent run "What is 23 * 17?"                 ask the small built-in model
    rxagent run -m openai:gpt-5-mini "2 + 3?"      ask a model
    rxagent chat -m openai:gpt-5-mini              talk with it
    rxagent draw hello.marble -o hello.svg         draw a marble diagram
    """
    if context.invoked_subcommand in ("chat", "run"):
        context.default_map = {context.invoked_subcommand: settings()}


@app.command(short_help="Print a shell script that completes commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script for SHELL that completes commands and options.

    \b
    eval "$(rxagent completion bash)"                       in ~/.bashrc
    eval "$(rxagent completion zsh)"                        in ~/.zshrc
    rxagent completion fish > ~/.config/fish/completions/rxagent.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    echo(made(context.find_root().command, {}, "rxagent", "_RXAGENT_COMPLETE").source())


for command in (chat, demo, draw, models, run):
    app.add_command(command)


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name, and return its exit code."""
    with guarded():
        try:
            return _invoke(arguments)
        except OutputLost as lost:
            if not lost.reader_left:
                echo(f"Error: {lost}", err=True)
            return ExitCode.FAILED


def _invoke(arguments: Sequence[str] | None) -> int:
    try:
        code = app.main(arguments, prog_name="rxagent", standalone_mode=False)
        sys.stdout.flush()
        return int(code or ExitCode.ANSWERED)
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        echo(text.getvalue(), err=True, end="")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except OSError as error:  # a stream or a file failed
        echo(f"Error: {describe(error)}", err=True)
        return ExitCode.FAILED
    except SystemExit as left:  # click completes commands for a shell, then exits
        return left.code if isinstance(left.code, int) else ExitCode.ANSWERED
