"""Requests of the Converse protocol, as a far end reads and checks them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ...messages import Image, Message, Request, ToolCall, ToolSpec
from ..frames import Body

__all__ = ["check_rules", "check_shape", "read_converse"]


def read_converse(body: Body) -> Request:
    """Return a request as the protocol means it."""
    system = [Message("system", block["text"]) for block in body.get("system") or ()]
    tools = [tool["toolSpec"] for tool in (body.get("toolConfig") or {}).get("tools") or ()]
    config = body.get("inferenceConfig") or {}
    return Request(
        system + [one for message in body["messages"] for one in _messages(message)],
        tools=[
            ToolSpec(tool["name"], tool.get("description", ""), tool["inputSchema"]["json"])
            for tool in tools
        ],
        stop=config.get("stopSequences") or (),
    )


def _messages(message: Mapping[str, Any]) -> Iterator[Message]:
    content = message["content"]
    if message["role"] == "assistant":
        thoughts = [block.get("reasoningContent", {}).get("reasoningText", {}) for block in content]
        yield Message(
            "assistant",
            _text(content),
            tool_calls=[_call(block["toolUse"]) for block in content if "toolUse" in block],
            reasoning="".join(thought.get("text", "") for thought in thoughts),
        )
        return
    results = [block["toolResult"] for block in content if "toolResult" in block]
    for result in results:
        said = result["content"]
        yield Message("tool", _text(said), tool_call_id=result["toolUseId"], images=_images(said))
    rest = [block for block in content if "toolResult" not in block]
    if rest:
        yield Message("user", _text(rest), images=_images(rest))


def _text(content: Sequence[Mapping[str, Any]]) -> str:
    return "".join(block.get("text", "") for block in content)


def _images(content: Sequence[Mapping[str, Any]]) -> list[Image]:
    images = [block["image"] for block in content if "image" in block]
    return [
        Image.from_bytes(base64.b64decode(one["source"]["bytes"]), f"image/{one['format']}")
        for one in images
    ]


def _call(use: Mapping[str, Any]) -> ToolCall:
    return ToolCall(use["toolUseId"], use["name"], json.dumps(use["input"]))


# What Bedrock accepts.


def check_shape(value: Any, shape: Any, path: str = "") -> None:
    """Check a value against what a service model says beyond what botocore itself checks.

    Raises:
        AssertionError: It is too long, or has another form.
    """
    limits = shape.metadata
    match shape.type_name:
        case "structure" if not shape.is_document_type:
            for name, member in shape.members.items():
                if name in value:
                    check_shape(value[name], member, f"{path}.{name}")
        case "list":
            assert len(value) <= limits.get("max", len(value)), f"{path} has too many items"
            for item in value:
                check_shape(item, shape.member, f"{path}[]")
        case "string":
            assert value in limits.get("enum", [value]), f"{path} is no {value!r}"
            assert len(value) <= limits.get("max", len(value)), f"{path} is too long: {value!r}"
            pattern = limits.get("pattern", r"[\s\S]*")
            assert re.fullmatch(pattern, value), f"{path} has another form: {value!r}"


def check_rules(body: Body) -> None:
    """Check what Bedrock demands beyond its service model, in its own sentences.

    Raises:
        AssertionError: It would be rejected.
    """
    messages = body["messages"]
    roles = [message["role"] for message in messages]
    assert roles[:1] == ["user"], "A conversation must start with a user message."
    assert all(a != b for a, b in pairwise(roles)), "Roles must alternate."
    blocks = [block for message in messages for block in message["content"]]
    for block in blocks + list(body.get("system") or ()):
        if "text" in block:
            assert block["text"].strip(), "The text field in the ContentBlock object is blank."
    uses = any({"toolUse", "toolResult"} & block.keys() for block in blocks)
    declared = (body.get("toolConfig") or {}).get("tools")
    assert declared or not uses, (
        "The toolConfig field must be defined when using toolUse and toolResult content blocks."
    )
    open_ids: list[str] = []
    for message in messages:
        content = message["content"]
        assert content, "The content field in the Message object is empty."
        results = [block["toolResult"]["toolUseId"] for block in content if "toolResult" in block]
        assert sorted(results) == sorted(open_ids), f"Expected toolResult blocks for {open_ids}."
        first = ["toolResult" in block for block in content]
        assert first == sorted(first, reverse=True), "toolResult blocks must come first."
        open_ids = [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]
        assert len(set(open_ids)) == len(open_ids), "Tool ids must be unique."
        is_thought = "reasoningContent" in content[-1]
        assert not is_thought, "The final block in an assistant message cannot be thinking."
