"""Frames: the chunks of an OpenAI-like answer, and their bytes on the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, TypeVar

__all__ = [
    "DONE",
    "INPUT_TOKENS",
    "Body",
    "Chunk",
    "call_chunk",
    "call_chunks",
    "chunk",
    "chunks_of",
    "finish_chunk",
    "frame",
    "reasoning_chunk",
    "refusal_chunk",
    "role_chunk",
    "said_by",
    "saying",
    "sse",
    "task",
    "text_chunk",
    "texts",
    "usage_chunk",
    "wants_usage",
    "whole",
    "words",
]

Body = Mapping[str, Any]
"""The parsed body of a request."""

Chunk = dict[str, Any]
"""A chunk of an answer, without the fields that all chunks share."""

DONE = b"data: [DONE]\n\n"

INPUT_TOKENS = 10
"""The input tokens that `saying` reports; each chunk it is given counts as an output token."""

_BLOCK = 16
"""Of so many bytes, the size of a padded chunk is a multiple, but for the same few."""

T = TypeVar("T")

# Requests.


def said_by(body: Body, role: str) -> list[str]:
    """Return the texts of the messages of a role."""
    return [_text(message) for message in body.get("messages", ()) if message["role"] == role]


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def task(body: Body) -> str:
    """Return the last text of the user."""
    return next(reversed(said_by(body, "user")), "")


def wants_usage(body: Body) -> bool:
    """Tell whether the request wants usage; without streaming it is always reported."""
    options = body.get("stream_options") or {}
    return not body.get("stream") or bool(options.get("include_usage"))


def _wants_padding(body: Body) -> bool:
    options = body.get("stream_options") or {}
    return options.get("include_obfuscation") is not False


# Chunks.


def chunk(delta: Mapping[str, Any] | None, finish: str | None = None, **fields: Any) -> Chunk:
    """Return a chunk of one choice with this delta; `fields` are beside the choices."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"choices": [choice], **fields}


def role_chunk() -> Chunk:
    """Return the first chunk of OpenAI: the role, without text."""
    return chunk({"role": "assistant", "content": "", "refusal": None})


def text_chunk(text: str, **fields: Any) -> Chunk:
    """Return a chunk with a piece of the answer's text."""
    return chunk({"content": text}, **fields)


def reasoning_chunk(text: str, field: str = "reasoning_content") -> Chunk:
    """Return a chunk with a piece of reasoning, under the name of a server."""
    return chunk({field: text})


def refusal_chunk(text: str) -> Chunk:
    """Return a chunk with a piece of a refusal."""
    return chunk({"refusal": text})


def call_chunk(
    index: int | None,
    id: str | None = None,
    name: str | None = None,
    arguments: str | None = None,
) -> Chunk:
    """Return a chunk with a fragment of a tool call; except for the index, None is left out."""
    function = {"name": name, "arguments": arguments}
    fragment: dict[str, Any] = {"index": index}
    if id is not None:
        fragment |= {"id": id, "type": "function"}
    fragment["function"] = {key: value for key, value in function.items() if value is not None}
    return chunk({"tool_calls": [fragment]})


def call_chunks(index: int | None, id: str | None, name: str, arguments: str) -> list[Chunk]:
    """Return a whole tool call as OpenAI sends it: the name first, the arguments in fragments."""
    fragments = [arguments[at : at + 6] for at in range(0, len(arguments), 6)]
    return [
        call_chunk(index, id, name, ""),
        *(call_chunk(index, arguments=fragment) for fragment in fragments),
    ]


def finish_chunk(reason: str) -> Chunk:
    """Return the chunk with the reason for the end."""
    return chunk({}, reason)


def usage_chunk(
    input_tokens: int, output_tokens: int, cached: int = 0, reasoning: int = 0, written: int = 0
) -> Chunk:
    """Return the chunk with the usage, without choices."""
    usage = {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    return {"choices": [], "usage": usage}


def words(text: str) -> list[str]:
    """Return the words of a text, each with the space before it."""
    return re.findall(r"\s*\S+", text)


def texts(text: str) -> list[Chunk]:
    """Return a text as chunks of a word each."""
    return [text_chunk(word) for word in words(text)]


def saying(body: Body, items: Iterable[T], reason: str = "stop") -> Iterable[T | Chunk]:
    """Yield items as OpenAI does: the role before them, reason and usage after them."""
    yield role_chunk()
    spoken = 0
    for item in items:
        spoken += isinstance(item, dict)
        yield item
    yield finish_chunk(reason)
    if wants_usage(body):
        yield usage_chunk(INPUT_TOKENS, spoken)


# The wire.


def sse(data: Any) -> bytes:
    """Return a value as one server-sent event."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode()


def frame(body: Body, part: Chunk) -> bytes:
    """Return the bytes of a chunk, in answer to this request.

    A chunk without choices, such as an error, is sent unchanged. Others have letters at their end,
    which hide the length of their text, unless the request does without `include_obfuscation`.
    """
    if "choices" not in part:
        return sse(part)
    fields = {**_envelope(body, "chat.completion.chunk"), **part}
    if wants_usage(body):
        fields.setdefault("usage", None)
    if _wants_padding(body):
        fields.setdefault("obfuscation", _padding(sse(fields)))
    return sse(fields)


def _padding(data: bytes) -> str:
    """Return as many letters as fill up the bytes of a chunk, as if at random."""
    return sha256(data).hexdigest()[: -len(data) % _BLOCK]


def whole(body: Body, parts: Iterable[Chunk]) -> dict[str, Any]:
    """Return the reply without streaming that equals the chunks."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    calls: list[dict[str, Any]] = []
    usage, finish = None, None
    for part in parts:
        if "choices" not in part:
            return part
        usage = part.get("usage") or usage
        for choice in part["choices"]:
            finish = choice.get("finish_reason") or finish
            _add_delta(message, calls, choice.get("delta") or {})
    if calls:
        message["tool_calls"] = [
            {key: value for key, value in call.items() if key != "index"} for call in calls
        ]
    choices = [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}]
    reported = {} if usage is None else {"usage": usage}
    return {**_envelope(body, "chat.completion"), "choices": choices, **reported}


def chunks_of(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks in the bytes of a stream."""
    for line in data.splitlines():
        if line.startswith(b"data:") and (text := line[5:].strip()) != b"[DONE]":
            yield json.loads(text)


def _envelope(body: Body, kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-scripted",
        "object": kind,
        "created": 1_700_000_000,
        "model": body.get("model"),
        "system_fingerprint": "fp_scripted",
    }


def _add_delta(
    message: dict[str, Any], calls: list[dict[str, Any]], delta: Mapping[str, Any]
) -> None:
    for key, value in delta.items():
        if key == "tool_calls":
            for fragment in value or ():
                _add_fragment(calls, fragment)
        elif key != "role" and isinstance(value, str):
            message[key] = (message.get(key) or "") + value


def _add_fragment(calls: list[Chunk], fragment: Mapping[str, Any]) -> None:
    index, id = fragment.get("index"), fragment.get("id")
    call = next((call for call in reversed(calls) if call["index"] == index), None)
    if call is None or id not in (None, call["id"]):
        function = {"name": "", "arguments": ""}
        call = {"index": index, "id": id, "type": "function", "function": function}
        calls.append(call)
    new = fragment["function"]
    if (name := new.get("name", "")) != call["function"]["name"]:
        call["function"]["name"] += name
    call["function"]["arguments"] += new.get("arguments", "")
