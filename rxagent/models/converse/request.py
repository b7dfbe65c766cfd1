"""Requests of the Converse protocol: messages, tools, and what Bedrock accepts of them."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from jiter import from_json

from ...frozen import thaw
from ...messages import Message, Request, ToolCall, ToolSpec
from ..blocks import Block, parts_of
from ..errors import ErrorFactory
from ..history import Ids, accepted_name, beginning_of_turn, is_object
from ..options import merged
from .images import image_of

__all__ = ["converse_call", "vendor_of"]

_TAKES_NO_STOP = {"openai", "qwen"}
"""The vendors whose models answer 400 to `stopSequences` (November 2026)."""

_WANTS_NO_REASONING = {"deepseek"}
"""The vendors whose models answer 400 to the reasoning of an earlier reply (November 2026)."""

_MOST_STOPS = 4
"""The longest list of stops that all other vendors accept (November 2026)."""

_SHORT = {"max_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP"}
"""The names that options of most providers have, and those of `inferenceConfig`."""

_NESTED = ("inferenceConfig", "outputConfig", "toolConfig")
"""Options whose fields are merged, as the request itself sets some of them."""

_REGION = re.compile(r"(?:apac|au|ca|eu|global|jp|sa|us(?:-gov)?)\.")

_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_TYPES_OF_JSON = {"type": "object", "properties": {}}

_EMPTY = "(empty)"
_BEGINNING = "(The conversation begins.)"
_GONE = "It cannot be called any more."
"""What Bedrock is sent where it demands a text, and there is none."""


def converse_call(
    model_id: str,
    request: Request,
    options: Sequence[Mapping[str, Any]],
    origin: str,
    errors: ErrorFactory,
) -> dict[str, Any]:
    """Return the arguments of boto3's `converse` and `converse_stream`.

    Args:
        model_id: The model's id, or the ARN of what invokes it.
        request: The request.
        options: The options, the later ones before the earlier ones.
        origin: Where the request goes; data that came from elsewhere is not sent back.
        errors: Makes the error of an image that Bedrock does not take.
    """
    system = [message.text for message in request.messages if message.role == "system"]
    offers_tools = "tools" not in request.options  # which may only be None
    asked = {
        "system": [{"text": text} for text in system if text.strip()] or None,
        "inferenceConfig": _inference(model_id, request.stop),
        "outputConfig": _output(request.output),
        "toolConfig": _tools(request.tools if offers_tools else ()),
    }
    given = _with_options(asked, options)
    if "toolConfig" not in given and (called := _called(request.messages)):
        given["toolConfig"] = _tools(ToolSpec(name, _GONE) for name in called)
    messages = _Messages(model_id, origin, errors).of(request.messages)
    return {"modelId": model_id, "messages": messages, **given}


def vendor_of(model_id: str) -> str:
    """Return the vendor in the id of a model or of an inference profile."""
    name = model_id.rpartition("/")[2]
    return _REGION.sub("", name, count=1).partition(".")[0]


def _with_options(asked: Mapping[str, Any], options: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is asked, changed by options; None removes one."""
    given = dict(asked)
    for some in options:
        for name, value in _in_long(some).items():
            before = given.get(name)
            if name in _NESTED and isinstance(value, Mapping) and isinstance(before, Mapping):
                given[name] = _joined(before, value)
            else:
                given[name] = value
    given.pop("tools", None)
    for name in _NESTED:
        if isinstance(given.get(name), Mapping):
            given[name] = merged(given[name]) or None
    return merged(given)


def _in_long(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with those of short names inside `inferenceConfig`."""
    short = {_SHORT[name]: options[name] for name in _SHORT if name in options}
    given = {name: value for name, value in options.items() if name not in _SHORT}
    if short:
        given["inferenceConfig"] = {**short, **(given.get("inferenceConfig") or {})}
    return given


def _joined(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of both; further tools are added to those that there are."""
    more = {}
    if before.get("tools") and after.get("tools"):
        more["tools"] = [*before["tools"], *after["tools"]]
    return {**before, **after, **more}


def _inference(model_id: str, stops: Sequence[str]) -> dict[str, Any] | None:
    sent = [stop for stop in stops if stop.strip()][:_MOST_STOPS]
    if not sent or vendor_of(model_id) in _TAKES_NO_STOP:
        return None
    return {"stopSequences": sent}


def _output(schema: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if schema is None:
        return None
    name = re.sub(r"[^\w-]", "_", str(schema.get("title", "answer")), flags=re.ASCII)[:64]
    described = {"jsonSchema": {"schema": json.dumps(schema), "name": name}}
    return {"textFormat": {"type": "json_schema", "structure": described}}


def _tools(tools: Iterable[ToolSpec]) -> dict[str, Any] | None:
    specs = [{"toolSpec": _tool(tool)} for tool in tools]
    return {"tools": specs} if specs else None


def _tool(tool: ToolSpec) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description.strip() else {}
    schema = thaw(tool.parameters) or _TYPES_OF_JSON
    return {"name": tool.name, **described, "inputSchema": {"json": schema}}


def _called(messages: Iterable[Message]) -> list[str]:
    """Return the names of the tools that were called, which Bedrock wants to be declared."""
    calls = [call for message in messages for call in message.tool_calls]
    return list(dict.fromkeys(accepted_name(call.name) for call in calls))


class _Messages:
    """Turns messages into those of the protocol, which alternate between user and assistant.

    Arguments that are no JSON object are sent as `{}`. Names and ids that Bedrock would reject are
    replaced, alike in a call and its result. Results are parts of a user's message, and its first.
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
            if not content:
                continue
            if sent and sent[-1]["role"] == role:
                sent[-1]["content"] += content
            else:
                sent.append({"role": role, "content": content})
        for message_sent in sent:
            message_sent["content"].sort(key=_is_no_result)
        if not sent or sent[0]["role"] == "assistant":
            sent.insert(0, {"role": "user", "content": [{"text": _BEGINNING}]})
        return sent

    def _input(self, message: Message) -> Iterator[dict[str, Any]]:
        """Yield the content of a message that is no reply."""
        text = [{"text": message.text}] if message.text.strip() else []
        images = [{"image": image_of(image, self._errors)} for image in message.images]
        if message.role == "tool" and self._ids.has_call(message.tool_call_id or ""):
            id = self._ids.of_result(message.tool_call_id or "")
            content = text + images or [{"text": _EMPTY}]
            yield {"toolResult": {"toolUseId": id, "content": content}}
            return
        if message.role != "system":
            yield from text
        yield from images

    def _reply(self, message: Message, is_of_turn: bool) -> Iterator[dict[str, Any]]:
        """Yield the content of a reply."""
        sent = self._ids.of_calls([call.id for call in message.tool_calls])
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

        That of another vendor's model is left out.
        """
        if block.text is None or block.data.get("vendor") != self._vendor:
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


def _call(call: ToolCall, id: str) -> dict[str, Any]:
    arguments = from_json(call.arguments.encode()) if is_object(call.arguments) else {}
    return {"toolUseId": id, "name": accepted_name(call.name), "input": arguments}


def _is_no_result(block: Mapping[str, Any]) -> bool:
    return "toolResult" not in block
