"""OpenAI's models, called through the real SDK over a real socket."""

import pickle

import pytest

from rxagent import CodeAgent
from rxagent.errors import ModelRejected
from rxagent.events import Finish, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from rxagent.messages import Message, Request, ToolCall, ToolSpec
from rxagent.models import AzureOpenAIModel, OpenAIModel, resolve
from rxagent.operators import normalise
from rxagent.state import Draft, grow
from rxagent.streams import each
from rxagent.testing.frames import (
    call_chunk,
    chunk,
    finish_chunk,
    text_chunk,
    usage_chunk,
)
from rxagent.testing.scenarios import Reply
from rxagent.testing.scripts import PLAIN

PIECES = ["Hello", " from", " the", " scripted", " model."]

STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])

SEARCH = ToolSpec("web_search", "Search the web.", {"type": "object", "properties": {}})
ADD = ToolSpec(
    "add",
    "Add two integers.",
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)
SUMS = Request((Message("user", "What is 2 + 3, and 4 + 5?"),), (ADD,))
FIRST, SECOND = '{"a": 2, "b": 3}', '{"a": 4, "b": 5}'


def deltas(name, request="Hi", **options):
    """Return the deltas of one answer."""
    return list(each(OpenAIModel(name, **options)(request)))


def folded(found):
    """Return the message and the usage that deltas make."""
    draft, usage = Draft(), None
    for delta in found:
        draft = grow(draft, delta)
        if isinstance(delta, Usage):
            usage = Usage.sum(usage, delta)
    return draft.message, usage


def answer(name, request="Hi", **options):
    """Return the message and the usage of one answer, the fragments of its calls normalised."""
    return folded(each(OpenAIModel(name, **options)(request).pipe(normalise())))


def serve(server, *items):
    """Let the server send this for a model, and return the name of that model."""
    server.scenario("here", lambda body: items)
    return "here"


# Texts.


def test_text(server):
    """Text comes piece by piece, then the finish reason, then the usage."""
    assert [*map(TextDelta, PIECES), Finish("stop"), Usage(10, 5, model="plain")] == deltas("plain")


def test_whole_text(server):
    """A reply that is not streamed gives the same, in one piece."""
    assert [TextDelta(PLAIN), Finish("stop"), Usage(10, 5, model="plain")] == deltas(
        "plain", stream=False
    )
    assert server.requests[0].body["stream"] is False


@STREAMED
@pytest.mark.parametrize("name", ["reasoning", "reasoning-alt", "think-tags"])
def test_reasoning(server, name, stream):
    """Thoughts are separated from the answer, in whichever way a server sends them."""
    message, _ = answer(name, stream=stream)

    assert ("Let me think.", PLAIN) == (message.reasoning, message.text)


def test_reasoning_sent_twice(server):
    """A thought that comes under both names is read once."""
    both = {"reasoning": "Hm.", "reasoning_content": "Hm."}

    thought, *rest = deltas(serve(server, chunk(both), finish_chunk("stop")))

    assert ("Hm.", [Finish("stop")]) == (thought.text, rest)


def test_content_in_parts(server):
    """Content may be a list of parts, thoughts among them."""
    part = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    parts = [part, {"type": "text", "text": "Yes"}]
    name = serve(server, chunk({"content": parts}), text_chunk("."), finish_chunk("stop"))

    thought, kept, *rest = deltas(name)
    assert [ReasoningDelta("Hm."), TextDelta("Yes"), TextDelta("."), Finish("stop")] == [
        thought,
        *rest,
    ]
    assert {"message": {"content": [part]}, "of_model": "here"} == kept.extra[0].data


@STREAMED
def test_refusal(server, stream):
    """A refusal has deltas of its own, and no text."""
    found = deltas("refusal", stream=stream)
    pieces = [delta.text for delta in found if isinstance(delta, RefusalDelta)]

    assert "I cannot help with that." == "".join(pieces)
    assert not [delta for delta in found if isinstance(delta, TextDelta)]


