"""Messages: requests to a model and its replies, as values."""

from __future__ import annotations

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

__all__ = ["Image", "Message", "ProviderData", "Request", "StopHint", "ToolCall", "ToolSpec"]

_ROLES = ("system", "user", "assistant", "tool")
_NOT_OF_MESSAGES = {"content": "Write text=.", "...": "See help(rxagent.Message)."}
_text = valid(text)


INTERPRETER = "python_interpreter"
"""The name of a call that runs code of the model; its argument `code` holds the code."""

ANSWER = "final_answer"
"""The name of a call that gives the answer; its argument `answer` holds it."""

NOT_SENT = {"sent": False}
"""The metadata of fields that belong to this process: neither shown nor written on the wire."""


def repr_of(value: Any) -> str:
    """Return the repr of an attrs value; fields with `repr=False` are shown unless empty."""
    each_of = [each for each in fields(type(value)) if each.metadata.get("sent", True)]
    items = ((each.name, getattr(value, each.name), each.repr) for each in each_of)
    shown = ", ".join(f"{name}={item!r}" for name, item, is_shown in items if is_shown or item)
    return f"{type(value).__name__}({shown})"


def _data(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return frozen_mapping("data", data)


@frozen
class ProviderData:
    """Data that a provider sends and needs back: a signature, encrypted reasoning.

    It is kept unchanged, returned to its `provider`, and left out of requests to others.

    Args:
        provider: The provider's name, with the server's URL unless that is the default.
        data: A JSON object that only the provider's model class understands. It includes the
            position among texts and calls, if that matters.
    """

    provider: str = field(validator=_text)
    data: Mapping[str, Any] = field(converter=_data, hash=False)


def _extra(extra: Iterable[ProviderData]) -> tuple[ProviderData, ...]:
    return several("extra", extra, "ProviderData", ProviderData)


@frozen(repr=False)
class ToolCall:
    """A tool call requested by the model.

    `arguments` is the raw JSON text, exactly as the model wrote it. `extra` is what its provider
    needs back with it.
    """

    id: str = field(validator=_text)
    name: str = field(validator=_text)
    arguments: str = field(default="", validator=valid(text, what="JSON, as json.dumps returns it"))
    extra: tuple[ProviderData, ...] = field(default=(), converter=_extra, repr=False)

    __repr__ = repr_of


@frozen
class Image:
    """An image for a model, by its `url`: `https:` or `data:`."""

    url: str = field(repr=lambda url: repr(shorten(url, 64)))

    @url.validator
    def _is_url(self, attribute: Any, url: Any) -> None:
        text("url", url)
        if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:", url):
            raise ValueError(f"{url!r} is not a URL. For a file, write Image.from_path({url!r}).")

    @classmethod
    def from_bytes(cls, data: bytes, media_type: str = "image/png") -> Image:
        """Return an image that holds its encoded bytes (PNG, JPEG, ...)."""
        return cls(f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}")

    @classmethod
    def from_path(cls, path: str | PathLike[str]) -> Image:
        """Return an image with the bytes of a file; the file's name determines the type."""
        media_type, _ = mimetypes.guess_type(path)
        if media_type is None or not media_type.startswith("image/"):
            raise ValueError(
                f"{path} does not have the name of an image file. "
                "Use Image.from_bytes(data, media_type) to give its type."
            )
        return cls.from_bytes(Path(path).read_bytes(), media_type)


# `converter=tuple` would do the same, but a type checker cannot read it.
def _calls(calls: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    return several("tool_calls", calls, "ToolCall", ToolCall)


def _images(images: Iterable[Image]) -> tuple[Image, ...]:
    return several("images", images, "Image, as Image(url) or Image.from_path(path)", Image)


@suggesting("A message", _NOT_OF_MESSAGES)
@frozen(repr=False)
class Message:
    """One message of a conversation.

    `role` is system, user, assistant or tool. A message of role tool is the result of the call with
    the id `tool_call_id`. `extra` is what its provider needs back with it.
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
    """The description of a tool for a model; `parameters` is a JSON Schema of type object."""

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


class StopHint(str):
    """A text of `Request.stop` at which the provider may end the answer, but the model does not.

    It is for a reader of the answer that knows better than any text where the answer ends.
    """

    __slots__ = ()


@frozen
class Request:
    """The input of a model for one turn.

    `messages` may be a str or one message. `stop` holds texts at which the answer ends, `output` a
    JSON Schema of the answer, `options` what is passed to the provider unchanged.
    """

    messages: tuple[Message, ...] = field(converter=_messages)
    tools: tuple[ToolSpec, ...] = field(default=(), converter=_tools)
    stop: tuple[str, ...] = field(default=(), converter=_stop)
    output: Mapping[str, Any] | None = field(default=None, converter=_output, hash=False)
    options: Mapping[str, Any] = field(factory=dict, converter=_options, hash=False)

    @property
    def cuts(self) -> tuple[str, ...]:
        """The texts of `stop` at which the answer is cut, wherever they stand."""
        return tuple(text for text in self.stop if not isinstance(text, StopHint))

    @classmethod
    def of(cls, request: Request | str | Message | Iterable[Message]) -> Request:
        """Return a request, or a str, a message or messages as one."""
        return request if isinstance(request, Request) else cls(request)

    def evolve(self, **changes: Any) -> Request:
        """Return a copy with some fields changed."""
        return evolve(self, **changes)
