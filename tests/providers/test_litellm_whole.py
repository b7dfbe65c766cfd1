"""LiteLLM: replies that are not streamed, and the usage of those that fail."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import ModelError, ModelRejected, ModelUnavailable, RateLimited
from rxagent.events import Finish, TextDelta, ToolCallDelta, Usage
from rxagent.models import LiteLLMModel
from rxagent.streams import each

from ..laws import examples
from ..models.raw import answering
from .litellm_replies import PROVIDERS, chat, gemini, ollama, sse

pytest.importorskip("litellm")

WORDS = "The disk is full"
BODIES = [
    ({"error": WORDS}, ModelUnavailable),
    ({"error": {"message": WORDS, "code": 503}}, ModelUnavailable),
    ({"error": {"message": WORDS, "code": 400}}, ModelRejected),
    ({"type": "error", "error": {"type": "overloaded_error", "message": WORDS}}, ModelUnavailable),
    ({"detail": WORDS}, ModelError),
]
MODELS = [
    *("ollama_chat/m", "gemini/gemini-2.0-flash", "anthropic/claude-3-5-haiku", "openai/m"),
    *("mistral/m", "groq/m", "deepseek/m", "openrouter/m", "hosted_vllm/m"),
]


def whole(model, body, status=200, head="", **options):
    """Return the deltas of a reply that is not streamed."""
    data = json.dumps(body).encode()
    lines = f"Content-Type: application/json\r\n{head}Content-Length: {len(data)}"
    reply = f"HTTP/1.1 {status} Reply\r\n{lines}\r\nConnection: close\r\n\r\n".encode() + data
    with answering(reply) as url:
        base = url.removesuffix("/v1")
        asked = LiteLLMModel(model, api_base=base, api_key="key", stream=False, **options)
        return list(each(asked("Hi")))


@given(st.sampled_from(MODELS), st.sampled_from(BODIES))
@examples(30)
def test_an_error_in_the_place_of_a_reply(model, case):
    """It has the words and the meaning that the provider gave it, with a status of 200."""
    body, kind = case
    with pytest.raises(kind, match=WORDS):
        whole(model, body)


@pytest.mark.parametrize("model", MODELS)
def test_an_error_with_a_status(model):
    """The status and the wait that the server names count."""
    body = {"error": {"message": WORDS, "code": 400}}
    with pytest.raises(RateLimited, match=WORDS) as caught:
        whole(model, body, status=429, head="Retry-After: 7\r\n")

    assert 7 == caught.value.retry_after


ENDS = [
    (
        "openai/m",
        lambda word: {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Half"},
                    "finish_reason": word,
                }
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        },
    ),
    ("ollama_chat/m", lambda word: ollama("Half", word)),
    ("gemini/gemini-2.0-flash", lambda word: gemini("Half", word)),
]


@pytest.mark.parametrize(("model", "body"), ENDS, ids=[name for name, _ in ENDS])
def test_the_finish_reason_of_a_whole_reply(model, body):
    """One that no table knows is no `stop`."""
    with pytest.raises(ModelUnavailable, match="ended with 'out_of_luck'"):
        whole(model, body("out_of_luck"))
    assert Finish("stop") in whole(model, body("stop" if "gemini" not in model else "STOP"))


def test_the_logger_of_the_user_is_called():
    """It gets what LiteLLM gives it."""
    logged = []
    found = whole("ollama_chat/m", ollama("Hi", "stop"), logger_fn=logged.append)

    assert TextDelta("Hi") in found
    assert any("Hi" in str(each.get("original_response")) for each in logged)


def streamed(provider, frames):
    """Yield the deltas of a reply of these frames."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {provider.kind}\r\nConnection: close\r\n\r\n"
    with answering(head.encode() + b"".join(frames)) as url:
        base = url.removesuffix("/v1") + provider.path
        yield from each(LiteLLMModel(provider.model, api_base=base, api_key="key")("Hi"))


USED = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


