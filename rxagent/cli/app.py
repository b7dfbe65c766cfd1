"""The commands, and how each of them ends."""

import io
import sys
from collections.abc import Sequence

import click

from .. import __version__
from ..errors import describe
from .chat import chat
from .completion import completion
from .demo import demo
from .draw import draw
from .failures import ExitCode
from .logs import shown_logs
from .models import models
from .run import run
from .settings import settings
from .stdio import OutputLost, echo, guarded

__all__ = ["app", "invoke"]

_WITH_SETTINGS = ("chat", "run")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def app(context: click.Context) -> None:
    """LLM agents as reactive streams.

    \b
    rxagent demo                                   see an agent work, without a key
    rxagent run -m openai:gpt-5-mini "2 + 3?"      ask a model
    rxagent chat -m openai:gpt-5-mini              talk with it
    rxagent draw hello.marble -o hello.svg         draw a marble diagram
    """
    if context.invoked_subcommand in _WITH_SETTINGS:
        context.default_map = {context.invoked_subcommand: settings()}


for command in (chat, completion, demo, draw, models, run):
    app.add_command(command)


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for, and return the exit code."""
    with guarded(), shown_logs():
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
        said = io.StringIO()
        error.show(said)
        echo(said.getvalue(), err=True, end="")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except OSError as error:  # of a stream or a file
        echo(f"Error: {describe(error)}", err=True)
        return ExitCode.FAILED
    except SystemExit as left:  # so ends what shells ask for to complete commands
        return left.code if isinstance(left.code, int) else ExitCode.ANSWERED