@STREAMED
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("plain", "stop"),
        ("length-text", "length"),
        ("content-filter", "content_filter"),
        ("tools", "tool_calls"),
    ],
)
def test_finish(server, name, reason, stream):
    """An answer says once why it ends."""
    found = deltas(name, SUMS, stream=stream)

    assert [Finish(reason)] == [delta for delta in found if isinstance(delta, Finish)]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [("function_call", "tool_calls"), ("max_tokens", "length"), ("eos", "stop"), ("STOP", "stop")],
)
def test_finish_of_other_servers(server, sent, reason):
    """Reasons that other servers name otherwise are emitted in our words."""
    assert [Finish(reason)] == deltas(serve(server, finish_chunk(sent), finish_chunk(sent)))


# Usage.


@STREAMED
@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("plain", Usage(10, 5, model="plain")),
        ("usage-last", Usage(5, 6, 3, 2, model="usage-last")),
        ("usage-with-content", Usage(5, 6, model="usage-with-content")),
        ("usage-cumulative", Usage(5, 5, model="usage-cumulative")),
        ("usage-none", None),
    ],
)
def test_usage(server, name, usage, stream):
    """All reports add up to the provider's total of the model; no report is unknown, not zero."""
    assert usage == answer(name, stream=stream)[1]


def test_usage_without_choices(server):
    """A chunk without choices has no text, and one usage."""
    name = serve(server, text_chunk("Hi"), finish_chunk("stop"), usage_chunk(5, 6))

    assert [TextDelta("Hi"), Finish("stop"), Usage(5, 6, model="here")] == deltas(name)


def test_usage_with_content(server):
    """A chunk with both text and usage gives both."""
    name = serve(server, {**text_chunk("Hi"), "usage": usage_chunk(5, 6)["usage"]})

    assert [TextDelta("Hi"), Usage(5, 6, model="here")] == deltas(name)


def test_usage_in_two_parts(server):
    """Reports that complement each other add up, as totals that grow do."""
    name = serve(server, usage_chunk(5, 0), text_chunk("Hi"), usage_chunk(0, 6), usage_chunk(5, 6))

    assert [Usage(5, 0, model="here"), TextDelta("Hi"), Usage(0, 6, model="here")] == deltas(name)


def test_usage_before_and_after_the_finish(server):
    """A report before the finish reason does not hide the one after it."""
    name = serve(server, usage_chunk(5, 0), finish_chunk("stop"), 0.02, usage_chunk(5, 6))

    assert [Usage(5, 0, model="here"), Finish("stop"), Usage(0, 6, model="here")] == deltas(name)


def test_usage_of_zeros(server):
    """A report of nothing but zeros is none."""
    assert [Finish("stop")] == deltas(serve(server, usage_chunk(0, 0), finish_chunk("stop")))


def test_usage_unasked(server):
    """A server that does not know the option gets no such option, and still ends well."""
    found = deltas("plain", stream_options=None)

    assert "stream_options" not in server.requests[0].body
    assert Finish("stop") == found[-1]


# Tool calls.


CALL = ToolCall("call_1", "add", FIRST)
OTHER = ToolCall("call_2", "add", SECOND)
MADE = ToolCall("call_1_1_0", "add", FIRST), ToolCall("call_1_1_1", "add", SECOND)


@STREAMED
@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("tools", (CALL,)),
        ("parallel", (CALL, OTHER)),
        ("same-index-other-id", (CALL, OTHER)),
        ("none-index", (CALL, OTHER)),
        ("no-id", MADE),
        ("name-in-pieces", (CALL,)),
        ("name-repeated", (CALL,)),
        ("bad-arguments", (ToolCall("call_1", "add", '{"a": '),)),
    ],
)
def test_calls(server, name, calls, stream):
    """However a server numbers and splits its calls, they are separate and whole."""
    assert calls == answer(name, SUMS, stream=stream)[0].tool_calls


