"""SDKs that are generated as OpenAI's is: OpenAI's own, and Anthropic's.

A request goes out through the SDK's client, which handles keys, proxies and endpoints; the bytes
of the reply are read here, at a fraction of the SDK's cost. Importing an SDK and making a client
take up to a second, so both happen on a worker thread.
"""

from __future__ import annotations

import os
import ssl
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import cache, lru_cache
from importlib import import_module
from inspect import isawaitable, iscoroutine
from typing import Any, ClassVar

from attrs import evolve

from ..errors import RxAgentError
from ..messages import Request
from .clients import shared
from .decoding import body_of, decoded, take_encodings
from .errors import ErrorFactory
from .listing import NoListing, names_in
from .options import check_url
from .own_code import OwnError, error_of_own, guarded, is_of_http, own_code
from .remote import RemoteModel
from .reply_reader import ReplyReader, until_silence

__all__ = ["OF_THE_CALL", "MissingKey", "SdkModel", "list_models"]

OF_THE_CALL = {"extra_body", "extra_headers", "extra_query", "timeout"}
"""Options for the SDK's call; all others go into the body."""

_KEYS = "api_key", "azure_ad_token", "azure_ad_token_provider"
"""Arguments of clients that hold a key, or provide one."""

_TLS_VARIABLES = "SSL_CERT_DIR", "SSL_CERT_FILE"


