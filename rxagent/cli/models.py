"""`rxagent models`: which models can be reached, and why others cannot."""

import os
from typing import Any

import click

from ..printable import one_line, spelled
from .failures import ExitCode
from .options import seconds
from .stdio import echo

__all__ = ["models"]


@click.command(short_help="Show which models can be reached, and why others cannot.")
@click.option(
    "--timeout", type=seconds, default=5.0, show_default=True, help="Seconds to wait for each one."
)
def models(timeout: float) -> ExitCode:
    """Show which models can be reached from here, and why others cannot."""
    from ..models import prefixes

    reached = [_show(prefix, timeout) for prefix in prefixes()]
    return ExitCode.ANSWERED if any(reached) else ExitCode.UNAVAILABLE


def _show(prefix: str, timeout: float) -> bool:
    from ..models.resolve import load_provider

    prefix = one_line(prefix)
    try:
        provider = load_provider(prefix)
    except ValueError as error:
        echo(f"{prefix}: cannot be used. {one_line(str(error))}")
        return False
    if not provider.is_installed():
        echo(
            f"{prefix}: not installed. Run `pip install '{provider.requires}'`. See {provider.docs}"
        )
        return False
    if missing := [name for name in provider.variables if not os.environ.get(name)]:
        note = f" ({provider.note})" if provider.note else ""
        echo(f"{prefix}: not set up. Set {', '.join(missing)}{note}. See {provider.docs}")
        return False
    if provider.list_models is None:
        echo(f"{prefix}: runs without a server. See {provider.docs}")
        return True
    try:
        address, names = provider.list_models(timeout)
        names = sorted(map(str, names))
    except Exception as error:  # a server may send anything
        echo(f"{prefix}: cannot be reached. {_why(error)}")
        return False
    echo(f"{prefix}: can be reached at {one_line(str(address))}")
    named = [f"NAME, with {provider.naming}"] if provider.naming else map(spelled, names)
    for name in named:
        echo(f"  {prefix}:{name}")
    return True


def _why(error: Any) -> str:
    cause = error.__cause__
    texts = [
        getattr(error, "message", "") or str(error) or type(error).__name__,
        cause and str(cause),
    ]
    return one_line(" ".join(text for text in texts if text))
