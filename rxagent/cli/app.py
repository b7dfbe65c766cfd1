"""The commands, and how each of them ends."""

from collections.abc import Sequence

import click

from .. import __version__
from .chat import chat
from .completion import completion
from .demo import demo
from .draw import draw
from .failures import ExitCode
from .leaving import close_stdout
from .models import models
from .run import run
from .settings import settings

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
    try:
        code = app.main(arguments, prog_name="rxagent", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        close_stdout()
        return ExitCode.FAILED
    return int(code or ExitCode.ANSWERED)
