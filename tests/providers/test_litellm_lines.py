"""LiteLLM: what a provider itself has sent decides whether a reply is whole."""

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import ModelError, ModelRejected, ModelUnavailable
from rxagent.events import Finish, ToolCallDelta
from rxagent.finish_reasons import finish_of
from rxagent.messages import Message, Request, ToolSpec

from ..laws import examples
from .litellm_replies import (
    BEGUN,
    PROVIDERS,
    THROUGH_RESPONSES,
    WATSONX,
    calling,
    chat,
    deltas_of,
    frames_of,
    gemini,
    lines,
    named,
    read,
    sse,
)

pytest.importorskip("litellm")

FEW = examples(12)
"""Each example is a request over a socket."""


by_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


@by_provider
def test_a_whole_reply(provider):
    """A reply that has its finish reason is whole."""
    assert "Half answer" == read(provider, frames_of(provider, provider.stop))


@by_provider
def test_a_reply_that_was_cut(provider):
    """A reply without its finish reason broke off, wherever it ends."""
    frames = frames_of(provider, provider.stop)
    has_reason = next(
        at for at, frame in enumerate(frames) if f'"{provider.stop}"'.encode() in frame
    )
    for end in range(len(provider.begin) + 1, has_reason + 1):
        with pytest.raises(ModelUnavailable):
            read(provider, frames[:end])


@pytest.mark.parametrize("model", ["openai/responses/gpt-5-mini", "openai/gpt-5-codex"])
def test_a_reply_through_responses(model):
    """The end of a response is its finish reason, and a response without one broke off."""
    provider = evolve(THROUGH_RESPONSES, model=model)
    frames = frames_of(provider, "completed")

    assert "Half answer" == read(provider, frames)
    with pytest.raises(ModelError):
        read(provider, frames[:-1])
    with pytest.raises(ModelError):
        read(provider, frames_of(provider, "failed"))


def test_a_reply_of_watsonx(monkeypatch):
    """Its reason stands in its results, and each chunk before the last is `not_finished`."""
    monkeypatch.setenv("WATSONX_PROJECT_ID", "p")
    monkeypatch.setenv("WATSONX_TOKEN", "t")

    assert "Half answer" == read(WATSONX, frames_of(WATSONX, "eos_token"))
    with pytest.raises(ModelError):
        read(WATSONX, frames_of(WATSONX, "error"))


KNOWN = "MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL FINISH_REASON_UNSPECIFIED load error ERROR"
WORDS = st.sampled_from([*KNOWN.split(), "overloaded_error", "network_error"]) | st.text(
    alphabet="abcdefgh_", min_size=3, max_size=12
).filter(lambda word: not finish_of(word))


@by_provider
@FEW
@given(WORDS)
def test_a_reason_that_no_table_knows(provider, word):
    """A finish reason that no table knows is an error, though LiteLLM makes it `stop`."""
    with pytest.raises(ModelError):
        read(provider, frames_of(provider, word))


FAILURES = st.sampled_from(
    [
        {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}},
        {"error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"code": 503, "message": "overloaded"},
        {"detail": "Internal server error"},
        {"object": "error", "message": "overloaded"},
        {"error": ""},
        {"type": "error", "error": {}},
        {"base_resp": {"status_code": 1002, "status_msg": "busy"}},
        {"x_groq": {"error": "over capacity"}},
        {"error_code": 500, "error_message": "boom"},
    ]
)


@by_provider
@FEW
@given(FAILURES, st.integers(0, 2))
def test_a_failure_in_midstream(provider, failure, place):
    """An error among the lines is one, though LiteLLM drops it, and the reply goes on."""
    frames = frames_of(provider, provider.stop)
    frames.insert(
        len(provider.begin) + place, (lines if provider.frames is lines else sse)(failure)[0]
    )

    with pytest.raises(ModelError):
        read(provider, frames)


FOREIGN = st.one_of(
    st.dictionaries(
        st.sampled_from(["__type", "exception", "Message", "failure", "reason", "trace"]),
        st.text("xyz", min_size=1),
        min_size=1,
        max_size=2,
    ).flatmap(lambda value: st.sampled_from([sse(value)[0], *lines(value)])),
    st.sampled_from(["detail", "message"]).map(lambda name: sse({"choices": [], name: "lost"})[0]),
    st.sampled_from([b"Internal Server Error\n\n", b"<html>502 Bad Gateway</html>\n\n"]),
)


@pytest.mark.parametrize("name", ["openai", "mistral", "groq", "openrouter"])
@FEW
@given(FOREIGN, st.integers(1, 2))
def test_what_belongs_to_no_reply(name, failure, place):
    """What belongs to no reply is an error in mid-stream, though LiteLLM drops it."""
    provider = PROVIDERS[name]
    frames = frames_of(provider, provider.stop)
    frames.insert(place, failure)

    with pytest.raises(ModelError):
        read(provider, frames)


