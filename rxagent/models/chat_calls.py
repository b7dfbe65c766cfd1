"""Calls: how the SDK is called for a request and the options that go with it."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

from ..arguments import did_you_mean
from ..messages import Request
from .chat_requests import chat_body, chat_messages
from .faults import ErrorFactory

__all__ = ["chat_call", "check_options", "permitted"]

_RESERVED = {"messages", "model", "n", "stream", "tools"}
"""What the request itself says, so that no option may."""

_WHY_RESERVED = "the request itself, or the model's constructor, says that."

_DROPPED = {
    "base_url": "write api_base=...",
    "custom_role_conversions": "let a function change the messages and call the model with them.",
    "flatten_messages_as_text": "texts without images are sent as plain text.",
    "requests_per_minute": "let a function delay the request and call the model with it.",
    "retry": "use the operator `retry`, or `fallback`, which returns a model again.",
}
"""What other libraries' models take, and what to do here."""

_OF_THE_CALL = {"extra_body", "extra_headers", "extra_query", "timeout"}
"""Options for the SDK's call; all others go into the body."""

_ALIKE = 0.85
"""How like a misspelt word is to the right one; `store` is another than `stream`."""


def permitted(options: dict[str, Any], kind: type) -> dict[str, Any]:
    """Return the options of the constructor of a kind of model.

    Raises:
        TypeError: One of them would be misunderstood.
    """
    for name in options:
        if name in _RESERVED:
            raise TypeError(f"A model takes no option named {name}: {_WHY_RESERVED}")
        if name in _DROPPED:
            raise TypeError(f"A model takes no {name}: {_DROPPED[name]}")
        if slip := did_you_mean(name, signature(kind).parameters, _ALIKE):
            raise TypeError(f"A model takes no {name}=.{slip}")
    return options


def check_options(request: Request, faults: ErrorFactory) -> None:
    """Check the options of a request.

    Raises:
        ModelRejected: They hold what the request itself says. Only ``{"tools": None}`` may stand
            there, which offers no tools.
    """
    forbidden = sorted(_RESERVED & request.options.keys())
    if "tools" in forbidden and request.options["tools"] is None:
        forbidden.remove("tools")
    if forbidden:
        raise faults.rejected(f"takes no options named {', '.join(forbidden)}: {_WHY_RESERVED}")


def chat_call(
    model: str,
    request: Request,
    options: Mapping[str, Any],
    stream: bool,
    origin: str | None = None,
) -> dict[str, Any]:
    """Return the arguments by which the SDK is called.

    Args:
        model: The model's name.
        request: What it is asked; its own options go before the others.
        options: The other options.
        stream: Whether the reply is to be streamed.
        origin: Where the request goes; what came from elsewhere is not sent back.
    """
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    body = {**usage, **chat_body(model, request), **options, **request.options}
    body = {name: value for name, value in body.items() if value is not None}
    call = {name: body.pop(name) for name in _OF_THE_CALL & body.keys()}
    said = {"messages": list(chat_messages(request.messages, origin))}
    return {
        **call,
        "model": model,
        "messages": (),  # here the SDK would take them apart, a third of its work
        "stream": stream,
        "extra_body": {**said, **body, **call.get("extra_body", {})},
    }