def test_fragments_and_text(server):
    """Text, raw fragments of a call and a usage come as they were sent."""
    name = serve(
        server,
        text_chunk("Hi"),
        text_chunk(" everyone"),
        text_chunk(", it's"),
        {**text_chunk(""), **call_chunk(0, "call_1", "web_search", "")},
        call_chunk(0, arguments=' {"'),
        call_chunk(0, arguments='query": "current pope name and date of birth"}'),
        usage_chunk(1348, 24),
    )
    found = deltas(name)
    message, usage = folded(found)

    assert [
        ToolCallDelta(0, "call_1", "web_search", ""),
        ToolCallDelta(0, arguments=' {"'),
        ToolCallDelta(0, arguments='query": "current pope name and date of birth"}'),
    ] == found[3:6]
    assert "Hi everyone, it's" == message.text
    assert [' {"query": "current pope name and date of birth"}'] == [
        call.arguments for call in message.tool_calls
    ]
    assert 1372 == usage.total_tokens


def test_two_calls_without_usage(server):
    """Two calls of five fragments each, whose usage is unknown."""
    fragments = ['{"', "input", '": "', "output{}", '"}']
    name = serve(
        server,
        chunk({"role": "assistant"}),
        *(
            part
            for index in (0, 1)
            for part in [
                call_chunk(index, f"call_{index}", "tool", ""),
                *(call_chunk(index, arguments=f.replace("{}", f"{index + 1}")) for f in fragments),
            ]
        ),
    )
    message, usage = answer(name)

    assert ['{"input": "output1"}', '{"input": "output2"}'] == [
        call.arguments for call in message.tool_calls
    ]
    assert usage is None


def test_arguments_as_an_object(server):
    """Arguments that are no text, but JSON in JSON, become the text they are meant to be."""
    call = {"index": 0, "id": "c", "function": {"name": "add", "arguments": {"a": 2}}}

    assert [ToolCallDelta(0, "c", "add", '{"a": 2}')] == deltas(
        serve(server, chunk({"tool_calls": [call]}))
    )


def test_whole_calls_without_ids(server):
    """Calls of a whole reply are separated by their positions."""
    calls = [{"function": {"name": "now", "arguments": ""}} for _ in range(2)]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    reply = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    name = serve(server, Reply(200, reply))

    assert ["now", "now"] == [call.name for call in answer(name, stream=False)[0].tool_calls]


def test_function_call(server):
    """The one call of times before tool calls is a call as well."""
    pieces = [{"name": "add", "arguments": ""}, {"arguments": FIRST}]
    name = serve(server, *(chunk({"function_call": piece}) for piece in pieces))

    assert [ToolCall("call_1_1_0", "add", FIRST)] == list(answer(name)[0].tool_calls)


# Odd chunks.


@STREAMED
@pytest.mark.parametrize(
    "name", ["azure-first-empty-choices", "null-delta", "crlf", "no-done", "plain"]
)
def test_odd_streams(server, name, stream):
    """Streams that differ in form alone say the same."""
    assert PLAIN == answer(name, stream=stream)[0].text


@STREAMED
@pytest.mark.parametrize("name", ["empty-deltas", "unknown-fields"])
def test_odd_chunks(server, name, stream):
    """Chunks that say nothing are nothing, and fields that are unknown are left alone."""
    assert "Hello there" == answer(name, stream=stream)[0].text


@STREAMED
def test_characters_in_pieces(server, stream):
    """A character whose bytes come one by one is whole."""
    assert "Grüße 你好 🎈" == answer("split-utf8", stream=stream)[0].text


def test_null_delta(server):
    """A delta that is null adds nothing to its finish reason."""
    assert [TextDelta("Hi"), Finish("stop")] == deltas(
        serve(server, text_chunk("Hi"), chunk(None, "stop"))
    )


NOTHING = [None, {}, {"index": 0}, {"index": 0, "delta": None}]
NOTHING += [{"delta": fields} for fields in ({"refusal": True}, {"tool_calls": [None]})]