class SdkModel(RemoteModel):
    """A model that is called through such an SDK.

    Args:
        model_id: The model's name.
        http_client: The SDK's HTTP client, or a function that makes one; None for aiohttp.
        client_kwargs: The arguments of the SDK's client.
        stream: Whether the server streams its reply.
        options: Passed to the provider with each request.
    """

    _sdk: ClassVar[str] = "openai"
    _sdk_client: ClassVar[str] = "AsyncOpenAI"
    _sdk_error: ClassVar[str] = "OpenAIError"
    """The base of the SDK's errors."""

    _no_key: ClassVar[str | None] = None
    """How the SDK says, when it sends a request, that there is no key; None if it never does."""

    _api: str = ""
    """The part of the SDK that is called; models that call the same part share a client."""

    _environment: ClassVar[tuple[str, ...]]
    """The environment variables that the SDK reads when a client is made."""

    _held: ClassVar[Mapping[str, str]] = {**RemoteModel._held, "_http_client": "its http_client"}

    def __init__(
        self,
        model_id: str,
        *,
        http_client: Any,
        client_kwargs: Mapping[str, Any],
        stream: bool,
        options: dict[str, Any],
    ) -> None:
        arguments = {"max_retries": 0, **client_kwargs}
        super().__init__(model_id, client_kwargs=arguments, stream=stream, options=options)
        self._http_client = http_client

    @abstractmethod
    def _call(self, request: Request, origin: str) -> dict[str, Any]:
        """Return what is sent: the body, and `OF_THE_CALL`.

        Args:
            request: The request.
            origin: Where it goes; data that came from elsewhere is not sent back.
        """

    @abstractmethod
    async def _response(self, client: Any, call: dict[str, Any], opened: AsyncExitStack) -> Any:
        """Send a request; return the HTTP client's response, whose body is still to come.

        Args:
            client: The SDK's client.
            call: What is sent.
            opened: Closes the response.
        """

    @abstractmethod
    def _import_rest(self, client: Any) -> None:
        """Import what the first request would import."""

    @abstractmethod
    def _origin(self, client: Any) -> str:
        """Return the origin of a client's answers."""

    @abstractmethod
    def _reader(self, errors: ErrorFactory, origin: str) -> ReplyReader[bytes]:
        """Return the reader of a reply."""

    async def _send(
        self,
        client: Any,
        request: Request,
        errors: ErrorFactory,
        opened: AsyncExitStack,
        sent: Callable[[], None],
    ) -> tuple[AsyncIterator[bytes], ReplyReader[bytes]]:
        origin = self._origin(client)
        call = self._call(request, origin)
        sent()
        response = await self._response(client, call, opened)
        errors = evolve(errors, headers=response.headers)
        return body_of(response), self._reader(errors, origin)

    def _client(self) -> AbstractAsyncContextManager[Any]:
        environment = [os.environ.get(name) for name in (*self._environment, *_TLS_VARIABLES)]
        called = self.provider, self._api
        settings = called, self._client_kwargs, self._http_client, environment
        is_ours = self._http_client is None or callable(self._http_client)
        return shared(settings, self._connect, _disconnect if is_ours else None)

    def _arguments(self) -> Mapping[str, Any]:
        """Return the arguments of a new client.

        Raises:
            MissingKey: They lack a key.
        """
        sdk_error = getattr(_sdk(self._sdk), self._sdk_error)
        return {
            name: guarded(value, name, sdk_error) for name, value in self._client_kwargs.items()
        }

    def _connect(self) -> Any:
        """Return a new client of the SDK; the first call imports the SDK.

        Raises:
            MissingExtra: The SDK is not installed.
            MissingKey: Neither the arguments nor the environment have a key.
            Exception: The SDK's own; the client cannot be made, for another reason.
        """
        variable = self._declaration.url_variable
        if variable and self._client_kwargs.keys().isdisjoint(("base_url", "azure_endpoint")):
            check_url(variable, os.environ.get(variable))
        from .cookies import take_no_cookies
        from .kept_httpx import watch_connections

        http_client = self._http_client
        try:
            sdk = _sdk(self._sdk)
            if http_client is None:
                http_client = _over_aiohttp(sdk)
        except (ImportError, RuntimeError) as error:  # RuntimeError: the SDK lacks its `aiohttp`
            raise self._declaration.missing(error) from error
        if callable(http_client):
            with own_code("its http_client"):
                http_client = _checked(http_client())
        if http_client is not self._http_client:  # one of the user's keeps what it always keeps
            take_no_cookies(http_client)
            watch_connections(http_client)
        base_error = getattr(sdk, self._sdk_error)
        try:
            client = getattr(sdk, self._sdk_client)(http_client=http_client, **self._arguments())
            self._import_rest(client)
        except MissingKey:
            raise
        except (base_error, ValueError) as error:
            has_none = not any(map(self._client_kwargs.get, _KEYS))
            is_missing = has_none and "api_key" in str(error) and not isinstance(error, ValueError)
            raise (MissingKey if is_missing else base_error)(str(error)) from error
        return client

    def _error_of(self, errors: ErrorFactory, error: Exception) -> RxAgentError:
        """Return what an error of the SDK, or of its transport, means.

        Errors of the SDK's client are about the key; those of types and values about what the
        request holds. Bytes that are no HTTP come as errors of the transport's own.
        """
        if isinstance(error, MissingKey) or (self._no_key and self._no_key in str(error)):
            return errors.rejected(
                f"cannot be called without a key. Set {self._declaration.key_variable}, or in a "
                f"program write {repr(self)[:-1]}, api_key=...): any text, where the server "
                "needs none. `rxagent demo` shows an agent without a key."
            )
        sdk = import_module(self._sdk)
        if isinstance(error, sdk.APIStatusError):
            return errors.reported(error.body, error.status_code, error.response.headers)
        if (failed := _failed_reply(error)) is not None:  # its body could not be read
            return errors.reported(None, failed.status_code, failed.headers)
        if isinstance(error, sdk.APIConnectionError):
            if (own := self._own_error(errors, error.__cause__)) is not None:
                return own
            url = error.request.url
            where = f"{url.scheme}://{url.netloc.decode()}"
            return errors.lost(f"could not be reached at {where}", error)
        of_arguments = TypeError | ValueError | AttributeError | Warning
        if isinstance(error, getattr(sdk, self._sdk_error) | of_arguments):
            return errors.rejected(f"cannot be called by {errors.provider}'s client: {error}")
        return self._own_error(errors, error) or errors.lost("sent what is not HTTP", error)

    def _own_error(self, errors: ErrorFactory, error: BaseException | None) -> RxAgentError | None:
        """Return what an error means that the user's HTTP client raised, or what this calls."""
        if self._http_client is None or error is None or is_of_http(error):
            return None
        return error_of_own(errors, OwnError("its http_client", error))


class MissingKey(ValueError):
    """A client cannot be made without a key."""


def _checked(made: Any) -> Any:
    """Return what a function of the user's made, which is to be an HTTP client."""
    if made is None or isawaitable(made):
        if iscoroutine(made):
            made.close()
        what = "None" if made is None else "an awaitable"
        raise TypeError(f"it returned {what}. Write a plain function that returns a client.")
    return made


