"""What providers send to LiteLLM, and its replies as deltas."""

import json

from attrs import frozen

from rxagent.events import Finish, TextDelta
from rxagent.models import LiteLLMModel
from rxagent.streams import each

from ..models.raw import answering


def sse(*values):
    """Return events without names."""
    return [b"data: " + json.dumps(value).encode() + b"\n\n" for value in values]


def named(*values):
    """Return events that are named as Anthropic's."""
    return [
        b"event: %s\ndata: %s\n\n" % (value["type"].encode(), json.dumps(value).encode())
        for value in values
    ]


def lines(*values):
    """Return lines of JSON."""
    return [json.dumps(value).encode() + b"\n" for value in values]


def chat(text, reason=None):
    """Return a chunk of OpenAI's."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    fields = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**fields, "choices": [choice]}


def gemini(text, reason=None):
    """Return a chunk of Gemini's."""
    finish = {"finishReason": reason} if reason else {}
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **finish}
    used = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    return {"candidates": [candidate], "usageMetadata": used}


def ollama(text, reason=None):
    """Return a line of Ollama's."""
    fields = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": reason is not None}
    end = {"done_reason": reason, "prompt_eval_count": 1, "eval_count": 1} if reason else {}
    return {**fields, "message": {"role": "assistant", "content": text}, **end}


def anthropic(text):
    """Return a piece of Anthropic's."""
    piece = {"type": "text_delta", "text": text}
    return {"type": "content_block_delta", "index": 0, "delta": piece}


BEGUN = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
]


def ended(reason):
    """Return the end of a reply of Anthropic's."""
    used = {"output_tokens": 5}
    return [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": used},
        {"type": "message_stop"},
    ]


def calling(name, arguments):
    """Return a function of a finish reason: the frames of a reply that ends behind a call."""
    given = {"function": {"name": "write", "arguments": arguments}}
    match name:
        case "gemini":
            call = {"functionCall": {"name": "write", "args": arguments}}
            content = {"content": {"parts": [call], "role": "model"}}
            end = gemini("")
            (candidate,) = end.pop("candidates")
            return lambda word: sse(
                {**end, "candidates": [{**candidate, **content, "finishReason": word}]}
            )
        case "ollama":
            message = {"role": "assistant", "content": "", "tool_calls": [given]}
            return lambda word: lines({**ollama(""), "message": message}, ollama("", word))
        case "anthropic":
            use = {"type": "tool_use", "id": "t", "name": "write", "input": {}}
            start = {"type": "content_block_start", "index": 0, "content_block": use}
            delta = {"type": "input_json_delta", "partial_json": arguments}
            piece = {"type": "content_block_delta", "index": 0, "delta": delta}
            return lambda word: named(BEGUN[0], start, piece, *ended(word))
    begin = chat("")
    begin["choices"][0]["delta"] = {"tool_calls": [{"index": 0, "id": "c", **given}]}
    return lambda word: sse(begin, chat("", word))


def responses(text):
    """Return a piece of OpenAI's Responses protocol."""
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return {"type": "response.output_text.delta", "sequence_number": 1, **place, "delta": text}


def response(status, text=""):
    """Return an event of a response in a state."""
    part = {"type": "output_text", "text": text, "annotations": []}
    said = {"id": "msg_1", "type": "message", "role": "assistant", "content": [part]}
    used = {"input_tokens": 1, "output_tokens": 5, "total_tokens": 6}
    fields = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "tools": []}
    fields |= {"output": [{**said, "status": status}] if text else [], "usage": used}
    fields |= {"parallel_tool_calls": True, "tool_choice": "auto", "status": status}
    return {"type": f"response.{status}", "sequence_number": 1, "response": fields}


def watsonx(text, reason="not_finished"):
    """Return a chunk of watsonx."""
    used = {"generated_token_count": 2, "input_token_count": 1}
    return {"results": [{"generated_text": text, **used, "stop_reason": reason}]}


@frozen
class Provider:
    """A provider, as LiteLLM names it, and what it sends."""

    model: str
    stop: str
    begin: list
    end: object
    text: object
    frames: object = sse
    kind: str = "text/event-stream"
    path: str = ""


def _of_chat(model, path=""):
    return Provider(model, "stop", [], lambda word: [chat("", word)], chat, path=path)


PROVIDERS = {
    "openai": _of_chat("openai/m", "/v1"),
    "mistral": _of_chat("mistral/m"),
    "groq": _of_chat("groq/m"),
    "openrouter": _of_chat("openrouter/m"),
    "gemini": Provider(
        "gemini/gemini-2.0-flash", "STOP", [], lambda word: [gemini("", word)], gemini
    ),
    "anthropic": Provider("anthropic/claude-3-5-haiku", "end_turn", BEGUN, ended, anthropic, named),
    "ollama": Provider(
        "ollama_chat/m",
        "stop",
        [],
        lambda word: [ollama("", word)],
        ollama,
        lines,
        "application/x-ndjson",
    ),
}


def deltas_of(provider, frames, request="Hi"):
    """Return the deltas of a reply of these frames."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {provider.kind}\r\nConnection: close\r\n\r\n".encode()
    with answering(head + b"".join(frames)) as url:
        base = url.removesuffix("/v1") + provider.path
        model = LiteLLMModel(provider.model, api_base=base, api_key="key")
        return list(each(model(request)))


def read(provider, frames, request="Hi"):
    """Return the text of a reply of these frames; it must end as one that is whole."""
    found = deltas_of(provider, frames, request)
    assert [Finish("stop")] == [delta for delta in found if isinstance(delta, Finish)]
    return "".join(delta.text for delta in found if isinstance(delta, TextDelta))


def frames_of(provider, reason):
    """Return the frames of a reply that ends for a reason; each text is in one of its own."""
    texts = [provider.text("Half "), provider.text("answer")]
    return provider.frames(*provider.begin, *texts, *provider.end(reason))


THROUGH_RESPONSES = Provider(
    "openai/responses/gpt-5-mini",
    "completed",
    [response("in_progress")],
    lambda word: [response(word, "Half answer")],
    responses,
    named,
)
WATSONX = Provider(
    "watsonx_text/m", "eos_token", [], lambda word: [watsonx("", word)], watsonx, path="/"
)
