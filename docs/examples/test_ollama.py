"""The model of Ollama's protocol, put to the contract."""

import asyncio
import json
from typing import Any, Literal, NotRequired

import aiohttp
import pytest
from ollama import OllamaModel, lines
from typing_extensions import TypedDict

from rxagent.events import Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from rxagent.messages import Image, Message, Request, ToolCall, ToolSpec
from rxagent.testing import ModelContract
from rxagent.testing.far_ends import HttpFarEnd, Reported, check_type
from rxagent.testing.scenarios import Reply

API = "https://docs.ollama.com/api/chat"
STREAMED = f"it is always asked for a stream: {API}"
WHOLE = ["whole_text", "whole_reasoning", "whole_calls", "whole_replies_fail"]


class SentMessage(TypedDict):
    """A message, as Ollama's document of its API describes it."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    thinking: NotRequired[str]
    images: NotRequired[list[str]]
    tool_calls: NotRequired[list[dict[str, Any]]]
    tool_name: NotRequired[str]


class SentRequest(TypedDict):
    """The body of a request."""

    model: str
    messages: list[SentMessage]
    tools: NotRequired[list[dict[str, Any]]]
    format: NotRequired[dict[str, Any]]
    stream: NotRequired[bool]
    options: NotRequired[dict[str, Any]]


class OllamaFarEnd(HttpFarEnd):
    """A server that answers as Ollama does, by a script."""

    prefix = "ollama"
    paths = ("/api/chat",)
    finish_words = {"stop": "stop", "length": "length", "tool_calls": "stop"}
    option = {"options": {"temperature": 0.625}}
    not_offered = {
        "refusals": f"a refusal is text: {API}",
        "reported_kinds": f"an error in mid-stream is a text alone: {API}",
        "usage_in_detail": f"there is no count of cached tokens: {API}",
        **dict.fromkeys([*WHOLE, "leaving_a_whole_reply"], STREAMED),
    }

    def connect(self, name, /, **options):
        """Return the model that is tested."""
        return OllamaModel(name, self.url, **options)

    def check(self, body):
        """Check a request; a result is known by the name of its tool."""
        check_type(SentRequest, body)
        called = []
        for sent in body["messages"]:
            called += [call["function"]["name"] for call in sent.get("tool_calls", ())]
            if sent["role"] == "tool":
                assert called.pop(0) == sent.get("tool_name"), sent

    def rejection(self, rejected, /):
        """Return an error with its status."""
        return Reply(rejected.status, {"error": rejected.message}, rejected.headers)

    def rendering(self, body, items, /):
        """Return what renders a script."""
        return OllamaLines()

    def read(self, body):
        """Return what the server understands."""
        messages, ids = [], []
        for sent in body["messages"]:
            functions = [call["function"] for call in sent.get("tool_calls", ())]
            calls = [
                ToolCall(f"{len(messages)}-{at}", f["name"], json.dumps(f["arguments"]))
                for at, f in enumerate(functions)
            ]
            ids += [call.id for call in calls]
            messages.append(
                Message(
                    sent["role"],
                    sent["content"],
                    calls,
                    ids.pop(0) if sent["role"] == "tool" else None,
                    [image(data) for data in sent.get("images", ())],
                    sent.get("thinking", ""),
                )
            )
        functions = [tool["function"] for tool in body.get("tools", ())]
        return Request(messages, tools=[ToolSpec(**function) for function in functions])


def image(data):
    """Return an image; its type is seen in its first bytes."""
    kinds = {"/9j/": "jpeg", "R0lG": "gif", "UklG": "webp"}
    return Image(f"data:image/{kinds.get(data[:4], 'png')};base64,{data}")


class OllamaLines:
    """Renders deltas as lines; a call is sent whole, and the end holds reason and usage."""

    def __init__(self):
        self.calls, self.usage, self.reason = {}, None, None

    def begin(self):
        """Return nothing: a reply has no beginning."""
        return []

    def delta(self, delta, /):
        """Yield the line of a delta, or keep it for the end."""
        match delta:
            case TextDelta(text):
                yield from self.called()
                yield line(content=text)
            case ReasoningDelta(text):
                yield line(content="", thinking=text)
            case ToolCallDelta(index, _, name, arguments):
                call = self.calls.setdefault(index, {"name": name, "arguments": ""})
                call["arguments"] += arguments or ""
            case Usage():
                self.usage = Usage.sum(self.usage, delta)
            case Finish(reason):
                self.reason = OllamaFarEnd.finish_words.get(reason, reason)

    def blank(self):
        """Return lines that say nothing."""
        return [line(content=""), b'{"done": false}\n']

    def garbage(self):
        """Return a line that is no JSON."""
        return [b"{this is not JSON\n"]

    def failure(self, failure, /):
        """Return the line of an error."""
        return [json.dumps({"error": failure.message}).encode() + b"\n"]

    def end(self):
        """Yield the calls, and the last line."""
        yield from self.called()
        yield self.done()

    def last(self, items, /):
        """Yield one line with all that is said last, and with an error; it lacks its line break."""
        text, error = "", {}
        for item in items:
            match item:
                case TextDelta():
                    text += item.text
                case Reported():
                    error = {"error": item.message}
                case _:
                    list(self.delta(item))
        message = {"role": "assistant", "content": text}
        if calls := self.whole_calls():
            message["tool_calls"] = calls
        yield self.done(message=message, **error).rstrip()

    def called(self):
        """Yield the line of the calls that are whole, if there are any."""
        if calls := self.whole_calls():
            yield line(content="", tool_calls=calls)

    def whole_calls(self):
        """Return the calls that were not sent, as whole ones."""
        calls, self.calls = list(self.calls.values()), {}
        whole = [{**call, "arguments": json.loads(call["arguments"])} for call in calls]
        return [{"function": call} for call in whole]

    def done(self, **fields):
        """Return the last line."""
        used = self.usage and {
            "prompt_eval_count": self.usage.input_tokens,
            "eval_count": self.usage.output_tokens,
        }
        last = {"done": True, "done_reason": self.reason, **(used or {}), **fields}
        return json.dumps(last, ensure_ascii=False).encode() + b"\n"


def line(**message):
    """Return a line with a message."""
    part = {"message": {"role": "assistant", **message}, "done": False}
    return json.dumps(part, ensure_ascii=False).encode() + b"\n"


class TestOllama(ModelContract):
    """Ollama's models."""

    @pytest.fixture
    def far_end(self):
        """Return the server, while it runs."""
        with OllamaFarEnd() as far_end:
            yield far_end


def test_what_came_before_a_reset_is_read():
    """Whole lines that have arrived are read, though the connection is lost already."""

    async def read():
        loop = asyncio.get_running_loop()
        content = aiohttp.StreamReader(aiohttp.base_protocol.BaseProtocol(loop), 2**16, loop=loop)
        content.feed_data(b'{"done": false}\n{"do')
        content.set_exception(aiohttp.ClientPayloadError("reset"))
        async for line in lines(content):
            seen.append(line)

    seen = []
    with pytest.raises(aiohttp.ClientPayloadError):
        asyncio.run(read())
    assert seen == [b'{"done": false}']
