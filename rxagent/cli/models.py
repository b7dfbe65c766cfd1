"""`rxagent models`: what can be reached from here, and why not."""

import os
from typing import Any

import click
from attrs import frozen

from ..printable import one_line, spelled
from .failures import ExitCode
from .numbers import seconds
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
        "OPENAI_BASE_URL leads to any server of that protocol; its key may be any text",
    ),
}


@click.command(short_help="Tell which models can be reached, and why others cannot.")
@click.option(
    "--timeout",
    type=seconds,
    default=5.0,
    show_default=True,
    help="How long to wait for each.",
)
def models(timeout: float) -> ExitCode:
    """Tell which models can be reached from here, and why others cannot."""
    from ..models import prefixes

    reached = [_tell(prefix, _PROVIDERS[prefix], timeout) for prefix in prefixes()]
    return ExitCode.ANSWERED if any(reached) else ExitCode.UNAVAILABLE


def _tell(prefix: str, provider: _Provider, timeout: float) -> bool:
    missing = [name for name in provider.variables if not os.environ.get(name)]
    if missing:
        note = f" ({provider.note})" if provider.note else ""
        echo(f"{prefix}: not set up. Set {', '.join(missing)}{note}.")
        return False
    import openai

    try:
        with getattr(openai, provider.client)(timeout=timeout, max_retries=0) as client:
            address, names = client.base_url, [str(model.id) for model in client.models.list()]
    except Exception as error:  # a server may answer anything at all
        echo(f"{prefix}: cannot be reached. {_why(error)}")
        return False
    echo(f"{prefix}: can be reached at {one_line(str(address))}")
    if not provider.lists:
        echo(f"  {prefix}:NAME, with the name of a deployment of yours")
        return True
    for name in sorted(names):
        echo(f"  {prefix}:{spelled(name)}")
    return True


def _why(error: Any) -> str:
    cause = error.__cause__
    said = [
        getattr(error, "message", "") or str(error) or type(error).__name__,
        cause and str(cause),
    ]
    return one_line(" ".join(text for text in said if text))