@pytest.mark.parametrize(
    ("name", "frames", "used"),
    [
        ("openai", sse(chat("Half"), {**chat("", "odd_end"), "usage": USED}), (1, 2)),
        ("openrouter", sse(chat("Half"), {**chat("", "odd_end"), "usage": USED}), (1, 2)),
        ("gemini", sse(gemini("Half"), gemini("", "MALFORMED_FUNCTION_CALL")), (1, 1)),
        ("ollama", [json.dumps(ollama("Half", "load")).encode() + b"\n"], (1, 1)),
    ],
)
def test_the_usage_of_a_reply_that_failed(name, frames, used):
    """What stands beside the finish reason was spent, and is known."""
    found = []
    with pytest.raises(ModelUnavailable, match="ended with"):
        for delta in streamed(PROVIDERS[name], frames):
            found.append(delta)

    usages = [delta for delta in found if isinstance(delta, Usage)]
    assert [used] == [(usage.input_tokens, usage.output_tokens) for usage in usages]


@pytest.mark.parametrize("word", ["max_tokens", "model_context_window_exceeded", "tool_use"])
def test_a_call_that_the_limit_cut(word):
    """Anthropic sends what it could read of one, so that its arguments lack their end."""
    use = {"type": "tool_use", "id": "t", "name": "write", "input": {"text": "half of"}}
    usage = {"input_tokens": 1, "output_tokens": 2}
    body = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [use]}
    found = whole("anthropic/claude", {**body, "stop_reason": word, "usage": usage})

    given = "".join(one.arguments or "" for one in found if isinstance(one, ToolCallDelta))
    is_cut = word != "tool_use"
    assert Finish("length" if is_cut else "tool_calls") in found
    assert '{"text": "half of"}'[: -1 if is_cut else None] == given


THOUGHT = "First, I look at the disk, and then I think about it for quite a while. "


def thinking(name, reported):
    """Return a reply with a thought, streamed and in one piece, and how many tokens it says."""
    used = {"prompt_tokens": 1, "completion_tokens": 90, "total_tokens": 91}
    if name == "gemini":
        said = {"parts": [{"text": THOUGHT, "thought": True}, {"text": "Hi"}], "role": "model"}
        own = {"promptTokenCount": 1, "candidatesTokenCount": 90, "totalTokenCount": 91}
        own |= {"thoughtsTokenCount": 7} if reported else {}
        end = gemini("", "STOP")
        end["candidates"][0]["content"] = said
        body = {**end, "usageMetadata": own}
        return sse(body), body
    details = {"completion_tokens_details": {"reasoning_tokens": 7}} if reported else {}
    begin = chat("Hi")
    begin["choices"][0]["delta"]["reasoning_content"] = THOUGHT
    said = {"role": "assistant", "content": "Hi", "reasoning_content": THOUGHT}
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    body = {**chat(""), "object": "chat.completion", "choices": [choice], "usage": used | details}
    return sse(begin, chat("", "stop"), {**chat(""), "choices": [], "usage": used | details}), body


@pytest.mark.parametrize("name", ["openai", "mistral", "openrouter", "gemini"])
@pytest.mark.parametrize("reported", [True, False])
def test_the_tokens_of_a_thought(name, reported):
    """Those that LiteLLM has counted itself are unknown."""
    frames, body = thinking(name, reported)
    provider = PROVIDERS[name]
    replies = streamed(provider, frames), whole(provider.model, body)
    counts = [
        delta.reasoning_tokens for reply in replies for delta in reply if isinstance(delta, Usage)
    ]

    assert [7 if reported else 0] * 2 == counts


@pytest.mark.parametrize("missing", ["prompt_eval_count", "eval_count"])
def test_a_usage_of_ollama_that_it_made_up(missing):
    """A count that is missing is counted by LiteLLM itself, which is no usage."""
    body = ollama("Hi", "stop")
    usages = [delta for delta in whole("ollama_chat/m", body) if isinstance(delta, Usage)]
    del body[missing]

    assert [(1, 1)] == [(usage.input_tokens, usage.output_tokens) for usage in usages]
    assert not any(isinstance(delta, Usage) for delta in whole("ollama_chat/m", body))
