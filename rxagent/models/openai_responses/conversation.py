"""Conversations in OpenAI's Responses protocol: messages as a list of items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...messages import Image, Message, ToolCall
from ..blocks import Block, data_of, parts_of
from ..divided import between_tags
from ..history import Ids, accepted_name, is_object

__all__ = ["input_items"]

_LONGEST_ID = 64
"""What OpenAI accepts (November 2026)."""


def input_items(
    messages: Iterable[Message], origin: str | None = None, reasons: bool = True
) -> Iterator[dict[str, Any]]:
    """Yield a conversation as the items of the protocol.

    Arguments that are no JSON object are sent as `{}`. Names and ids that OpenAI would reject are
    replaced, alike in a call and its result. A result whose call is missing is sent as a text.
    Images of a reply follow it, and its results, in a message of the user's.

    Args:
        messages: The conversation.
        origin: Where the request goes; data that came from elsewhere is not sent.
        reasons: Whether the model takes reasoning.
    """
    ids = Ids(lambda id: 0 < len(id) <= _LONGEST_ID)
    shown: list[Image] = []
    for message in messages:
        if shown and message.role != "tool":
            yield {"role": "user", "content": _content("", shown)}
            shown = []
        match message.role:
            case "assistant":
                yield from _reply(message, origin, ids, reasons)
                shown += message.images
            case "tool":
                yield _result(message, ids)
            case role:
                yield {"role": role, "content": _content(message.text, message.images)}
    if shown:
        yield {"role": "user", "content": _content("", shown)}


def _content(text: str, images: Iterable[Image]) -> str | list[dict[str, Any]]:
    """Return a text and images as the content of an item."""
    pictures = [
        {"type": "input_image", "image_url": image.url, "detail": "auto"} for image in images
    ]
    if not pictures:
        return text
    return [*([{"type": "input_text", "text": text}] if text else []), *pictures]


def _result(message: Message, ids: Ids) -> dict[str, Any]:
    id = message.tool_call_id or ""
    if not ids.has_call(id):
        text = f"The result of the call {id}: {message.text}"
        return {"role": "user", "content": _content(text, message.images)}
    output = _content(message.text, message.images)
    return {"type": "function_call_output", "call_id": ids.of_result(id), "output": output}


def _reply(message: Message, origin: str | None, ids: Ids, reasons: bool) -> list[dict[str, Any]]:
    """Return the items of a reply, in the order in which they came.

    OpenAI rejects the id of an item without the reasoning before it, and reasoning that nothing
    follows.
    """
    items: list[dict[str, Any]] = []
    parts = [*parts_of(message, origin)]
    commented = _Commented(message, parts)
    beside = {
        id: back
        for data in data_of(message.extra, origin)
        if isinstance(id := data.get("call"), str) and isinstance(back := data.get("data"), dict)
    }
    is_paired = False
    sent = iter(ids.of_calls([call.id for call in message.tool_calls]))
    for part in parts:
        match part:
            case str():
                items.append({"role": "assistant", "content": part})
            case ToolCall():
                back = [*data_of(part.extra, origin), beside.get(part.id, {})]
                items.append(_call(part, next(sent), back, is_paired))
            case Block({"type": "reasoning"} as data, text):
                if reasons and (reasoning := _reasoning(data, text)):
                    items.append(reasoning)
                    is_paired = True
            case Block({"type": "message", "again": _}):
                continue  # it was sent where it came
            case Block({"type": "message", "parts": list()} as data, text):
                if said := commented.next(data, text):
                    items.append(_said(data, said, is_paired))
            case Block({"type": "message"} as data, text):
                items.append(_said(data, text or "", is_paired))
            case Block({"type": str()} as data):
                items.append(data)
            case Block(data, text) if (thought := between_tags(data, text)) is not None:
                items.append({"role": "assistant", "content": thought})
    while items and items[-1].get("type") == "reasoning":
        items.pop()
    return items


class _Commented:
    """What the commentary of a reply is sent as: as it came, or as the answer that it became.

    Args:
        message: The reply.
        parts: Its parts.
    """

    def __init__(self, message: Message, parts: Iterable[str | ToolCall | Block]) -> None:
        self._is_followed = bool(message.text or message.tool_calls)
        self._answers: dict[int, str] = {}
        self._count = 0
        for part in parts:
            match part:
                case Block({"type": "message", "again": int(number)}, text):
                    self._answers[number] = text or ""

    def next(self, data: Mapping[str, Any], text: str | None) -> str:
        """Return the text of the next commentary; empty if it is not sent.

        Args:
            data: What was kept of it.
            text: The reasoning in which it is; None if it was changed.
        """
        number = self._count
        self._count += 1
        if self._answers:
            return self._answers.get(number, "")
        if text is None or not self._is_followed:
            return ""
        return "".join(text[start:end] for _, start, end in _parts_in(data))


def _parts_in(data: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    parts = data.get("parts")
    for part in parts if isinstance(parts, list) else ():
        match part:
            case [str(name), int(start), int(end)]:
                yield name, start, end


def _reasoning(data: dict[str, Any], text: str | None) -> dict[str, Any]:
    """Return a reasoning item; an empty one if nothing of it can be given back.

    Args:
        data: What was kept of it.
        text: The readable part; None if it was changed.
    """
    summary, content = [], []
    for name, start, end in _parts_in(data):
        if name == "summary" and text is not None:
            summary.append({"type": "summary_text", "text": text[start:end]})
        elif name == "content" and text is not None:
            content.append({"type": "reasoning_text", "text": text[start:end]})
    data.pop("parts", None)
    if not content and not data.get("encrypted_content"):
        return {}
    return {**data, "summary": summary, **({"content": content} if content else {})}


def _said(data: dict[str, Any], text: str, is_paired: bool) -> dict[str, Any]:
    """Return a message item; without its id if its reasoning is missing."""
    phase = {"phase": data["phase"]} if data.get("phase") else {}
    if not (is_paired and data.get("id")):
        return {"role": "assistant", "content": text, **phase}
    return {
        "type": "message",
        "id": data["id"],
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
        **phase,
    }


def _call(
    call: ToolCall, id: str, kept: Iterable[dict[str, Any]], is_paired: bool
) -> dict[str, Any]:
    """Return a function call item; without its own id if its reasoning is missing."""
    back: dict[str, Any] = {}
    for data in kept:
        back |= data
    if not is_paired:
        back.pop("id", None)
    return {
        **back,
        "type": "function_call",
        "call_id": id,
        "name": accepted_name(call.name),
        "arguments": call.arguments if is_object(call.arguments) else "{}",
    }