@pytest.mark.parametrize("choice", NOTHING, ids=str)
def test_choices_that_say_nothing(server, choice):
    """A choice that says nothing is nothing, and the text goes on."""
    parts = text_chunk("Hi"), {"choices": [choice]}, text_chunk(" you"), finish_chunk("stop")

    assert "Hi you" == answer(serve(server, *parts))[0].text


def test_whole_reply_to_a_streamed_request(server):
    """A server that cannot stream answers whole, and is understood."""
    message = {"role": "assistant", "content": "Hi"}
    reply = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

    assert [TextDelta("Hi"), Finish("stop")] == deltas(serve(server, Reply(200, reply)))


def test_other_choices(server):
    """Only the first of several choices is read."""
    second = {"index": 1, "delta": {"content": "No"}, "finish_reason": None}
    both = {"choices": [second, *text_chunk("Yes")["choices"]]}

    assert [TextDelta("Yes"), Finish("stop")] == deltas(serve(server, both, finish_chunk("stop")))


# The request.


def test_least_request(server):
    """Nothing is sent beside the request, except the option that reports usage."""
    deltas("plain")

    assert {
        "model": "plain",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    } == server.requests[0].body


def test_options(server):
    """Options go to the provider, a request's before the model's, and None takes one out."""
    model = OpenAIModel("plain", temperature=0.5, top_k=3, seed=1)
    request = Request((Message("user", "Hi"),), options={"temperature": 0, "seed": None, "x": [1]})
    list(each(model(request)))

    body = server.requests[0].body
    assert (0, 3, [1]) == (body["temperature"], body["top_k"], body["x"])
    assert "seed" not in body


def test_options_of_the_call(server):
    """What the SDK's call takes goes to the call: headers, query and more of a body."""
    deltas(
        "plain",
        extra_headers={"X-Test": "1"},
        extra_query={"q": "2"},
        extra_body={"more": 3},
        timeout=5,
    )
    (request,) = server.requests

    assert ("1", 3) == (request.headers["x-test"], request.body["more"])
    assert "q=2" in request.path
    assert "timeout" not in request.body


def test_headers_that_are_no_dict(server):
    """They are rejected, before anything is sent."""
    with pytest.raises(ModelRejected, match="'list' object"):
        deltas("plain", extra_headers=[("X-Test", "1")])


def test_the_administrators_key_is_not_sent(server, monkeypatch):
    """The SDK knows of a second key, which is not for models."""
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "administrator")
    deltas("plain")
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ModelRejected):
        deltas("plain")

    assert ["Bearer key"] == [request.headers["authorization"] for request in server.requests]


@pytest.mark.parametrize("name", ["stream", "messages", "model", "tools", "n"])
def test_reserved_options(server, name):
    """What the request says itself is refused by name among its options, and not sent."""
    model = OpenAIModel("plain")
    request = Request((Message("user", "Hi"),), options={name: []})

    with pytest.raises(ModelRejected, match=f"options named {name}"):
        list(each(model(request)))
    assert [] == server.requests


@pytest.mark.parametrize("name", ["messages", "tools", "retry", "custom_role_conversions"])
def test_refused_arguments(name):
    """An argument that would be misunderstood is refused by name, with what to do."""
    with pytest.raises(TypeError, match=rf"\b{name}\b.{{20}}"):
        OpenAIModel("plain", **{name: None})


@pytest.mark.parametrize("place", ["openai", "azure", "another", "groq"])
def test_a_schema_beside_tools(place):
    """OpenAI and Azure take both; others would refuse them, or let the model call no tool."""
    model = {
        "openai": lambda: OpenAIModel("m"),
        "azure": lambda: AzureOpenAIModel("m", azure_endpoint="http://here", api_version="1"),
        "another": lambda: OpenAIModel("m", api_base="http://here"),
        "groq": lambda: resolve("groq:m"),
    }[place]()
    origin = f"{model.provider} http://here" if place in ("azure", "another") else model.provider
    schema = {"title": "An answer", "type": "object", "properties": {}}
    both, alone = (
        model._call(Request("Hi", tools, output=schema), origin)["body"] for tools in ([ADD], [])
    )

    assert "response_format" in alone
    assert ("response_format" in both) is (place in ("openai", "azure"))


