"""OpenAI, and every server that speaks its chat protocol.

A request goes out through the SDK's own client, which handles keys, proxies and endpoints;
`ChatReply` reads the reply byte by byte, at a fraction of the SDK's cost. Disposing the
subscription cancels the task that runs `read_reply`, which closes the response.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from attrs import evolve
from reactivex import Observable

from ..arguments import mapping, text
from ..errors import ModelError, RxAgentError
from ..events import Delta
from ..messages import Message, Request
from ..operators import stop_at
from ..pickling import portable
from ..streams import from_batches
from ..streams.sources import preparing
from .clients import shared
from .errors import ErrorFactory
from .model import Model
from .openai_chat.reply import ChatReply
from .openai_chat.sdk import (
    ENVIRONMENT,
    MissingKey,
    chat_call,
    check_options,
    connect,
    disconnect,
    error_of,
    list_models,
    permitted,
)
from .provider import Provider
from .reader import read_reply

__all__ = ["PROVIDER", "OpenAIModel"]

PROVIDER = Provider(
    prefix="openai",
    model=f"{__name__}:OpenAIModel",
    sdk="OpenAI's SDK",
    extra="openai",
    requires="openai[aiohttp]",
    docs="https://platform.openai.com/docs/models",
    variables=("OPENAI_API_KEY",),
    key_variable="OPENAI_API_KEY",
    url_variable="OPENAI_BASE_URL",
    note="OPENAI_BASE_URL may name any server of that protocol; its key may be any text",
    list_models=partial(list_models, "OpenAI"),
)

_USUAL_SERVER = "https://api.openai.com/v1"


class OpenAIModel(Model):
    """A model of OpenAI, or of any server that speaks its chat protocol.

    Arguments that are missing are read from the environment, as the SDK does it: OPENAI_API_KEY,
    OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID. Retries are left to the operator `retry`.

    Args:
        model_id: The model's name.
        api_base: The server's URL, `/v1` included.
        api_key: The key; any text, when the server needs none.
        organization: The organization that is billed.
        project: The project that is billed.
        client_kwargs: More arguments for the SDK's `AsyncOpenAI`.
        http_client: The SDK's HTTP client, instead of its client over aiohttp: a client of yours,
            which is left open, or a function that makes one for each event loop, on a worker
            thread; that one is closed when it is idle, and with the loop.
        stream: Whether the server streams its reply; the deltas are the same.
        options: Passed to the provider with each request: `temperature`, `max_tokens`, anything.
            Options of a request go before them, and None removes one. `timeout` is the longest
            silence in seconds; `extra_headers`, `extra_query` and `extra_body` are the SDK's.
    """

    provider: ClassVar[str] = PROVIDER.prefix
    _declaration: ClassVar[Provider] = PROVIDER
    _sdk_client: ClassVar[str] = "AsyncOpenAI"

    def __init__(
        self,
        model_id: str,
        *,
        api_base: str | None = None,
        api_key: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        http_client: Any = None,
        stream: bool = True,
        **options: Any,
    ) -> None:
        text("model_id", model_id)
        _check_url("api_base", api_base)
        self.model_id = model_id
        self._stream = stream
        self._options = permitted(options, type(self))
        self._http_client = http_client
        named = {
            "base_url": api_base,
            "api_key": api_key,
            "organization": organization,
            "project": project,
        }
        given = {name: value for name, value in named.items() if value is not None}
        self._client_kwargs = {"max_retries": 0, **given, **mapping("client_kwargs", client_kwargs)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model_id!r})"

    def __getstate__(self) -> dict[str, Any]:
        owner = f"The model {self!r}"
        parts = {
            "_http_client": "its http_client",
            "_client_kwargs": "an argument of its client",
            "_options": "an option",
        }
        held = {name: portable(owner, part, getattr(self, name)) for name, part in parts.items()}
        return {**vars(self), **held}

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __deepcopy__(self, _: Any) -> Self:  # a given http_client is shared
        return self.__copy__()

    def __call__(self, request: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        """Return the deltas of an answer; each subscription sends the request again."""
        whole = Request.of(request)
        errors = ErrorFactory(self.provider, self.model_id)
        deltas = preparing(
            lambda sent: from_batches(
                lambda: read_reply(self._reply_to(whole, errors, sent), errors)
            )
        )
        return deltas.pipe(stop_at(whole.stop)) if whole.stop else deltas

    @asynccontextmanager
    async def _reply_to(
        self, request: Request, errors: ErrorFactory, sent: Callable[[], None]
    ) -> AsyncIterator[tuple[AsyncIterator[bytes], ChatReply]]:
        """Send a request, and give the bytes of its reply and their reader."""
        check_options(request, errors)
        try:
            async with AsyncExitStack() as opened:
                client = await opened.enter_async_context(self._client())
                origin = _origin(self.provider, client)
                call = chat_call(self.model_id, request, self._options, self._stream, origin)
                sent()
                sending = client.chat.completions.with_streaming_response.create(**call)
                response = await opened.enter_async_context(sending)
                reply = ChatReply(evolve(errors, headers=response.headers), origin)
                yield response.iter_bytes(), reply
        except RxAgentError:
            raise
        except MissingKey as error:
            raise self._missing_key(errors) from error
        except Exception as error:
            raise error_of(errors, error) from error

    def _client(self) -> AbstractAsyncContextManager[Any]:
        environment = [os.environ.get(name) for name in ENVIRONMENT]
        settings = self._sdk_client, self._client_kwargs, self._http_client, environment
        is_ours = self._http_client is None or callable(self._http_client)
        return shared(settings, self._connect, disconnect if is_ours else None)

    def _connect(self) -> Any:
        variable = self._declaration.url_variable
        if variable and self._client_kwargs.keys().isdisjoint(("base_url", "azure_endpoint")):
            _check_url(variable, os.environ.get(variable))
        arguments = self._http_client, self._client_kwargs
        return connect(self._declaration, self._sdk_client, *arguments)

    def _missing_key(self, errors: ErrorFactory) -> ModelError:
        return errors.rejected(
            f"cannot be called without a key. Set {self._declaration.key_variable}, or write "
            f"{type(self).__name__}({self.model_id!r}, api_key=...): any text, where the server "
            "needs none. `rxagent demo` shows an agent without a key."
        )


def _check_url(name: str, url: str | None) -> None:
    text(name, url, optional=True)
    if url is not None and not url.startswith(("http://", "https://")):
        raise ValueError(f"{name} is a URL such as http://localhost:8000/v1, not {url!r}.")


def _origin(provider: str, client: Any) -> str:
    """Return the origin of a model's answers: its provider, and the server if it is another."""
    url = urlsplit(str(client.base_url))
    port = f":{url.port}" if url.port else ""
    server = f"{url.scheme}://{url.hostname}{port}{url.path.rstrip('/')}"  # and no user or key
    return provider if server == _USUAL_SERVER else f"{provider} {server}"
