"""Messages: what is said to a model, and what it says back."""

import base64
import mimetypes
import re
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from attrs import evolve, field, fields, frozen

from .arguments import one_of, several, shorten, suggesting, text, valid
from .frozen import frozen_mapping

__all__ = ["Image", "Message", "ProviderData", "Request", "ToolCall", "ToolSpec"]

_ROLES = ("system", "user", "assistant", "tool")
_NOT_OF_MESSAGES = {"content": "Write text=.", "...": "See help(rxagent.Message)."}
_text = valid(text)


def repr_of(value: Any) -> str:
    """Return the repr of an attrs value, in which fields with `repr=False` show if not empty."""
    shown = ((each.name, getattr(value, each.name), each.repr) for each in fields(type(value)))
    facts = ", ".join(f"{name}={item!r}" for name, item, is_shown in shown if is_shown or item)
    return f"{type(value).__name__}({facts})"


def _data(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return frozen_mapping("data", data)


@frozen
class ProviderData:
    """What a provider sent beside the text, and wants back: a signature, encrypted reasoning.

    Only the model that reads it understands `data`, a JSON object. It is kept as it came, goes
    back to the `provider` that it came from, and is left out of requests to any other.

    Args:
        provider: Its origin: the provider's name, and the server's URL unless it is the usual one.
        data: What is given back. Where it stood among texts and calls, if that matters, is part
            of it.
    """

    provider: str = field(validator=_text)
    data: Mapping[str, Any] = field(converter=_data, hash=False)


def _extra(extra: Iterable[ProviderData]) -> tuple[ProviderData, ...]:
    return several("extra", extra, "ProviderData", ProviderData)


@frozen(repr=False)
class ToolCall:
    """A tool call requested by the model.

    `arguments` is the raw JSON text, exactly as the model wrote it. `extra` is what its provider
    wants back with it.
    """

    id: str = field(validator=_text)
    name: str = field(validator=_text)
    arguments: str = field(default="", validator=valid(text, what="JSON, as json.dumps makes it"))
    extra: tuple[ProviderData, ...] = field(default=(), converter=_extra, repr=False)

    __repr__ = repr_of


@frozen
class Image:
    """An image a model may look at, by `url`: `https:` or `data:`."""

    url: str = field(repr=lambda url: repr(shorten(url, 64)))

    @url.validator
    def _is_url(self, attribute: Any, url: Any) -> None:
        text("url", url)
        if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:", url):
            raise ValueError(f"{url!r} is no URL. For a file, write Image.from_path({url!r}).")

    @classmethod
    def from_bytes(cls, data: bytes, media_type: str = "image/png") -> "Image":
        """Return an image that carries its encoded bytes (PNG, JPEG, ...) with it."""
        return cls(f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}")

    @classmethod
    def from_path(cls, path: str | PathLike[str]) -> "Image":
        """Return an image with the bytes of a file; its type is told by the file's name."""
        media_type, _ = mimetypes.guess_type(path)
        if media_type is None or not media_type.startswith("image/"):
            raise ValueError(
                f"{path} does not look like an image by its name. "
                "Use Image.from_bytes(data, media_type) to say what it is."
            )
        return cls.from_bytes(Path(path).read_bytes(), media_type)


# `converter=tuple` would say the same, but tells a type checker nothing.
def _calls(calls: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    return several("tool_calls", calls, "ToolCall", ToolCall)


def _images(images: Iterable[Image]) -> tuple[Image, ...]:
    return several("images", images, "Image, as Image(url) or Image.from_path(path)", Image)


@suggesting("A message", _NOT_OF_MESSAGES)
@frozen(repr=False)
class Message:
    """One message of a conversation.

    `role` is one of system, user, assistant, tool.
    A message of role tool answers the call whose id is `tool_call_id`. `extra` is what its
    provider wants back with it.
    """

    role: str = field(validator=valid(one_of, known=_ROLES))
    text: str = field(default="", validator=_text)
    tool_calls: tuple[ToolCall, ...] = field(default=(), converter=_calls)
    tool_call_id: str | None = None
    images: tuple[Image, ...] = field(default=(), converter=_images)
    reasoning: str = ""
    extra: tuple[ProviderData, ...] = field(default=(), converter=_extra, repr=False)

    __repr__ = repr_of


def _parameters(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return frozen_mapping("parameters", parameters)


def _options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    return frozen_mapping("options", options)


def _output(output: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return None if output is None else frozen_mapping("output", output)


@frozen
class ToolSpec:
    """A tool as a model sees it; `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(factory=dict, converter=_parameters, hash=False)


def _messages(messages: str | Message | Iterable[Message]) -> tuple[Message, ...]:
    match messages:
        case str():
            return (Message("user", messages),)
        case Message():
            return (messages,)
        case _:
            return several("messages", messages, "Message, as Message('user', 'Hello')", Message)


def _tools(tools: Iterable[ToolSpec]) -> tuple[ToolSpec, ...]:
    return several("tools", tools, "ToolSpec, as `tool(function).spec` is", ToolSpec)


def _stop(stop: Iterable[str]) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else several("stop", stop, "texts", str)


@frozen
class Request:
    """All that a model is told before it speaks.

    `messages` may be given as a text or one message. `stop` holds texts at which the answer is
    cut, `output` a JSON Schema the answer must fit, `options` what is passed to the provider as it
    stands.
    """

    messages: tuple[Message, ...] = field(converter=_messages)
    tools: tuple[ToolSpec, ...] = field(default=(), converter=_tools)
    stop: tuple[str, ...] = field(default=(), converter=_stop)
    output: Mapping[str, Any] | None = field(default=None, converter=_output, hash=False)
    options: Mapping[str, Any] = field(factory=dict, converter=_options, hash=False)

    @classmethod
    def of(cls, said: "Request | str | Message | Iterable[Message]") -> "Request":
        """Return the request that a model means by a text, a message, or several messages."""
        return said if isinstance(said, Request) else cls(said)

    def evolve(self, **changes: Any) -> "Request":
        """Return a copy with some fields changed."""
        return evolve(self, **changes)
