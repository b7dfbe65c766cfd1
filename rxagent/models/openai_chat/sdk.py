"""OpenAI's SDK: making a client, calling it, and reading its errors.

Importing the SDK and making a client take up to a second, so both belong on a worker thread.
"""

import os
import ssl
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module
from inspect import signature
from typing import Any

from ...arguments import did_you_mean
from ...errors import ModelError
from ...messages import Request
from ..errors import ErrorFactory
from ..provider import Provider
from .request import chat_body, chat_messages

__all__ = [
    "ENVIRONMENT",
    "MissingKey",
    "chat_call",
    "check_options",
    "connect",
    "disconnect",
    "error_of",
    "list_models",
    "permitted",
]

ENVIRONMENT = (
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
"""The environment variables that the SDK reads when a client is made."""


class MissingKey(ValueError):
    """A client cannot be made without a key."""


def connect(provider: Provider, kind: str, http_client: Any, arguments: Mapping[str, Any]) -> Any:
    """Return a new client of the SDK; the first call imports the SDK.

    Args:
        provider: The provider that the client is for.
        kind: The client's class in the SDK.
        http_client: The HTTP client, or a function that makes one; None for aiohttp.
        arguments: The class's other arguments.

    Raises:
        MissingExtra: The SDK is not installed.
        MissingKey: Neither the arguments nor the environment have a key.
        openai.OpenAIError: The client cannot be made, for another reason.
    """
    try:
        openai = _sdk()
        http_client = _over_aiohttp(openai) if http_client is None else http_client
    except (ImportError, RuntimeError) as error:  # RuntimeError: the SDK lacks its extra `aiohttp`
        raise provider.missing(error) from error
    if callable(http_client):
        http_client = http_client()
    try:
        client = getattr(openai, kind)(http_client=http_client, **arguments)
        _ = client.chat.completions.with_streaming_response.create  # imports the rest of the SDK
    except (openai.OpenAIError, ValueError) as error:
        if "api_key" in str(error):
            raise MissingKey(str(error)) from error
        raise openai.OpenAIError(str(error)) from error
    return client


async def disconnect(client: Any) -> None:
    """Close a client and its HTTP client."""
    await client.close()


def list_models(kind: str, timeout: float) -> tuple[str, list[str]]:
    """Return the address of a server, and the ids of its models.

    Args:
        kind: The synchronous client's class in the SDK.
        timeout: The longest silence in seconds.
    """
    import openai

    with getattr(openai, kind)(timeout=timeout, max_retries=0) as client:
        return str(client.base_url), [str(model.id) for model in client.models.list()]


@cache
def _sdk() -> Any:
    import anyio
    import openai

    anyio.run(anyio.sleep, 0)  # loads what the SDK's first request would load on its loop
    return openai


def _over_aiohttp(openai: Any) -> Any:
    tls = _tls(openai.DefaultAioHttpClient, *map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR")))
    return openai.DefaultAioHttpClient(verify=tls)


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


# Errors


def error_of(errors: ErrorFactory, error: Exception) -> ModelError:
    """Return the error that an error of the SDK, or of its transport, means.

    Errors of the SDK's client are about the key; those of types and values about what the
    request holds. Bytes that are no HTTP come as errors of the transport's own.
    """
    import openai

    match error:
        case openai.APIStatusError():
            return errors.reported(error.body, error.status_code, error.response.headers)
    if (failed := _failed_reply(error)) is not None:  # its body could not be read
        return errors.reported(None, failed.status_code, failed.headers)
    match error:
        case openai.APIConnectionError():
            url = error.request.url
            where = f"{url.scheme}://{url.netloc.decode()}"
            return errors.lost(f"could not be reached at {where}", error)
        case openai.OpenAIError() | TypeError() | ValueError():
            return errors.rejected(f"cannot be called by {errors.provider}'s client: {error}")
    return errors.lost("sent what is not HTTP", error)


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


# Calls

_RESERVED = {"messages", "model", "n", "stream", "tools"}
"""What the request itself holds, so that no option may."""

_WHY_RESERVED = "the request itself, or the model's constructor, sets that."

_DROPPED = {
    "base_url": "write api_base=...",
    "custom_role_conversions": "let a function change the messages and call the model with them.",
    "flatten_messages_as_text": "texts without images are sent as plain text.",
    "requests_per_minute": "let a function delay the request and call the model with it.",
    "retry": "use the operator `retry`, or `fallback`, which returns a model again.",
}
"""Options of other libraries' models, and what to do here."""

_OF_THE_CALL = {"extra_body", "extra_headers", "extra_query", "timeout"}
"""Options for the SDK's call; all others go into the body."""

_ALIKE = 0.85
"""How like a misspelt word is to the right one; `store` is another than `stream`."""


def permitted(options: dict[str, Any], kind: type) -> dict[str, Any]:
    """Return the options of the constructor of a kind of model.

    Raises:
        TypeError: One of them is reserved, misspelt or another library's.
    """
    for name in options:
        if name in _RESERVED:
            raise TypeError(f"A model takes no option named {name}: {_WHY_RESERVED}")
        if name in _DROPPED:
            raise TypeError(f"A model takes no {name}: {_DROPPED[name]}")
        if slip := did_you_mean(name, signature(kind).parameters, _ALIKE):
            raise TypeError(f"A model takes no {name}=.{slip}")
    return options


def check_options(request: Request, errors: ErrorFactory) -> None:
    """Check the options of a request.

    Raises:
        ModelRejected: They hold what the request itself holds. Only ``{"tools": None}`` is
            allowed, which offers no tools.
    """
    forbidden = sorted(_RESERVED & request.options.keys())
    if "tools" in forbidden and request.options["tools"] is None:
        forbidden.remove("tools")
    if forbidden:
        raise errors.rejected(f"takes no options named {', '.join(forbidden)}: {_WHY_RESERVED}")


def chat_call(
    model: str,
    request: Request,
    options: Mapping[str, Any],
    stream: bool,
    origin: str | None = None,
) -> dict[str, Any]:
    """Return the arguments of the SDK's call.

    Args:
        model: The model's name.
        request: The request, whose own options go before the others.
        options: The other options.
        stream: Whether the reply is to be streamed.
        origin: Where the request goes; data that came from elsewhere is not sent back.
    """
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    body = {**usage, **chat_body(model, request), **options, **request.options}
    body = {name: value for name, value in body.items() if value is not None}
    call = {name: body.pop(name) for name in _OF_THE_CALL & body.keys()}
    messages = {"messages": list(chat_messages(request.messages, origin))}
    return {
        **call,
        "model": model,
        "messages": (),  # here the SDK would take them apart, a third of its work
        "stream": stream,
        "extra_body": {**messages, **body, **call.get("extra_body", {})},
    }
