"""Failures: the exit code of each, and what can be done about it."""

import traceback
from enum import IntEnum

from ..errors import (
    MalformedReply,
    MissingExtra,
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

__all__ = ["INTERRUPTED", "TOO_LONG", "ExitCode", "advice", "exit_code", "explain"]

INTERRUPTED = "interrupted"
TOO_LONG = "it took longer than"
"""How the reasons begin for which the command line cancels a run."""

_UNAUTHORISED = (401, 403)


class ExitCode(IntEnum):
    """What the command line tells the shell."""

    ANSWERED = 0
    FAILED = 1
    USAGE = 2
    STEP_LIMIT = 3
    REFUSED = 4
    UNAVAILABLE = 69
    TIMEOUT = 124
    INTERRUPTED = 130


def exit_code(error: Exception | None) -> ExitCode:
    """Return the exit code of a run that ended by this error, or by an answer."""
    match error:
        case None:
            return ExitCode.ANSWERED
        case RunCancelled() if _reason(error).startswith(INTERRUPTED):
            return ExitCode.INTERRUPTED
        case RunCancelled() if _reason(error).startswith(TOO_LONG):
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


def explain(error: Exception, *, told: bool, verbose: bool) -> None:
    """Say on stderr what can be done about an error.

    Args:
        error: What ended a run.
        told: Whether it was said already what has happened.
        verbose: Whether to say where.
    """
    said = str(error) if isinstance(error, RxAgentError) else describe(error)
    where = "".join(traceback.format_exception(error)) if verbose else ""
    for sentence in (where, "" if told else f"Error: {said}", advice(error)):
        if sentence:
            echo(sentence, err=True)


def advice(error: Exception) -> str:
    """Return a sentence of what to do about an error; none when nothing is to be done."""
    match error:
        case RunCancelled() if _reason(error).startswith(TOO_LONG):
            return "Allow more time with --timeout."
        case RunCancelled() | MissingExtra():
            return ""
        case ModelUnavailable(status=int()):  # so the server can be reached
            return "Try again later, or choose another model with -m."
        case ModelUnavailable():
            return (
                "Check the network and the server's address (OPENAI_BASE_URL); "
                "`rxagent models` tells what can be reached."
            )
        case RateLimited(retry_after=None):
            return "Try again later."
        case RateLimited(retry_after=seconds):
            return f"Try again in {seconds:g} s."
        case ModelTimeout():
            return "Try again, or choose another model with -m."
        case ModelRefused():
            return "Say the task in other words, or choose another model with -m."
        case ModelRejected(status=status) if status in (None, *_UNAUTHORISED):
            return "Check the provider's key; `rxagent models` tells which variable holds it."
        case ModelRejected(status=404):
            return "Check the model's name; `rxagent models` lists those there are."
        case ModelRejected():
            return "Change the request: the model, the tools or the length of the task."
        case MalformedReply():
            return "Check that the server at OPENAI_BASE_URL speaks OpenAI's protocol."
        case NoAnswer():
            return "Allow more steps with --max-steps, or ask for less."
    return "Run it again with -v to see where it happened."


def _reason(error: RunCancelled) -> str:
    return error.reason or ""