async def _disconnect(client: Any) -> None:
    await client.close()


def list_models(
    kind: str, timeout: float, sdk: str = "openai", **arguments: Any
) -> tuple[str, list[str]]:
    """Return the address of a server, and the ids of its models.

    Args:
        kind: The synchronous client's class in the SDK.
        timeout: The longest silence in seconds.
        sdk: The SDK's module.
        arguments: More arguments of the client.

    Raises:
        NoListing: The server answered with something else.
    """
    make = getattr(import_module(sdk), kind)
    names: list[str] = []
    after: dict[str, str] = {}
    with make(timeout=timeout, max_retries=0, **arguments) as client:
        while True:
            reply = client.models.with_raw_response.list(**after).http_response
            try:
                found, page = names_in(str(reply.url), reply.content)
            except NoListing:
                if names:  # those of the pages before it are good
                    return str(client.base_url), names
                raise
            names += found
            last = page.get("last_id") if _is_paged(sdk, page) else None
            if not isinstance(last, str) or last == after.get("after_id"):
                return str(client.base_url), names
            after = {"after_id": last}


def _is_paged(sdk: str, page: Any) -> bool:
    """Return whether another page follows; only Anthropic's SDK knows of pages."""
    return sdk == "anthropic" and isinstance(page, dict) and page.get("has_more") is True


@cache
def _sdk(name: str) -> Any:
    import anyio

    sdk = import_module(name)
    anyio.run(anyio.sleep, 0)  # loads what the SDK's first request would load on its loop
    return sdk


def _over_aiohttp(sdk: Any) -> Any:
    from .kept_connections import give_session

    tls = _tls(sdk.DefaultAioHttpClient, *map(os.environ.get, _TLS_VARIABLES))
    client = sdk.DefaultAioHttpClient(verify=tls, event_hooks={"response": [_read_failed]})
    for transport in (client._transport, *client._mounts.values()):  # the others are of proxies
        if transport is not None:
            give_session(transport)
    return client


async def _read_failed(response: Any) -> None:
    """Read the body of a failed reply, or raise an error that has its status.

    Some SDKs would lose the status of a reply whose body cannot be read.
    """
    if response.status_code >= 400:
        names = take_encodings(response.headers)
        response.stream = _ending(type(response.stream).__mro__)(response.stream, names)
        try:
            await response.aread()
        except Exception as error:
            raise _Unreadable(response) from error


class _Ending:
    """The bytes of a failed reply, which end where the server falls silent."""

    def __init__(self, stream: Any, names: list[str]) -> None:
        self._stream = stream
        self._names = names

    def __aiter__(self) -> AsyncIterator[bytes]:
        return decoded(until_silence(self._stream), self._names)

    async def aclose(self) -> None:
        """Close the reply."""
        await self._stream.aclose()


@cache
def _ending(kinds: tuple[type, ...]) -> Callable[[Any, list[str]], Any]:
    """Return the class of such bytes for an HTTP client whose own one has these bases."""
    base = next(base for base in kinds if base.__name__ == "AsyncByteStream")
    return type("_EndingStream", (_Ending, base), {})


class _Unreadable(Exception):
    """The body of a failed reply cannot be read."""

    def __init__(self, response: Any) -> None:
        super().__init__(f"The body of a reply of status {response.status_code} cannot be read.")
        self.response = response


@lru_cache(maxsize=4)
def _tls(kind: type, *_: str | None) -> ssl.SSLContext:
    """Return the TLS context that the SDK would otherwise make for each client.

    It takes 50 ms and 800 KiB, nearly all of a client, and holds nothing of a connection.

    Args:
        kind: The class of the SDK's HTTP client.
        _: The environment variables that it depends on.
    """
    base = next(base for base in kind.__mro__ if base.__name__ == "AsyncClient")
    context: ssl.SSLContext = import_module(base.__module__.partition(".")[0]).create_ssl_context()
    return context


def _failed_reply(error: BaseException) -> Any:
    """Return the response with the status of an error, if reading its body has failed."""
    todo: list[BaseException | None] = [error]
    seen = set()
    while todo:
        link = todo.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        reply = getattr(link, "response", None)
        if (getattr(reply, "status_code", None) or 0) >= 400:
            return reply
        todo += [link.__context__, link.__cause__]
    return None
