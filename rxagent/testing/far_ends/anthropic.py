"""The far end of Anthropic's models."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from ...messages import Image, Message, Request, ToolCall, ToolSpec
from ...models import AnthropicModel, Model
from ..frames import Body
from ..scenarios import Reply
from .anthropic_events import FINISH_WORDS, MessageRendering, error_body, signature_of
from .anthropic_whole import WholeMessage
from .checking import check_type
from .http import HttpFarEnd, Rendering
from .items import Item, Rejected

__all__ = ["AnthropicFarEnd", "check_turns"]

_Block = Mapping[str, Any]

_OF_SERVER = ("server_tool_use", "mcp_tool_use")


class AnthropicFarEnd(HttpFarEnd):
    """The far end of `AnthropicModel`."""

    prefix: ClassVar[str] = "anthropic"
    paths: ClassVar[Sequence[str]] = ("/v1/messages",)
    finish_words: ClassVar[Mapping[str, str]] = FINISH_WORDS

    def connect(self, name: str, /, **options: Any) -> Model:
        """Return a model of Anthropic's, connected to the server."""
        return AnthropicModel(name, api_base=self.server.url, api_key="any", **options)

    def rejection(self, rejected: Rejected, /) -> Reply:
        """Return an error as Anthropic sends it."""
        error = error_body(rejected.status, rejected.message)
        return Reply(rejected.status, error, rejected.headers)

    def rendering(self, body: Body, items: Sequence[Item], /) -> Rendering:
        """Return what renders deltas as events, or as a whole message."""
        return MessageRendering(items) if body.get("stream") else WholeMessage(items)

    def check(self, body: Body) -> None:
        """Check a request against the SDK's parameters, and the rules that Anthropic documents."""
        from anthropic.types import message_create_params as params

        streams = bool(body.get("stream"))
        check_type(
            params.MessageCreateParamsStreaming
            if streams
            else params.MessageCreateParamsNonStreaming,
            body,
        )
        check_turns(body["messages"])
        marks = _marks([body.get("system"), body.get("tools"), body["messages"]])
        assert marks <= 4, f"{marks} blocks are marked for a cache, and four may be"

    def read(self, body: Body) -> Request:
        """Return what Anthropic understands by a request."""
        system = [Message("system", block["text"]) for block in body.get("system") or ()]
        turns = [message for turn in body["messages"] for message in _messages(turn)]
        tools = body.get("tools") or ()
        return Request(
            [*system, *turns],
            tools=[ToolSpec(t["name"], t["description"], t["input_schema"]) for t in tools],
            stop=body.get("stop_sequences") or (),
        )


def _messages(turn: _Block) -> Iterable[Message]:
    blocks = turn["content"]
    for block in blocks:
        if block["type"] == "tool_result":
            content = block.get("content") or ""
            inner = [{"type": "text", "text": content}] if isinstance(content, str) else content
            text, images = _text_of(inner), _images_of(inner)
            yield Message("tool", text, tool_call_id=block["tool_use_id"], images=images)
    others = [block for block in blocks if block["type"] != "tool_result"]
    if others:
        yield Message(
            turn["role"],
            _text_of(others),
            [_call(block) for block in others if block["type"] == "tool_use"],
            images=_images_of(others),
            reasoning="".join(b["thinking"] for b in others if b["type"] == "thinking"),
        )


def _call(block: _Block) -> ToolCall:

    return ToolCall(block["id"], block["name"], json.dumps(block["input"]))


def _text_of(blocks: Iterable[_Block]) -> str:
    return "".join(block["text"] for block in blocks if block["type"] == "text")


def _images_of(blocks: Iterable[_Block]) -> list[Image]:
    sources = [block["source"] for block in blocks if block["type"] == "image"]
    return [
        Image(s["url"] if s["type"] == "url" else f"data:{s['media_type']};base64,{s['data']}")
        for s in sources
    ]


# The rules.


def check_turns(turns: Sequence[_Block]) -> None:
    """Check what Anthropic answers 400 to, though the types allow it.

    Raises:
        AssertionError: A rule is broken.
    """
    roles = [turn["role"] for turn in turns]
    assert roles[:1] == ["user"], "the first turn is the user's"
    assert all(one != other for one, other in pairwise(roles)), roles
    called: list[str] = []
    own: set[str] = set()
    """The calls of the server's tools that have no results."""
    for turn in turns:
        blocks = turn["content"]
        assert blocks, "a turn has content"
        kinds = [block["type"] for block in blocks]
        returned = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert called == returned or sorted(called) == sorted(returned), (called, returned)
        assert kinds[: len(returned)] == ["tool_result"] * len(returned), kinds
        others = len(blocks) - len(returned)
        assert not own or turn["role"] == "assistant" or not others, f"{own} have no results"
        open = own | {block["id"] for block in blocks if block["type"] in _OF_SERVER}
        found = {b["tool_use_id"] for b in blocks if re.fullmatch(r".+_tool_result", b["type"])}
        assert found <= open, f"{found - open} have no calls"
        assert turn["role"] == "user" or own <= found, f"{own - found} have no results"
        own = open - found
        called = [block["id"] for block in blocks if block["type"] == "tool_use"]
        assert len(set(called)) == len(called), f"the ids {called} are unique"
        for block in blocks:
            _check_block(block)
        assert "thinking" not in kinds[-1], "no reply ends in a thought"
    if roles[-1] == "assistant" and kinds[-1] == "text":
        assert blocks[-1]["text"] == blocks[-1]["text"].rstrip(), "the last text has an end"


def _check_block(block: _Block) -> None:
    match block["type"]:
        case "text":
            assert block["text"].strip(), "a text is not blank"
        case "thinking":
            assert signature_of(block["thinking"]) == block["signature"], "a thought is unchanged"
            assert "cache_control" not in block
        case "tool_use":
            assert re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"]), block["id"]
            assert re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", block["name"]), block["name"]
        case "tool_result" if isinstance(content := block.get("content"), list):
            for inner in content:
                _check_block(inner)


def _marks(value: Any) -> int:
    """Return how many blocks are marked for a cache."""
    if isinstance(value, Mapping):
        return ("cache_control" in value) + sum(map(_marks, value.values()))
    return sum(map(_marks, value)) if isinstance(value, list) else 0
