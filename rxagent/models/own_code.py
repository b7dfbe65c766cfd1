"""Code of the user's that a model calls, such as one that provides tokens, and what it raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, update_wrapper
from inspect import isroutine
from typing import Any

from ..errors import RxAgentError, describe
from ..streams.calls import is_async, is_from_outside, running_task
from .errors import ErrorFactory

__all__ = ["OwnError", "error_of_own", "guarded", "in_a_future", "is_of_http", "own_code"]

_OF_HTTP = {"aiohttp", "anyio", "h11", "h2", "httpcore", "httpcore2", "httpx", "httpx2"}
_OF_HTTP |= {"anthropic", "httpx_aiohttp", "openai", "rxagent", "socket", "ssl", "zlib"}


class OwnError(Exception):
    """What the user's code raised.

    Args:
        what: What was called, or done.
        cause: What it raised: any exception, also one that is no `Exception`.
    """

    def __init__(self, what: str, cause: BaseException) -> None:
        super().__init__(f"{what} raised {describe(cause)}")
        self.cause = cause


@contextmanager
def own_code(what: str, *others: type[Exception]) -> Iterator[None]:
    """Raise an `OwnError` for what the user's code raises; Ctrl-C and a cancelled task are not its.

    Args:
        what: What is called.
        others: Errors that stay as they are, since who calls the code knows them.

    Raises:
        OwnError: The code raised.
        RxAgentError: The code raised this, which says itself what it means.
    """
    task = running_task()
    try:
        yield
    except BaseException as error:
        is_known = isinstance(error, (OwnError, RxAgentError, *others))
        if is_known or is_from_outside(error, task):
            raise
        raise OwnError(what, error) from error


def guarded(value: Any, name: str, *others: type[Exception]) -> Any:
    """Return a function that raises an `OwnError` for what a function raises; dicts of them, too.

    An SDK calls it where nothing else than an `Exception` ends a call. Other values are returned
    as they are.

    Args:
        value: The function, or a dict.
        name: Its name.
        others: Errors that stay as they are.
    """
    if isinstance(value, dict):
        return {key: guarded(part, str(key), *others) for key, part in value.items()}
    if not isroutine(value) and not isinstance(value, partial):
        return value
    what = f"its {name}"

    def call(*given: Any, **named: Any) -> Any:
        with own_code(what, *others):
            return value(*given, **named)

    async def wait(*given: Any, **named: Any) -> Any:
        with own_code(what, *others):
            return await value(*given, **named)

    wrapper: Callable[..., Any] = wait if is_async(value) else call
    return update_wrapper(wrapper, value)


def in_a_future(what: str, error: BaseException) -> Exception:
    """Return an error as it is, if a future can hold it and no loop ends by it; else an `OwnError`.

    Args:
        what: What was done.
        error: What was raised.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    own = OwnError(what, error)
    own.__cause__ = error
    return own


def error_of_own(errors: ErrorFactory, error: BaseException) -> RxAgentError | None:
    """Return the error of a request that failed by the user's code, or None if it did not.

    An SDK may have wrapped what that code raised. An error of rxagent's is returned as it is; of
    all others only a lost connection, and a time-out, may pass by themselves.
    """
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        link = todo.pop()
        if link is None or id(link) in seen:
            continue
        if isinstance(link, RxAgentError):
            return link
        if isinstance(link, OwnError):
            passes = isinstance(link.cause, ConnectionError | TimeoutError)
            make = errors.unavailable if passes else errors.rejected
            return make(f"cannot be called: {link}")
        seen.add(id(link))
        todo += [link.__context__, link.__cause__]
    return None


def is_of_http(error: BaseException) -> bool:
    """Return whether an error has a type of the libraries that speak HTTP.

    They give theirs to all that a connection does, so another one comes from code that they call,
    as a hook of a client.
    """
    return type(error).__module__.partition(".")[0] in _OF_HTTP
