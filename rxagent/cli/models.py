"""`rxagent models`: which models can be reached, and why others cannot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from ..printable import one_line, spelled
from .failures import ExitCode
from .options import seconds
from .parameters import parameters_of
from .stdio import echo

if TYPE_CHECKING:
    from ..models import Provider

__all__ = ["models"]

_MOST = 20
"""How many models of a provider are listed beside those of others."""


@click.command(short_help="Show which models can be reached, and why others cannot.")
@click.argument("prefix", required=False)
@click.option(
    "--timeout", type=seconds, default=5.0, show_default=True, help="Seconds to wait for each one."
)
def models(prefix: str | None, timeout: float) -> ExitCode:
    """Show which models can be reached from here, and why others cannot.

    With PREFIX, the part of a model's name before the colon, show all models of that provider,
    and the parameters that they take.
    """
    from ..models import prefixes
    from ..models.hosts import HOSTS

    if prefix is not None:
        return _show_all(prefix.removesuffix(":"), timeout)
    reached = [_show(name, timeout, _MOST) for name in prefixes() if name not in HOSTS]
    absent = []
    for name, host in HOSTS.items():
        if host.key is None or _has(host.key):
            reached.append(_show(name, timeout, _MOST, is_quiet=host.key is None))
            if not (host.key or reached[-1]):
                absent.append(f"{name} ({os.environ.get(host.url_variable) or host.url})")
    if unset := [f"{h.prefix} ({h.key})" for h in HOSTS.values() if h.key and not _has(h.key)]:
        echo(f"Hosts that are not set up, with the variables of their keys: {', '.join(unset)}")
    if absent:
        echo(f"Servers that do not answer: {', '.join(map(one_line, absent))}")
    return ExitCode.ANSWERED if any(reached) else ExitCode.UNAVAILABLE


def _has(variable: str) -> bool:
    return bool(os.environ.get(variable))


def _show_all(prefix: str, timeout: float) -> ExitCode:
    from ..models.resolve import find_provider

    reached = _show(prefix, timeout)
    if (provider := find_provider(prefix)) is None:
        return ExitCode.USAGE
    echo("\nParameters:")
    for line in parameters_of(provider):
        echo(f"  {line}")
    return ExitCode.ANSWERED if reached else ExitCode.UNAVAILABLE


def _show(prefix: str, timeout: float, most: int | None = None, is_quiet: bool = False) -> bool:
    """Show a provider, and return whether its models can be reached.

    Args:
        prefix: Its prefix.
        timeout: Seconds to wait for it.
        most: How many of its models to list; None for all.
        is_quiet: Whether to print nothing if it does not answer.
    """
    from ..models.listing import NoListing
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
    except NoListing as error:
        if not is_quiet:
            echo(f"{prefix}: cannot be used. {one_line(str(error))}")
            echo(f"  Check the address{_variable(provider)}. See {provider.docs}")
        return False
    except Exception as error:  # a server may send anything
        if not is_quiet:
            echo(f"{prefix}: cannot be reached. {_why(error)}")
        return False
    from ..models.provider import THIS_MACHINE

    where = "on" if address == THIS_MACHINE else "at"
    echo(f"{prefix}: can be reached {where} {one_line(str(address))}")
    for name in _named(provider, names, most):
        echo(f"  {name}")
    return bool(names)


def _variable(provider: Provider) -> str:
    return f", {provider.url_variable}" if provider.url_variable else ""


def _named(provider: Provider, names: list[str], most: int | None) -> list[str]:
    """Return the names of a provider's models, as -m takes them."""
    if provider.naming:
        return [f"{provider.prefix}:NAME, with {provider.naming}"]
    listed = [f"{provider.prefix}:{spelled(name)}" for name in names[:most]]
    more = len(names) - len(listed)
    return [*listed, f"and {more} more: rxagent models {provider.prefix}"] if more else listed


def _why(error: Any) -> str:
    cause = error.__cause__
    texts = [
        getattr(error, "message", "") or str(error) or type(error).__name__,
        cause and str(cause),
    ]
    return one_line(" ".join(text for text in texts if text))
