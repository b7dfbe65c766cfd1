"""Clients of OpenAI's SDK: importing it, and making one, both of which take a worker's time."""

import os
import ssl
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from ..errors import MissingExtra

__all__ = ["Keyless", "connect", "disconnect"]


class Keyless(ValueError):
    """A client cannot be made without a key."""


def connect(kind: str, http_client: Any, arguments: Mapping[str, Any]) -> Any:
    """Return a new client of the SDK; the first call imports the SDK and takes a second.

    Args:
        kind: The client's class in the SDK.
        http_client: What it sends requests by, or a function that makes that; None for aiohttp.
        arguments: The class's other arguments.

    Raises:
        MissingExtra: The SDK is not installed.
        Keyless: Neither the arguments nor the environment have a key.
        openai.OpenAIError: The client cannot be made, for another reason.
    """
    openai = _sdk()
    if http_client is None:
        http_client = _over_aiohttp(openai)
    elif callable(http_client):
        http_client = http_client()
    try:
        client = getattr(openai, kind)(http_client=http_client, **arguments)
        _ = client.chat.completions.with_streaming_response.create  # imported when first asked for
    except (openai.OpenAIError, ValueError) as error:
        if "api_key" in str(error):
            raise Keyless(str(error)) from error
        raise openai.OpenAIError(str(error)) from error
    return client


async def disconnect(client: Any) -> None:
    """Close a client and what it sends requests by."""
    await client.close()


@cache
def _sdk() -> Any:
    try:
        import anyio
        import openai
    except ImportError as error:
        raise MissingExtra(
            f"OpenAI's SDK cannot be imported: {error}. Run `pip install 'openai[aiohttp]'`.",
            extra="openai",
        ) from error
    anyio.run(anyio.sleep, 0)  # loads what the SDK's first request would load on its loop
    return openai


def _over_aiohttp(openai: Any) -> Any:
    tls = _tls(openai.DefaultAioHttpClient, *map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR")))
    try:
        return openai.DefaultAioHttpClient(verify=tls)
    except RuntimeError as error:
        raise MissingExtra(
            f"{error}. Run `pip install 'openai[aiohttp]'`.", extra="openai"
        ) from error


@lru_cache(maxsize=4)
def _tls(kind: type, *_: str | None) -> ssl.SSLContext:
    """Return the TLS context that the SDK would make for each client anew.

    It takes 50 ms and 800 KiB, nearly all of a client, and holds nothing of a connection.

    Args:
        kind: The class of the SDK's HTTP client.
        _: The variables of the environment that it depends on.
    """
    base = next(base for base in kind.__mro__ if base.__name__ == "AsyncClient")
    context: ssl.SSLContext = import_module(base.__module__.partition(".")[0]).create_ssl_context()
    return context