@pytest.mark.parametrize(
    ("name", "api"),
    [
        ("gpt-5-mini", "chat"),
        ("gpt-5.4", "chat"),
        ("gpt-5.6-sol", "responses"),
        ("gpt-5.12", "responses"),
        ("gpt-6-luna", "responses"),
        ("gpt-50", "chat"),
    ],
)
def test_the_protocol_of_a_model(name, api, monkeypatch):
    """Newer models of OpenAI's take tools in Responses alone; other servers speak chat."""
    assert api == OpenAIModel(name)._api == pickle.loads(pickle.dumps(OpenAIModel(name)))._api
    assert "chat" == OpenAIModel(name, api="chat")._api
    assert "responses" == OpenAIModel(name, api="responses")._api
    assert "chat" == OpenAIModel(name, api_base="http://here")._api == resolve(f"groq:{name}")._api
    monkeypatch.setenv("OPENAI_BASE_URL", "http://here")
    assert "chat" == OpenAIModel(name)._api


def test_tools_and_output(server):
    """Tools are functions, and a schema for the answer is the response format."""
    schema = {"title": "An answer", "type": "object", "properties": {}}
    bare = ToolSpec("now", "Tell the time.")
    list(each(OpenAIModel("plain")(Request(SUMS.messages, (ADD, bare)))))
    list(each(OpenAIModel("plain")(Request(SUMS.messages, output=schema))))
    body, asked = (request.body for request in server.requests)

    assert {
        "type": "function",
        "function": {
            "name": "add",
            "description": "Add two integers.",
            "parameters": dict(ADD.parameters),
        },
    } == body["tools"][0]
    assert {"type": "object", "properties": {}} == body["tools"][1]["function"]["parameters"]
    assert {"type": "json_schema", "json_schema": {"name": "An_answer", "schema": schema}} == asked[
        "response_format"
    ]


STOPS = tuple("abcdef")


@pytest.mark.parametrize(
    ("model_id", "sent"),
    [
        ("plain", ["a", "b", "c", "d"]),
        ("gpt-4.1", ["a", "b", "c", "d"]),
        ("o3", None),
        ("openai/o4-mini-2025-04-16", None),
        ("gpt-5-mini", None),
        ("GPT-5.1", None),
        ("x-ai/grok-4", None),
        ("grok-3-mini-fast", None),
        ("grok-3", ["a", "b", "c", "d"]),
        ("photo3", ["a", "b", "c", "d"]),
    ],
)
def test_stops_sent(server, model_id, sent):
    """Stops are sent, as many as are taken, but to families that refuse them."""
    server.scenario(model_id, lambda body: [text_chunk("xyz"), finish_chunk("stop")])
    list(each(OpenAIModel(model_id)(Request(SUMS.messages, stop=STOPS))))

    assert sent == server.requests[0].body.get("stop")


@STREAMED
@pytest.mark.parametrize("model_id", ["plain", "o3"])
def test_stops_kept(server, model_id, stream):
    """Whether the provider keeps to the stops or not, the answer ends there."""
    server.scenario("o3", lambda body: [*map(text_chunk, PIECES), finish_chunk("stop")])
    message, _ = answer(model_id, Request(SUMS.messages, stop=("scrip",)), stream=stream)

    assert "Hello from the " == message.text


@STREAMED
def test_code_that_writes_a_tag(server, stream):
    """The text at which a provider may stop is a part of code that has it in a string."""
    code = '<code>\nfinal_answer("a </code> b")\n</code>'
    server.scenario("m", lambda body: [*map(text_chunk, code), finish_chunk("stop")])

    assert "a </code> b" == CodeAgent(OpenAIModel("m", stream=stream), max_steps=1).run("Go")
    assert ["</code>"] == server.requests[0].body["stop"]
