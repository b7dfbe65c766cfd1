"""`rxagent completion`: what makes a shell complete our commands."""

import click

from .stdio import echo

__all__ = ["completion"]


@click.command(short_help="Print what makes a shell complete commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that makes a SHELL complete commands and options.

    \b
    eval "$(rxagent completion bash)"                       in ~/.bashrc
    eval "$(rxagent completion zsh)"                        in ~/.zshrc
    rxagent completion fish > ~/.config/fish/completions/rxagent.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    echo(made(context.find_root().command, {}, "rxagent", "_RXAGENT_COMPLETE").source())
