"""Messages of the Converse protocol, made of the history of any provider."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ...messages import Message, ToolCall
from ..blocks import Block, parts_of
from ..divided import between_tags
from ..errors import ErrorFactory
from ..history import Ids, accepted_name, arguments_of, beginning_of_turn
from .images import image_of

__all__ = ["Messages", "vendor_of"]

_WANTS_NO_REASONING = {"deepseek"}
"""The vendors whose models answer 400 to the reasoning of an earlier reply (November 2026)."""

_REGION = re.compile(r"(?:apac|au|ca|eu|global|jp|sa|us(?:-gov)?)\.")

_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_EMPTY = "(empty)"
_BEGINNING = "(The conversation begins.)"
"""What Bedrock is sent where it demands a text, and there is none."""


class Messages:
    """Turns messages into those of the protocol, which alternate between user and assistant.

    Arguments that are no JSON object are sent as `{}`. Names and ids that Bedrock would reject are
    replaced, alike in a call and its result. Results are parts of a user's message, and its first;
    one whose call is missing, or has its result, is a text. The images of a reply stand there, too.
    Blank texts, which it rejects, are left out.

    Args:
        model_id: The model's id.
        origin: Where the request goes.
        errors: Makes the errors.
    """

    def __init__(self, model_id: str, origin: str, errors: ErrorFactory) -> None:
        self._vendor = vendor_of(model_id)
        self._origin = origin
        self._errors = errors
        self._ids = Ids(_ID.fullmatch)
        self._open: set[str] = set()
        """The ids of the latest calls that lack their results."""

    def of(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """Return the messages without those of the system."""
        turn = beginning_of_turn(messages)
        sent: list[dict[str, Any]] = []
        for index, message in enumerate(messages):
            is_assistant = message.role == "assistant"
            if is_assistant:
                content = list(self._reply(message, is_of_turn=index >= turn))
            else:
                content = list(self._input(message))
            role = "assistant" if is_assistant else "user"
            while content and "reasoningContent" in content[-1]:  # no reply may end so
                content.pop()
            _add(sent, role, content)
            if is_assistant:  # only a user's message may hold images
                _add(sent, "user", list(self._images(message)))
        for message_sent in sent:
            message_sent["content"].sort(key=_is_no_result)
        if not sent or sent[0]["role"] == "assistant":
            sent.insert(0, {"role": "user", "content": [{"text": _BEGINNING}]})
        return sent

    def _input(self, message: Message) -> Iterator[dict[str, Any]]:
        """Yield the content of a message that is no reply."""
        text = [{"text": message.text}] if message.text.strip() else []
        images = list(self._images(message))
        id = self._ids.of_result(message.tool_call_id or "") if message.role == "tool" else ""
        if id in self._open:
            self._open.discard(id)
            content = text + images or [{"text": _EMPTY}]
            yield {"toolResult": {"toolUseId": id, "content": content}}
            return
        if message.role != "system":
            yield from text
        yield from images

    def _images(self, message: Message) -> Iterator[dict[str, Any]]:
        for image in message.images:
            yield {"image": image_of(image, self._errors)}

    def _reply(self, message: Message, is_of_turn: bool) -> Iterator[dict[str, Any]]:
        """Yield the content of a reply."""
        sent = self._ids.of_calls([call.id for call in message.tool_calls])
        self._open = set(sent)
        ids = iter(sent)
        for part in parts_of(message, self._origin):
            match part:
                case str():
                    if part.strip():
                        yield {"text": part}
                case ToolCall():
                    yield {"toolUse": _call(part, next(ids))}
                case Block():
                    yield from self._reasoning(part, is_of_turn)

    def _reasoning(self, block: Block, is_of_turn: bool) -> Iterator[dict[str, Any]]:
        """Yield reasoning: what is signed always, and the other while the turn's tools run.

        What the model wrote between tags is text again, at its place. The reasoning of another
        vendor's model is left out.
        """
        if block.text is None or block.data.get("vendor") != self._vendor:
            return
        if (thought := between_tags(block.data, block.text)) is not None:
            yield {"text": thought}
            return
        match block.data:
            case {"redactedContent": str(data)}:
                with suppress(ValueError):
                    yield {"reasoningContent": {"redactedContent": base64.b64decode(data)}}
            case {"signature": str(signature)}:
                signed = {"text": block.text, "signature": signature}
                yield {"reasoningContent": {"reasoningText": signed}}
            case _ if is_of_turn and block.text and self._vendor not in _WANTS_NO_REASONING:
                yield {"reasoningContent": {"reasoningText": {"text": block.text}}}


def _add(sent: list[dict[str, Any]], role: str, content: list[dict[str, Any]]) -> None:
    """Add content to the messages, of which the last one may have its role."""
    if content and sent and sent[-1]["role"] == role:
        sent[-1]["content"] += content
    elif content:
        sent.append({"role": role, "content": content})


def _call(call: ToolCall, id: str) -> dict[str, Any]:
    return {"toolUseId": id, "name": accepted_name(call.name), "input": arguments_of(call)}


def _is_no_result(block: Mapping[str, Any]) -> bool:
    return "toolResult" not in block


def vendor_of(model_id: str) -> str:
    """Return the vendor in the id of a model or of an inference profile."""
    name = model_id.rpartition("/")[2]
    return _REGION.sub("", name, count=1).partition(".")[0]
