"""Requests of Anthropic's Messages protocol: the system's text, turns, tools and their results."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...messages import Image, Message, Request, ToolCall, ToolSpec
from ..blocks import Block, data_of, parts_of
from ..divided import between_tags
from ..history import Ids, accepted_name, arguments_of
from ..image_data import image_data
from .cache import THOUGHTS
from .server_tools import CONTAINER, are_pending, with_pairs_alone

__all__ = ["message_body"]

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""The ids that Anthropic accepts (November 2026); of any length, but others allow 64."""

_OPENING = "(The conversation begins.)"
"""What the user says where the assistant speaks first, or all texts are blank, which Anthropic does
not accept."""

_Block = dict[str, Any]


def message_body(request: Request, origin: str | None = None) -> dict[str, Any]:
    """Return the fields of a request.

    The system's messages become the field `system`. Messages of one role that follow each other
    become one, in which the results of tools stand first. As Anthropic demands it, texts without
    a letter are left out, thoughts at the end of a reply, and calls of the server's own tools that
    it did not answer. A result whose call is missing becomes a text.

    Args:
        request: The request.
        origin: Where it goes; blocks that came from elsewhere are left out.
    """
    body: dict[str, Any] = {}
    system = [m.text for m in request.messages if m.role == "system" and m.text.strip()]
    turns = _turns(request.messages, origin)
    if system and turns:
        body["system"] = [_text(text) for text in system]
    elif system:
        turns = [_turn("user", [_text(text) for text in system])]
    body["messages"] = turns or [_turn("user", [_text(_OPENING)])]
    if are_pending([turn["content"] for turn in turns]):
        body |= _container(request.messages, origin)
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if stop := [text for text in request.stop if text.strip()]:
        body["stop_sequences"] = stop
    return body


def _container(messages: Iterable[Message], origin: str | None) -> _Block:
    """Return where the code of the server's runs, which waits for the results of our tools."""
    kept = [data for message in messages for data in data_of(message.extra, origin)]
    ids = [data[CONTAINER] for data in kept if isinstance(data.get(CONTAINER), str)]
    return {CONTAINER: ids[-1]} if ids else {}


def _turns(messages: Iterable[Message], origin: str | None) -> list[_Block]:
    """Return the messages beside the system's, of alternating roles; the user's is the first."""
    turns: list[_Block] = []
    ids = Ids(lambda id: _ID.fullmatch(id) is not None)
    open_calls: set[str] = set()
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        follows = bool(turns) and turns[-1]["role"] == role
        if message.role == "tool":
            id = ids.of_result(message.tool_call_id or "")
            blocks = list(_result(message, id if id in open_calls else None))
            open_calls.discard(id)
        elif message.role == "assistant":
            sent = ids.of_calls([call.id for call in message.tool_calls])
            open_calls = open_calls.union(sent) if follows else set(sent)
            blocks = list(_said(message, sent, origin))
        else:
            shown = "" if message.role == "system" else message.text
            blocks = [*_texts(shown), *map(_image, message.images)]
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append(_turn(role, blocks))
    turns = _with_ended_replies(turns)
    for turn in turns:  # a stable sort
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    if turns and turns[0]["role"] == "assistant":
        turns.insert(0, _turn("user", [_text(_OPENING)]))
    if turns and turns[-1]["role"] == "assistant":
        _strip_end(turns[-1]["content"])
    return turns


def _turn(role: str, blocks: list[_Block]) -> _Block:
    return {"role": role, "content": blocks}


def _with_ended_replies(turns: list[_Block]) -> list[_Block]:
    """Return the turns without what Anthropic takes in no reply.

    Those are thoughts at its end, and calls of the server's own tools without results. What is
    left out may leave out more: turns of the user's become one where no reply stands between them.
    """
    while True:
        contents = [turn["content"] for turn in turns]
        ended: list[_Block] = []
        for at, turn in enumerate(turns):
            role, content = turn["role"], turn["content"]
            if role == "assistant":
                content = with_pairs_alone(contents, at)
                while content and content[-1].get("type") in THOUGHTS:
                    content.pop()
            if ended and ended[-1]["role"] == role:
                ended[-1]["content"] += content
            elif content:
                ended.append(_turn(role, [*content]))
        if ended == turns:
            return ended
        turns = ended


def _strip_end(content: list[_Block]) -> None:
    """Strip the end of what the model is to continue, which may be no white space."""
    if content[-1]["type"] == "text":
        content[-1]["text"] = content[-1]["text"].rstrip()


def _said(message: Message, ids: Sequence[str], origin: str | None) -> Iterator[_Block]:
    """Yield the blocks of an assistant's message, in their order."""
    calls = iter(ids)
    for part in parts_of(message, origin):
        match part:
            case str():
                yield from _texts(part)
            case ToolCall():
                yield _call(part, next(calls), origin)
            case Block(data, text):
                yield from _given_back(data, text)
    yield from map(_image, message.images)


def _given_back(data: _Block, text: str | None) -> Iterator[_Block]:
    """Yield a block as it came; a thought that was changed since is left out."""
    if (thought := between_tags(data, text)) is not None:
        yield _text(thought)
        return
    match data.get("type"):
        case None:
            return
        case "text":
            if text and text.strip():
                yield {**data, "text": text}
        case "thinking":
            if text is not None:
                yield {"type": "thinking", "thinking": text, "signature": "", **data}
        case _:
            yield data


def _texts(text: str) -> Iterator[_Block]:
    if text.strip():
        yield _text(text)


def _text(text: str) -> _Block:
    return {"type": "text", "text": text}


def _call(call: ToolCall, id: str, origin: str | None) -> _Block:
    block: _Block = {"type": "tool_use", "id": id, "name": accepted_name(call.name)}
    block["input"] = arguments_of(call)
    for back in data_of(call.extra, origin):
        block = {**back, **block}
    return block


def _result(message: Message, id: str | None) -> Iterator[_Block]:
    """Yield the result of a call; None is the id of one that is missing or has its result."""
    images = list(map(_image, message.images))
    if id is None:
        yield _text(f"The result of the call {message.tool_call_id}: {message.text or 'none'}")
        yield from images
        return
    content = [*_texts(message.text), *images] if images else message.text
    yield {"type": "tool_result", "tool_use_id": id, **({"content": content} if content else {})}


def _image(image: Image) -> _Block:
    head, comma, body = image.url.partition(",")
    if not comma or not head.lower().startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    try:
        format, data = image_data(image.url)
        body = base64.b64encode(data).decode("ascii")
    except ValueError:  # Anthropic says what it cannot read
        format = head.partition("/")[2].partition(";")[0]
    source = {"type": "base64", "media_type": f"image/{format or 'png'}", "data": body}
    return {"type": "image", "source": source}


def _tool(tool: ToolSpec) -> _Block:
    parameters: Mapping[str, Any] = {"type": "object", "properties": {}, **tool.parameters}
    return {"name": tool.name, "description": tool.description, "input_schema": parameters}
