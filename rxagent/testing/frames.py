"""Frames: the chunks of an OpenAI-like answer, and how they look on the wire."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = [
    "DONE",
    "call_chunk",
    "call_chunks",
    "chunk",
    "chunks_of",
    "finish_chunk",
    "frame",
    "reasoning_chunk",
    "refusal_chunk",
    "role_chunk",
    "sse",
    "text_chunk",
    "usage_chunk",
    "wants_usage",
    "whole",
]

Body = Mapping[str, Any]
"""The parsed body of a request."""

Chunk = dict[str, Any]
"""One chunk of an answer, without the fields that are the same in all of them."""

DONE = b"data: [DONE]\n\n"


def chunk(delta: Mapping[str, Any] | None, finish: str | None = None, **fields: Any) -> Chunk:
    """Return a chunk of one choice with this delta; `fields` stand beside the choices."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"choices": [choice], **fields}


def role_chunk() -> Chunk:
    """Return the chunk with which OpenAI begins: it names the role and says nothing."""
    return chunk({"role": "assistant", "content": "", "refusal": None})


def text_chunk(text: str, **fields: Any) -> Chunk:
    """Return a chunk with a piece of the answer's text."""
    return chunk({"content": text}, **fields)


def reasoning_chunk(text: str, field: str = "reasoning_content") -> Chunk:
    """Return a chunk with a piece of reasoning, under the name that the server gives it."""
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
    """Return a chunk with a fragment of a tool call; what is None is left out, the index is not."""
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
    """Return the chunk that says why the answer ends."""
    return chunk({}, reason)


def usage_chunk(
    input_tokens: int, output_tokens: int, cached: int = 0, reasoning: int = 0
) -> Chunk:
    """Return the chunk that reports usage and has no choices."""
    usage = {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    return {"choices": [], "usage": usage}


def wants_usage(body: Body) -> bool:
    """Tell whether the request asks for usage; an answer that is not streamed always has it."""
    options = body.get("stream_options") or {}
    return not body.get("stream") or bool(options.get("include_usage"))


def sse(data: Any) -> bytes:
    """Return a value as one server-sent event."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode()


def frame(body: Body, part: Chunk) -> bytes:
    """Return a chunk as it goes over the wire, in answer to this request.

    A chunk without choices, such as an error, goes as it stands.
    """
    if "choices" not in part:
        return sse(part)
    unreported = {"usage": None} if wants_usage(body) else {}
    return sse({**_envelope(body, "chat.completion.chunk"), **unreported, **part})


def whole(body: Body, parts: Iterable[Chunk]) -> dict[str, Any]:
    """Return the reply that says at once what the chunks say one by one."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    calls: list[dict[str, Any]] = []
    usage, finish = None, None
    for part in parts:
        if "choices" not in part:
            return part
        usage = part.get("usage") or usage
        for choice in part["choices"]:
            finish = choice.get("finish_reason") or finish
            _tell(message, calls, choice.get("delta") or {})
    if calls:
        message["tool_calls"] = [
            {key: value for key, value in call.items() if key != "index"} for call in calls
        ]
    choices = [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}]
    reported = {} if usage is None else {"usage": usage}
    return {**_envelope(body, "chat.completion"), "choices": choices, **reported}


def chunks_of(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks that some bytes of a stream hold."""
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


def _tell(message: dict[str, Any], calls: list[dict[str, Any]], delta: Mapping[str, Any]) -> None:
    for key, value in delta.items():
        if key == "tool_calls":
            for fragment in value or ():
                _add_fragment(calls, fragment)
        elif key != "role" and isinstance(value, str):
            message[key] = (message.get(key) or "") + value


def _add_fragment(calls: list[dict[str, Any]], fragment: Mapping[str, Any]) -> None:
    index, id = fragment.get("index"), fragment.get("id")
    call = next((call for call in reversed(calls) if call["index"] == index), None)
    if call is None or id not in (None, call["id"]):
        function = {"name": "", "arguments": ""}
        call = {"index": index, "id": id, "type": "function", "function": function}
        calls.append(call)
    said = fragment["function"]
    if (name := said.get("name", "")) != call["function"]["name"]:
        call["function"]["name"] += name
    call["function"]["arguments"] += said.get("arguments", "")
