"""`rxagent demo`: an agent at work, without a key and without a network."""

from __future__ import annotations

import os

import click

from .failures import ExitCode, exit_code
from .stdio import echo

__all__ = ["demo"]

_TASK = "What is 2 + 3?"


def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


@click.command(short_help="See an agent work, without a key.")
def demo() -> ExitCode:
    """Show an agent that calls a tool and answers.

    A server on this machine sends scripted answers of a model; everything else is real.
    """
    from ..agents import Agent
    from ..models import OpenAIModel
    from ..subscribers import Console
    from ..testing.server import ScriptedServer
    from .performance import perform

    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    echo("The answers are scripted: there is no model, and nothing leaves this machine.")
    echo(f"\n> {_TASK}")
    with ScriptedServer() as server:
        model = OpenAIModel("demo", api_base=server.url, api_key="scripted")
        error = perform(Agent(model, [add]).start(_TASK), Console())
    if error is None:
        echo(f'\nNow ask a real one:  rxagent run -m openai:gpt-5-mini "{_TASK}"')
    return exit_code(error)
