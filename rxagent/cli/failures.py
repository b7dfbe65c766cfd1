"""Failures: the exit code of each, and what the user can do about it."""

from __future__ import annotations

import traceback
from enum import IntEnum
from typing import TYPE_CHECKING

from ..errors import (
    MalformedReply,
    MissingExtra,
    ModelError,
    ModelRefused,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    NoAnswer,
    RateLimited,
    RunCancelled,
    RxAgentError,
    describe,
)
from .stdio import echo

if TYPE_CHECKING:
    from ..models import Provider

__all__ = ["INTERRUPTED", "TOO_LONG", "ExitCode", "exit_code", "explain"]

INTERRUPTED = "interrupted"
TOO_LONG = "it took longer than"
"""How the reasons begin for which the command line cancels a run."""


class ExitCode(IntEnum):
    """The exit codes of the command line."""

    ANSWERED = 0
    FAILED = 1
    USAGE = 2
    STEP_LIMIT = 3
    REFUSED = 4
    UNAVAILABLE = 69
    TIMEOUT = 124
    INTERRUPTED = 130


def exit_code(error: Exception | None) -> ExitCode:
    """Return the exit code of a run that ended with this error, or with an answer."""
    match error:
        case None:
            return ExitCode.ANSWERED
        case RunCancelled(reason=str(reason)) if reason.startswith(INTERRUPTED):
            return ExitCode.INTERRUPTED
        case RunCancelled(reason=str(reason)) if reason.startswith(TOO_LONG):
            return ExitCode.TIMEOUT
        case TimeoutError():
            return ExitCode.TIMEOUT
        case NoAnswer():
            return ExitCode.STEP_LIMIT
        case ModelRefused():
            return ExitCode.REFUSED
        case ModelUnavailable() | RateLimited() | MissingExtra():
            return ExitCode.UNAVAILABLE
    return ExitCode.FAILED


def explain(error: Exception, *, shown: bool, verbose: bool) -> None:
    """Print to stderr what the user can do about an error.

    Args:
        error: The error that ended a run.
        shown: Whether the error itself is on the screen already.
        verbose: Whether to print the traceback.
    """
    if verbose:
        echo("".join(traceback.format_exception(error)), err=True)
    if not shown:
        text = str(error) if isinstance(error, RxAgentError) else describe(error)
        echo(f"Error: {text}", err=True)
    if advice := _advice(error):
        echo(advice, err=True)


def _advice(error: Exception) -> str:
    """Return a sentence that says what to do; empty when there is nothing to do."""
    provider = _provider_of(error)
    match error:
        case RunCancelled(reason=str(reason)) if reason.startswith(TOO_LONG):
            return "Allow more time with --timeout."
        case RunCancelled() | MissingExtra():
            return ""
        case ModelUnavailable(status=int()):  # so the server was reached
            return "Try again later, or choose another model with -m."
        case ModelUnavailable():
            return (
                f"Check the network and the server's address{_in(provider, 'url_variable')}; "
                "`rxagent models` shows what can be reached."
            )
        case RateLimited(retry_after=None):
            return "Try again later."
        case RateLimited(retry_after=seconds):
            return f"Try again in {seconds:g} s."
        case ModelTimeout():
            return "Try again, or choose another model with -m."
        case ModelRefused():
            return "Rephrase the task, or choose another model with -m."
        case ModelRejected() if _names_the_key(error, provider):
            return "`rxagent models` shows which variables are missing."
        case ModelRejected(status=None | 401 | 403):
            return (
                f"Check the provider's key{_in(provider, 'key_variable')}; "
                "`rxagent models` shows which variables are missing."
            )
        case ModelRejected(status=404):
            return "Check the model's name; `rxagent models` lists the available ones."
        case ModelRejected():
            return "Change the request: the model, the tools or the length of the task."
        case MalformedReply() if provider is not None:
            return (
                f"Check that the server's address{_in(provider, 'url_variable')} leads to a "
                f"server of {provider.prefix}'s protocol."
            )
        case NoAnswer():
            return "Allow more steps with --max-steps, or give a smaller task."
    return "Run it again with -v to see where it happened."


def _provider_of(error: Exception) -> Provider | None:
    if not isinstance(error, ModelError):
        return None
    from ..models.resolve import find_provider

    return find_provider(error.provider)


def _names_the_key(error: Exception, provider: Provider | None) -> bool:
    """Return whether an error says already which variable holds the key."""
    variable = None if provider is None else provider.key_variable
    return variable is not None and variable in str(error)


def _in(provider: Provider | None, variable: str) -> str:
    """Return the name of a provider's environment variable in brackets, if it has one."""
    name = getattr(provider, variable, None)
    return f" ({name})" if name else ""
