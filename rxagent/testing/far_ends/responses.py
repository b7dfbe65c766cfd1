"""The far end of OpenAI's models, through the Responses protocol."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ...messages import Image, Message, Request, ToolCall, ToolSpec
from ...models import Model, OpenAIModel
from ..frames import Body
from ..scenarios import Reply
from .checking import check_type
from .http import HttpFarEnd, Rendering
from .items import Item, Rejected
from .openai_chat import chat_rejection
from .responses_events import FINISH_WORDS, ResponseRendering, encrypted
from .responses_whole import WholeResponse

__all__ = ["ResponsesFarEnd", "check_items"]

_Item = Mapping[str, Any]

_OF_MODEL = ("message", "function_call", "web_search_call")


class ResponsesFarEnd(HttpFarEnd):
    """The far end of `OpenAIModel` with `api="responses"`."""

    prefix: ClassVar[str] = "responses"
    paths: ClassVar[Sequence[str]] = ("/v1/responses", "/openai/responses")
    finish_words: ClassVar[Mapping[str, str]] = FINISH_WORDS

    def connect(self, name: str, /, **options: Any) -> Model:
        """Return a model of OpenAI's, connected to the server."""
        url = self.server.url
        return OpenAIModel(name, api="responses", api_base=url, api_key="any", **options)

    def rejection(self, rejected: Rejected, /) -> Reply:
        """Return an error as OpenAI sends it."""
        return chat_rejection(rejected)

    def rendering(self, body: Body, items: Sequence[Item], /) -> Rendering:
        """Return what renders deltas as events, or as a whole response."""
        kind = ResponseRendering if body.get("stream") else WholeResponse
        return kind(body["model"])

    def check(self, body: Body) -> None:
        """Check a request against the SDK's parameters, and the rules that OpenAI enforces."""
        from openai.types.responses import response_create_params as params

        streams = bool(body.get("stream"))
        check_type(
            params.ResponseCreateParamsStreaming
            if streams
            else params.ResponseCreateParamsNonStreaming,
            body,
        )
        check_items(body["input"])

    def read(self, body: Body) -> Request:
        """Return what OpenAI understands by a request."""
        tools = body.get("tools") or ()
        return Request(
            [_message(item) for item in body["input"]],
            tools=[ToolSpec(t["name"], t["description"], t["parameters"]) for t in tools],
        )


def _message(item: _Item) -> Message:
    match item.get("type", "message"):
        case "function_call":
            call = ToolCall(item["call_id"], item["name"], item["arguments"])
            return Message("assistant", tool_calls=[call])
        case "function_call_output":
            text, images = _content(item["output"])
            return Message("tool", text, tool_call_id=item["call_id"], images=images)
        case "reasoning":
            parts = [*item["summary"], *item.get("content", ())]
            return Message("assistant", reasoning="\n\n".join(part["text"] for part in parts))
        case "message":
            text, images = _content(item["content"])
            return Message(item["role"], text, images=images)
    return Message("assistant")


def _content(content: str | Iterable[_Item]) -> tuple[str, list[Image]]:
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    text = "".join(part["text"] for part in parts if part["type"].endswith("text"))
    return text, [Image(part["image_url"]) for part in parts if part["type"] == "input_image"]


# The rules.


def check_items(items: Sequence[_Item]) -> None:
    """Check what OpenAI answers 400 to, though the types allow it.

    Raises:
        AssertionError: A rule is broken.
    """
    assert items, "input is empty"
    called: list[str] = []
    returned: list[str] = []
    for item, before, behind in _around(items):
        match item.get("type", "message"):
            case "reasoning":
                kind = (behind or {}).get("type")
                follows = behind is not None and (kind == "reasoning" or _is_of_model(behind))
                assert follows, f"{item['id']} was provided without its required following item"
                texts = [part["text"] for part in item["summary"]]
                if texts and item.get("encrypted_content", "").startswith("encrypted-"):
                    right = encrypted(item["id"], "".join(texts))
                    assert item["encrypted_content"] == right, "the reasoning is unchanged"
            case "function_call":
                assert 0 < len(item["call_id"]) <= 64, item["call_id"]
                assert item["call_id"] not in called, f"{item['call_id']} is used once"
                assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", item["name"]), item["name"]
                called.append(item["call_id"])
            case "function_call_output":
                assert item["call_id"] in called, f"No tool call found for {item['call_id']}"
                returned.append(item["call_id"])
        if _is_of_model(item) and item.get("id"):
            assert before, f"{item['id']} was provided without its required 'reasoning' item"
    missing = set(called) - set(returned)
    assert not missing, f"No tool output found for {missing}"


def _is_of_model(item: _Item) -> bool:
    kind = item.get("type", "message")
    return kind in _OF_MODEL and item.get("role", "assistant") == "assistant"


def _around(items: Sequence[_Item]) -> Iterator[tuple[_Item, bool, _Item | None]]:
    """Yield each item, whether its reply has reasoning before it, and the item behind it."""
    has_reasoning = False
    for at, item in enumerate(items):
        behind = items[at + 1] if at + 1 < len(items) else None
        if item.get("type") == "reasoning":
            has_reasoning = True
        elif not _is_of_model(item):
            has_reasoning = False
        yield item, has_reasoning, behind