def test_what_only_keeps_a_connection_open():
    """A sign of life among the chunks, and anything behind the finish reason, is no error."""
    provider = PROVIDERS["openai"]
    alive = [b": ping\n\n", b"event: ping\ndata: {}\n\n", *sse({"type": "ping"}, {"choices": []})]
    begin, *others = frames_of(provider, provider.stop)

    assert "Half answer" == read(provider, [begin, *alive, *others, *sse({"trace": "x"})])


FAILED = {"code": 503, "message": "overloaded", "type": "overloaded_error"}
INSIDE = [
    {"choices": [{"index": 0, "delta": {"content": ""}, "error": FAILED}]},
    {"choices": [{"index": 0, "delta": {"content": "", "error": FAILED}}]},
    {"choices": [{"index": 0, "delta": {"role": "error", "content": "boom"}}]},
    {"choices": [{"index": 0, "delta": {}, "message": {"content": "", "error": FAILED}}]},
    {"choices": [{"index": 0, "delta": {"content": "", "type": "error"}}]},
]
RAW = [
    json.dumps({"error": FAILED}).encode() + b"\n\n",
    json.dumps({"error": FAILED}, indent=1).encode() + b"\n\n",
    json.dumps([{"error": FAILED}]).encode() + b"\n\n",
    b'event: failed\ndata: {"x": 1}\n\n',
    b'event: server_error\ndata: {"x": 1}\n\n',
    b"error: boom\n\n",
]


def test_a_failure_in_any_disguise():
    """An error is one inside of a choice, in a line of its own, and by the name of an event."""
    provider = PROVIDERS["openai"]
    chunks = [{**chat(""), **inside} for inside in INSIDE]
    for failure in (*sse(*chunks), *RAW):
        for place in (0, 2):
            frames = frames_of(provider, provider.stop)
            frames.insert(place, failure)
            with pytest.raises(ModelError):
                read(provider, frames)


def test_a_failure_behind_the_finish_reason():
    """An error beside the usage is one, though the finish reason came before it."""
    used = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    last = {**chat(""), "choices": [], "usage": used, "error": FAILED}
    with pytest.raises(ModelError, match="overloaded"):
        read(PROVIDERS["openai"], sse(chat("Half answer"), chat("", "stop"), last))


def test_a_failure_inside_of_a_candidate():
    """An error of Gemini's is one, though the candidate has a finish reason."""
    candidate = gemini("answer", "STOP")["candidates"][0]
    with pytest.raises(ModelError):
        read(
            PROVIDERS["gemini"],
            sse(gemini("Half "), {"candidates": [candidate | {"error": FAILED}]}),
        )


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_error_of_ollama_has_no_status(place):
    """LiteLLM invents one, by which the request would be wrong."""
    provider = PROVIDERS["ollama"]
    frames = frames_of(provider, provider.stop)
    frames.insert(place, lines({"error": "while running the model: unexpected EOF"})[0])

    with pytest.raises(ModelUnavailable, match="while running the model: unexpected EOF"):
        read(provider, frames)


@pytest.mark.parametrize(
    ("word", "reason"),
    [("SAFETY", "content_filter"), ("MAX_TOKENS", "length"), ("STOP", "tool_calls")],
)
def test_a_call_of_gemini_in_its_last_chunk(word, reason):
    """What ended the reply counts, though LiteLLM says `tool_calls` wherever there are some."""
    last = gemini("", word)
    call = {"functionCall": {"name": "add", "args": {"a": 1}}}
    last["candidates"][0]["content"] = {"role": "model", "parts": [call]}

    assert Finish(reason) in deltas_of(PROVIDERS["gemini"], sse(last))


@pytest.mark.parametrize("arguments", [{"a": 1.5, "text": "half of"}, {}])
@pytest.mark.parametrize(
    ("name", "limit", "end"),
    [
        ("openai", "length", "tool_calls"),
        ("mistral", "length", "tool_calls"),
        ("gemini", "MAX_TOKENS", "STOP"),
        ("ollama", "length", "stop"),
    ],
)
def test_a_call_that_the_limit_cut(name, limit, end, arguments):
    """The provider has read its arguments, and sent what it had of them as an object."""
    assert json.dumps(arguments)[:-1] == arguments_of(name, arguments, limit)
    assert json.dumps(arguments) == arguments_of(name, arguments, end)


@pytest.mark.parametrize("text", ['{"a": 1}', "{}"])
@pytest.mark.parametrize(
    ("name", "limit"), [("openai", "length"), ("mistral", "length"), ("anthropic", "max_tokens")]
)
def test_a_whole_call_at_the_limit(name, limit, text):
    """Arguments that came as text are the model's own."""
    assert text == arguments_of(name, text, limit)


def arguments_of(name, arguments, word):
    """Return the arguments of a call of which a provider's reply with a finish reason consists."""
    found = deltas_of(PROVIDERS[name], calling(name, arguments)(word))
    return "".join(one.arguments or "" for one in found if isinstance(one, ToolCallDelta))


