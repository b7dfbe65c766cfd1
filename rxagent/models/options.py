"""Options: what a user gives a model beside the request, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from inspect import signature
from typing import Any
from urllib.parse import urlsplit

from ..arguments import did_you_mean, text
from ..messages import Request
from .errors import ErrorFactory
from .urls import shown_url

__all__ = ["check_options", "check_url", "merged", "origin_of", "permitted"]

_RESERVED = {"input", "messages", "model", "n", "stream", "tools"}
"""What the request itself holds, so that no option may."""

_WHY_RESERVED = "the request itself, or the model's constructor, sets that."

_DROPPED = {
    "apply_chat_template_kwargs": "Write `chat_template_kwargs={...}`.",
    "base_url": "Write `api_base=...`.",
    "client": "Write `client_kwargs={...}`; only `AmazonBedrockModel` takes a client.",
    "custom_role_conversions": "Let a function change the messages and call the model with them.",
    "flatten_messages_as_text": "Texts without images are sent as plain text.",
    "model_list": "Write `LiteLLMModel(group, router=litellm.Router(...))`.",
    "requests_per_minute": (
        "Write `model.pipe(ops.rate_limit(requests=...))`, which is a model again."
    ),
    "retry": (
        "Write `model.pipe(ops.retry(...))`, which is a model again; a second one: `ops.fallback`."
    ),
    "tool_arguments_key": "Calls in text have the keys `name` and `arguments`.",
    "tool_name_key": "Calls in text have the keys `name` and `arguments`.",
}
"""Options of other libraries' models, and what to do here."""

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
            raise TypeError(f"A model takes no {name}=. {_DROPPED[name]}")
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


def merged(*options: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options, the later ones before the earlier ones; None removes one."""
    everything = {name: value for some in options for name, value in some.items()}
    return {name: value for name, value in everything.items() if value is not None}


def check_url(name: str, url: str | None) -> None:
    """Check the address of a server, which may be missing.

    Raises:
        TypeError: It is no text.
        ValueError: It is no URL, or has a query.
    """
    text(name, url, optional=True)
    if url is not None and not url.startswith(("http://", "https://")):
        raise ValueError(
            f"{name} is a URL such as http://localhost:8000/v1, not {shown_url(url)!r}."
        )
    if url is not None and ("?" in url or "#" in url):
        raise ValueError(
            f"{name} is the part of a URL before the path of a request, so it has no query: not "
            f"{shown_url(url)!r}. Models of the SDKs of OpenAI and Anthropic take one apart: "
            "client_kwargs={'default_query': {'api-version': '1'}}."
        )


@lru_cache
def origin_of(provider: str, url: str, usual: str) -> str:
    """Return the origin of a model's answers: its provider, and the server if it is another.

    Args:
        provider: The provider's prefix.
        url: The server's address; a user or a key in it is left out.
        usual: The provider's own server.
    """
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    server = f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"
    return provider if server == usual else f"{provider} {server}"
