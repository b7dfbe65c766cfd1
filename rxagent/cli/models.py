"""`rxagent models`: which models can be reached, and why others cannot."""

import os
from typing import Any

import click
from attrs import frozen

from ..printable import one_line, spelled
from .failures import ExitCode
from .options import seconds
from .stdio import echo

__all__ = ["models"]


@frozen
class _Provider:
    client: str
    variables: tuple[str, ...]
    note: str = ""
    lists: bool = True


_PROVIDERS = {
    "azure": _Provider(
        "AzureOpenAI",
        ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "OPENAI_API_VERSION"),
        lists=False,
    ),
    "openai": _Provider(
        "OpenAI",
        ("OPENAI_API_KEY",),
        "OPENAI_BASE_URL may name any server of that protocol; its key may be any text",
    ),
}


@click.command(short_help="Show which models can be reached, and why others cannot.")
@click.option(
    "--timeout", type=seconds, default=5.0, show_default=True, help="Seconds to wait for each one."
)
def models(timeout: float) -> ExitCode:
    """Show which models can be reached from here, and why others cannot."""
    from ..models import prefixes

    reached = [_show(prefix, _PROVIDERS[prefix], timeout) for prefix in prefixes()]
    return ExitCode.ANSWERED if any(reached) else ExitCode.UNAVAILABLE


def _show(prefix: str, provider: _Provider, timeout: float) -> bool:
    missing = [name for name in provider.variables if not os.environ.get(name)]
    if missing:
        note = f" ({provider.note})" if provider.note else ""
        echo(f"{prefix}: not set up. Set {', '.join(missing)}{note}.")
        return False
    import openai

    try:
        with getattr(openai, provider.client)(timeout=timeout, max_retries=0) as client:
            address, names = client.base_url, [str(model.id) for model in client.models.list()]
    except Exception as error:  # a server may send anything
        echo(f"{prefix}: cannot be reached. {_why(error)}")
        return False
    echo(f"{prefix}: can be reached at {one_line(str(address))}")
    if not provider.lists:
        echo(f"  {prefix}:NAME, with the name of your deployment")
        return True
    for name in sorted(names):
        echo(f"  {prefix}:{spelled(name)}")
    return True


def _why(error: Any) -> str:
    cause = error.__cause__
    texts = [
        getattr(error, "message", "") or str(error) or type(error).__name__,
        cause and str(cause),
    ]
    return one_line(" ".join(text for text in texts if text))
