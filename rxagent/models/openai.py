"""OpenAI, and every server that speaks its chat protocol.

A request goes out through the SDK's own client, which knows about keys, proxies and endpoints;
what comes back is read by `ChatReply`, byte by byte, at a fraction of the SDK's cost: texts,
fragments of calls, reports of usage and the finish reason are emitted as they come. What breaks
on the way, or cannot be read, comes by `on_error`, as `ErrorFactory` makes it. To cancel is to
dispose the subscription: that cancels the task which runs `_answer`, wherever it waits, and on its
way out the task closes the response.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
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
from ..streams.fairness import Rest
from ..streams.sources import preparing
from .chat_calls import chat_call, check_options, permitted
from .chat_replies import ChatReply
from .clients import shared
from .faults import ErrorFactory
from .model import Model
from .openai_clients import Keyless, connect, disconnect

__all__ = ["OpenAIModel"]

_BROKE_OFF = "broke off in the midst of its reply"

_ENVIRONMENT = (
    "AZURE_OPENAI_AD_TOKEN",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_ENDPOINT",
    "OPENAI_API_KEY",
    "OPENAI_API_VERSION",
    "OPENAI_BASE_URL",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
)
"""What the SDK reads from the environment when a client is made."""

_USAGE_WITHIN = 2.0
"""Seconds after the finish reason, in which usage and further calls are waited for."""

_END_WITHIN = 0.05
"""Seconds that a server may take to end a stream after all is said; if it does, the connection
serves the next request, else it is closed."""

_USUAL_SERVER = "https://api.openai.com/v1"


class OpenAIModel(Model):
    """A model of OpenAI, or of any server that speaks its chat protocol.

    What is not given is read from the environment, as the SDK does it: OPENAI_API_KEY,
    OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID. Retries are left to the operator `retry`.

    Args:
        model_id: The model's name.
        api_base: The server's URL, `/v1` included.
        api_key: The key; any text, when the server needs none.
        organization: The organization that is billed.
        project: The project that is billed.
        client_kwargs: More arguments for the SDK's `AsyncOpenAI`.
        http_client: What the SDK sends requests by, instead of its client over aiohttp: a client
            of yours, which is left open, or a function that makes one for each event loop, on a
            worker thread; that one is closed when it is idle, and with the loop.
        stream: Whether the server streams its reply; the deltas are the same.
        options: Passed to the provider with each request: `temperature`, `max_tokens`, anything.
            Options of a request go before them, and None takes one out. `timeout` is the longest
            silence in seconds; `extra_headers`, `extra_query` and `extra_body` are the SDK's.
    """

    provider: ClassVar[str] = "openai"
    _key_variable: ClassVar[str] = "OPENAI_API_KEY"
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

    def __deepcopy__(self, _: Any) -> Self:  # a client that was given is shared
        return self.__copy__()

    def __call__(self, said: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        """Return the deltas of an answer; each subscription asks anew."""
        request = Request.of(said)
        deltas = preparing(lambda sent: from_batches(lambda: self._answer(request, sent)))
        return deltas.pipe(stop_at(request.stop)) if request.stop else deltas

    async def _answer(
        self, request: Request, sent: Callable[[], None]
    ) -> AsyncIterator[Iterable[Delta | Rest]]:
        """Yield the deltas of one answer, in batches that arrived together."""
        faults = ErrorFactory(self.provider, self.model_id)
        check_options(request, faults)
        try:
            async with AsyncExitStack() as opened:
                client = await opened.enter_async_context(self._client())
                origin = _origin(self.provider, client)
                asked = chat_call(self.model_id, request, self._options, self._stream, origin)
                sent()
                asking = client.chat.completions.with_streaming_response.create(**asked)
                response = await opened.enter_async_context(asking)
                reply = ChatReply(evolve(faults, headers=response.headers), origin)
                chunks = response.iter_bytes()
                while not reply.is_finished and (chunk := await _next(chunks, faults)):
                    yield reply.feed(chunk)
                async for chunk in _after_the_finish(chunks, reply):
                    yield reply.feed(chunk)
                yield reply.end()
                await _drain(chunks)
        except RxAgentError:
            raise
        except Keyless as error:
            raise self._keyless() from error
        except Exception as error:
            raise faults.of_client(error) from error

    def _client(self) -> AbstractAsyncContextManager[Any]:
        environment = [os.environ.get(name) for name in _ENVIRONMENT]
        settings = self._sdk_client, self._client_kwargs, self._http_client, environment
        is_ours = self._http_client is None or callable(self._http_client)
        return shared(settings, self._connect, disconnect if is_ours else None)

    def _connect(self) -> Any:
        if "base_url" not in self._client_kwargs:
            _check_url("OPENAI_BASE_URL", os.environ.get("OPENAI_BASE_URL"))
        return connect(self._sdk_client, self._http_client, self._client_kwargs)

    def _keyless(self) -> ModelError:
        return ErrorFactory(self.provider, self.model_id).rejected(
            f"cannot be asked without a key. Set {self._key_variable}, or write "
            f"{type(self).__name__}({self.model_id!r}, api_key=...): any text, where the server "
            "needs none. `rxagent demo` shows an agent without a key."
        )


def _check_url(name: str, url: str | None) -> None:
    text(name, url, optional=True)
    if url is not None and not url.startswith(("http://", "https://")):
        raise ValueError(f"{name} is a URL such as http://localhost:8000/v1, not {url!r}.")


def _origin(provider: str, client: Any) -> str:
    """Return where a model's answers come from: its provider, and the server if it is another's."""
    url = urlsplit(str(client.base_url))
    port = f":{url.port}" if url.port else ""
    server = f"{url.scheme}://{url.hostname}{port}{url.path.rstrip('/')}"  # and no user or key
    return provider if server == _USUAL_SERVER else f"{provider} {server}"


async def _next(chunks: AsyncIterator[bytes], faults: ErrorFactory) -> bytes:
    """Return the bytes that come next; none at the end."""
    try:
        return await anext(chunks, b"")
    except Exception as error:
        raise faults.lost(_BROKE_OFF, error) from error


async def _after_the_finish(chunks: AsyncIterator[bytes], reply: ChatReply) -> AsyncIterator[bytes]:
    """Yield what follows the finish reason, until the reply's end is marked or nothing comes.

    It may be the usage, and further calls. When one has begun, its end is waited for; whatever
    else is sent does not lengthen the wait.
    """
    now = asyncio.get_running_loop().time
    until: float | None = None
    while not reply.is_over:
        until = (until or now() + _USAGE_WITHIN) if reply.is_finished else None
        try:
            async with asyncio.timeout_at(until):
                chunk = await anext(chunks, b"")
        except Exception:  # what is whole cannot break, and of what is not `end` tells
            return
        if not chunk:
            return
        yield chunk


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read to the end, that the connection may serve another request, unless it takes too long."""
    with suppress(Exception):
        async with asyncio.timeout(_END_WITHIN):
            async for _ in chunks:
                pass