def test_a_blocked_prompt_of_gemini():
    """A reply without candidates says why in its feedback on the prompt."""
    blocked = {"promptFeedback": {"blockReason": "OTHER"}, "usageMetadata": {"totalTokenCount": 5}}

    assert Finish("content_filter") in deltas_of(PROVIDERS["gemini"], sse(blocked))


def test_a_stop_sequence_beside_a_finish_reason():
    """The stop sequence that vLLM reports is no finish reason."""
    provider = PROVIDERS["openai"]
    end = chat("", "stop")
    end["choices"][0]["stop_reason"] = "###"

    assert "Half answer" == read(provider, sse(chat("Half "), chat("answer"), end))


@pytest.mark.parametrize("usage", [1.5, "a", [1], {"prompt_tokens": "x"}, {"total_tokens": -1.5}])
@pytest.mark.parametrize("name", ["openai", "mistral"])
def test_a_usage_that_cannot_be_read(name, usage):
    """It costs nothing of the text, wherever it stands."""
    provider = PROVIDERS[name]
    for place in (0, 1):
        chunks = [chat("Half "), chat("answer"), chat("", "stop")]
        chunks[place]["usage"] = usage

        assert "Half answer" == read(provider, sse(*chunks))


@pytest.mark.parametrize("usage", [1.5, "a", [1], {"input_tokens": "x", "promptTokenCount": "x"}])
@pytest.mark.parametrize("name", ["anthropic", "gemini"])
def test_a_usage_of_another_name_that_cannot_be_read(name, usage):
    """It costs nothing of the text either."""
    provider = PROVIDERS[name]
    if name == "gemini":
        frames = sse(gemini("Half "), {**gemini("answer", "STOP"), "usageMetadata": usage})
    else:
        start = {**BEGUN[0], "message": {**BEGUN[0]["message"], "usage": usage}}
        frames = named(start) + frames_of(provider, provider.stop)[1:]

    assert "Half answer" == read(provider, frames)


@pytest.mark.parametrize("odd", ["x", 5, ["x"], None])
def test_fields_of_vendors_that_cannot_be_read(odd):
    """They cost nothing of the text."""
    chunk = chat("Half answer")
    chunk["choices"][0]["delta"]["provider_specific_fields"] = odd

    assert "Half answer" == read(PROVIDERS["openai"], sse(chunk, chat("", "stop")))


SCHEMA = {
    "type": "object",
    "title": "T",
    "properties": {
        "a": {"type": "integer", "minimum": 1, "default": 3},
        "b": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "c": {"$ref": "#/$defs/X"},
    },
    "required": ["a"],
    "$defs": {"X": {"type": "object", "properties": {"n": {"type": "string"}}}},
}


@by_provider
@pytest.mark.parametrize("what", ["tools", "output"])
def test_what_litellm_may_change(provider, what):
    """It changes tools and schemas, which are shared: it gets copies of them."""
    given = {"tools": [ToolSpec("add", "Add.", SCHEMA)]} if what == "tools" else {"output": SCHEMA}
    request = Request([Message("user", "Hi")], **given)
    before = repr(request)
    frames = frames_of(provider, provider.stop)
    if what == "output" and provider.model.partition("/")[0] in ("anthropic", "groq"):
        pytest.skip("LiteLLM asks for a call, or for a whole reply")

    assert "Half answer" == read(provider, frames, request)
    assert before == repr(request)


NAMES = "tool_calls function_call images audio annotations thinking_blocks reasoning_items refusal"
NAMED = st.sampled_from([*NAMES.split(), "reasoning_content", "provider_specific_fields"])
SCALARS = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", 1.5])
ODD = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=2),
    st.just({}),
    st.lists(st.just({}) | st.just({"index": 0, "function": {}}), min_size=1, max_size=2),
)


@pytest.mark.parametrize("name", ["openai", "mistral", "groq", "openrouter"])
@FEW
@given(st.dictionaries(NAMED, ODD, min_size=1, max_size=2), st.integers(0, 1))
def test_no_field_of_a_delta_costs_the_text(name, odd, place):
    """Whatever stands beside the text of a delta, the text arrives."""
    chunks = [chat("Half "), chat("answer"), chat("", "stop")]
    chunks[place]["choices"][0]["delta"] |= odd

    assert "Half answer" == read(PROVIDERS[name], sse(*chunks))


@pytest.mark.parametrize("has_call", [True, False])
def test_a_reply_that_another_model_took_over(has_call):
    """No call is run that may be one of a model that declined; text goes on."""
    provider = PROVIDERS["anthropic"]
    begin, *rest = frames_of(provider, provider.stop)
    call = {"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {}}
    blocks = [*([call] if has_call else []), {"type": "fallback", "from": {}, "to": {}}]
    early = [
        frame
        for at, block in enumerate(blocks)
        for frame in (
            *named({"type": "content_block_start", "index": at, "content_block": block}),
            *named({"type": "content_block_stop", "index": at}),
        )
    ]
    if has_call:
        with pytest.raises(ModelRejected, match="another one took over"):
            read(provider, [begin, *early, *rest])
    else:
        assert "Half answer" == read(provider, [begin, *early, *rest])
