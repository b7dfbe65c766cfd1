"""Requests of the Converse protocol: what Bedrock accepts, whatever the history is."""

import base64
import json
import sys

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import ModelRejected
from rxagent.messages import Image, Message, ProviderData, Request, ToolCall, ToolSpec
from rxagent.models.blocks import Blocks
from rxagent.models.converse.messages import vendor_of
from rxagent.models.converse.request import converse_call
from rxagent.models.errors import ErrorFactory
from rxagent.testing.far_ends.bedrock import input_shape
from rxagent.testing.far_ends.converse_requests import check_rules

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PNG = Image.from_bytes(b"\x89PNG\r\n\x1a\n")
ADD = ToolSpec("add", "Add.", {"type": "object", "properties": {"a": {"type": "integer"}}})


def call_of(*messages, model_id=CLAUDE, options=(), **fields):
    """Return the arguments for boto3."""
    request = Request(messages, **fields)
    given = [*options, request.options]
    return converse_call(model_id, request, given, "bedrock", ErrorFactory("bedrock", model_id))


def sent(*messages, **fields):
    """Return the messages as they are sent."""
    call = call_of(*messages, **fields)
    check_rules(call)
    return [(one["role"], one["content"]) for one in call["messages"]]


def reply(text="", calls=(), vendor="anthropic", **data):
    """Return a reply with a block of reasoning before its text."""
    blocks = Blocks("bedrock")
    blocks.reason("Hmm.")
    (kept,) = blocks.keep({"vendor": vendor, **data})
    return Message("assistant", text, calls, reasoning="Hmm.", extra=kept.extra)


texts = st.sampled_from(["", " ", "\n", "Hi", "Grüße 🎈"])
ids = st.sampled_from(["", "a", "call_1", "ü", "x" * 70, "a b"])
arguments = st.sampled_from(["", "{}", '{"a": 1}', "[1]", "no JSON", '{"a": NaN}'])
images = st.lists(st.just(PNG), max_size=1)
calls = st.lists(
    st.builds(ToolCall, ids, st.sampled_from(["add", "", "a.b"]), arguments), max_size=3
)
plain = st.builds(Message, st.sampled_from(["system", "user"]), texts, images=images)


@st.composite
def exchanges(draw):
    """Return a reply, and the results of its calls among other messages."""
    called = draw(calls)
    kept = draw(st.sampled_from([(), reply(signature="s").extra, reply().extra]))
    shown = draw(images)
    said = Message("assistant", draw(texts), called, None, shown, "Hmm.", kept)
    results = [
        Message("tool", draw(texts), tool_call_id=call.id, images=draw(images)) for call in called
    ]
    others = draw(st.lists(plain, max_size=1)) if called else []
    return [said, *draw(st.permutations(results + others))]


@given(st.lists(st.lists(plain, max_size=2) | exchanges(), max_size=5), st.booleans())
def test_any_history_is_accepted(parts, offers):
    """Bedrock's rules are kept, whatever a history holds, and whether or not tools are offered."""
    messages = [message for part in parts for message in part]
    call = call_of(*messages, tools=[ADD] if offers else ())

    check_rules(call)


@given(st.lists(st.lists(plain, max_size=2) | exchanges(), max_size=5))
def test_any_history_is_a_request_of_botocore(parts):
    """So is botocore's service model."""
    validate = pytest.importorskip("botocore.validate")
    call = call_of(*(message for part in parts for message in part))

    assert "" == validate.ParamValidator().validate(call, input_shape()).generate_report()


def test_least_request():
    """What was not asked for is not sent."""
    messages = [{"role": "user", "content": [{"text": "Hi"}]}]

    assert {"modelId": CLAUDE, "messages": messages} == call_of(Message("user", "Hi"))


def test_system_and_merging():
    """Messages of the system go to a field of their own, and adjacent ones are merged."""
    call = call_of(
        Message("system", "One."),
        Message("user", "Two."),
        Message("system", "Three."),
        Message("user", "Four."),
        Message("assistant", "Five."),
    )

    assert [{"text": "One."}, {"text": "Three."}] == call["system"]
    assert [
        {"role": "user", "content": [{"text": "Two."}, {"text": "Four."}]},
        {"role": "assistant", "content": [{"text": "Five."}]},
    ] == call["messages"]


def test_results_go_first():
    """Results, with their images, are the first parts of the user's message."""
    called = [ToolCall("a", "add", '{"a": 1}'), ToolCall("b", "add", "{}")]
    _, _, (role, content) = sent(
        Message("user", "Hi"),
        Message("assistant", "", called),
        Message("tool", "1", tool_call_id="a", images=[PNG]),
        Message("user", "Go on."),
        Message("tool", "", tool_call_id="b"),
    )

    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG\r\n\x1a\n"}}}
    assert "user" == role
    assert [
        {"toolResult": {"toolUseId": "a", "content": [{"text": "1"}, image]}},
        {"toolResult": {"toolUseId": "b", "content": [{"text": "(empty)"}]}},
        {"text": "Go on."},
    ] == content


def test_a_result_without_a_call():
    """It is sent as text, since Bedrock takes no such result."""
    assert [("user", [{"text": "Hi"}, {"text": "5"}])] == sent(
        Message("user", "Hi"), Message("tool", "5", tool_call_id="gone")
    )


def test_a_second_result_of_a_call():
    """A call has one result; what comes after it is sent as text."""
    called = [ToolCall("a", "add", '{"a": 1e999}')]
    _, (_, [call]), (_, content) = sent(
        Message("user", "Hi"),
        Message("assistant", "", called),
        Message("tool", "1", tool_call_id="a"),
        Message("tool", "2", tool_call_id="a"),
    )
    result = {"toolResult": {"toolUseId": "a", "content": [{"text": "1"}]}}

    assert [result, {"text": "2"}] == content
    assert {"a": sys.float_info.max} == call["toolUse"]["input"]


def test_signed_reasoning_is_given_back():
    """Signed reasoning is sent with its reply always, and before its text and calls."""
    signed = {"reasoningContent": {"reasoningText": {"text": "Hmm.", "signature": "s"}}}
    call = ToolCall("a", "add", '{"a": 1}')
    use = {"toolUse": {"toolUseId": "a", "name": "add", "input": {"a": 1}}}
    result = Message("tool", "1", tool_call_id="a")
    said = reply("I add.", [call], signature="s")
    history = [Message("user", "Hi"), said, result]

    assert ("assistant", [signed, {"text": "I add."}, use]) == sent(*history)[1]
    again = sent(*history, Message("assistant", "1"), Message("user", "Why?"))
    assert ("assistant", [signed, {"text": "I add."}, use]) == again[1]


def test_redacted_reasoning_is_given_back():
    """So is redacted reasoning, as bytes."""
    said = reply("Hi.", redactedContent=base64.b64encode(b"abc").decode())

    _, (_, content) = sent(Message("user", "Hi"), said)
    assert [{"reasoningContent": {"redactedContent": b"abc"}}, {"text": "Hi."}] == content


def test_unsigned_reasoning_is_given_back_within_its_turn():
    """Reasoning without a signature is sent while the turn's tools run, and no longer."""
    call = ToolCall("a", "add", "{}")
    model_id = "moonshot.kimi-k2-thinking"
    said = reply("", [call], vendor="moonshot")
    history = [Message("user", "Hi"), said, Message("tool", "1", tool_call_id="a")]

    def has_reasoning(*more, **fields):
        content = sent(*history, *more, **fields)[1][1]
        return any("reasoningContent" in block for block in content)

    assert has_reasoning(model_id=model_id)
    assert not has_reasoning(Message("assistant", "1"), Message("user", "?"), model_id=model_id)


@pytest.mark.parametrize(
    ("vendor", "model_id", "origin"),
    [
        ("deepseek", "us.deepseek.r1-v1:0", "bedrock"),
        ("anthropic", "amazon.nova-pro-v1:0", "bedrock"),
        ("anthropic", CLAUDE, "bedrock http://elsewhere"),
    ],
)
def test_reasoning_is_not_sent(vendor, model_id, origin):
    """Nor is reasoning sent to DeepSeek's models, to another vendor's, or elsewhere."""
    said = reply("Hi.", vendor=vendor)
    moved = evolve(said, extra=[ProviderData(origin, said.extra[0].data)])

    _, (_, content) = sent(Message("user", "Hi"), moved, model_id=model_id)
    assert [{"text": "Hi."}] == content


@pytest.mark.parametrize(
    ("model_id", "vendor"),
    [
        (CLAUDE, "anthropic"),
        ("amazon.nova-pro-v1:0", "amazon"),
        ("global.anthropic.claude-opus-4-5", "anthropic"),
        ("arn:aws:bedrock:us-east-1::foundation-model/qwen.qwen3-32b-v1:0", "qwen"),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2", "a1b2"),
    ],
)
def test_vendors(model_id, vendor):
    """The vendor stands before the first dot, or behind the region's."""
    assert vendor == vendor_of(model_id)


def test_tools():
    """Tools have their schemas; one without a description has none."""
    call = call_of(Message("user", "Hi"), tools=[ADD, ToolSpec("now", "")])
    add = {"name": "add", "description": "Add.", "inputSchema": {"json": dict(ADD.parameters)}}
    now = {"name": "now", "inputSchema": {"json": {"type": "object", "properties": {}}}}

    assert {"tools": [{"toolSpec": add}, {"toolSpec": now}]} == call["toolConfig"]


def test_tools_that_were_called():
    """Bedrock wants tools to be declared that a history calls, though none are offered."""
    call = call_of(
        Message("user", "Hi"),
        Message("assistant", "", [ToolCall("a", "add", "{}")]),
        Message("tool", "1", tool_call_id="a"),
        tools=[ADD],
        options=[],
    )
    assert ["add"] == [tool["toolSpec"]["name"] for tool in call["toolConfig"]["tools"]]

    closing = call_of(
        Message("user", "Hi"),
        Message("assistant", "", [ToolCall("a", "add", "{}")]),
        Message("tool", "1", tool_call_id="a"),
    )
    (declared,) = closing["toolConfig"]["tools"]
    assert "add" == declared["toolSpec"]["name"]
    assert "cannot be called" in declared["toolSpec"]["description"]


def test_options():
    """Options go into the call, those of `inferenceConfig` also under their usual names."""
    constructor = {
        "inferenceConfig": {"maxTokens": 10, "topP": 0.5},
        "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"},
        "temperature": 0.3,
    }
    options = {"max_tokens": 20, "top_p": None, "additionalModelRequestFields": {"top_k": 5}}
    call = call_of(
        Message("user", "Hi"), stop=["END", " "], options=[constructor, options], model_id=CLAUDE
    )

    assert {"maxTokens": 20, "temperature": 0.3, "stopSequences": ["END"]} == call[
        "inferenceConfig"
    ]
    assert "abc" == call["guardrailConfig"]["guardrailIdentifier"]
    assert {"top_k": 5} == call["additionalModelRequestFields"]


def test_an_option_that_is_removed():
    """None removes an option, and a group that has nothing left is not sent."""
    options = [{"temperature": 0.3, "guardrailConfig": {}}, {"temperature": None}]
    call = call_of(Message("user", "Hi"), options=[*options, {"guardrailConfig": None}])

    assert {"modelId", "messages"} == call.keys()


def test_tools_as_an_option():
    """Further tools are added, and a choice is passed on."""
    choice = {"toolChoice": {"any": {}}, "tools": [{"systemTool": {"name": "nova_grounding"}}]}
    call = call_of(Message("user", "Hi"), tools=[ADD], options=[{"toolConfig": choice}])

    assert {"any": {}} == call["toolConfig"]["toolChoice"]
    assert ["toolSpec", "systemTool"] == [key for one in call["toolConfig"]["tools"] for key in one]


@pytest.mark.parametrize(
    ("model_id", "stops"),
    [
        (CLAUDE, ["1", "2", "3", "4"]),
        ("openai.gpt-oss-120b-1:0", None),
        ("qwen.qwen3-32b-v1:0", None),
    ],
)
def test_stops(model_id, stops):
    """At most four stops are sent, and none to a vendor whose models reject them."""
    call = call_of(Message("user", "Hi"), stop=list("12345"), model_id=model_id)

    assert stops == call.get("inferenceConfig", {}).get("stopSequences")


def test_output():
    """A JSON Schema of the answer is sent as text, under its title."""
    schema = {"title": "A city!", "type": "object", "properties": {"name": {"type": "string"}}}
    call = call_of(Message("user", "Hi"), output=schema)

    form = call["outputConfig"]["textFormat"]
    assert "json_schema" == form["type"]
    assert "A_city_" == form["structure"]["jsonSchema"]["name"]
    assert schema == json.loads(form["structure"]["jsonSchema"]["schema"])


@pytest.mark.parametrize(
    ("data", "label", "format"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/jpeg", "png"),
        (b"\xff\xd8\xff\xe0", "image/png", "jpeg"),
        (b"GIF89a", "image/png", "gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/png", "webp"),
        (b"unknown", "image/jpg", "jpeg"),
        (b"unknown", "image/webp", "webp"),
    ],
)
def test_formats_of_images(data, label, format):
    """The bytes of an image say its format, or else its label."""
    ((_, content),) = sent(Message("user", "", images=[Image.from_bytes(data, label)]))

    assert [{"image": {"format": format, "source": {"bytes": data}}}] == content


def test_an_image_in_s3():
    """An image may lie in S3."""
    ((_, content),) = sent(Message("user", "", images=[Image("s3://bucket/a.jpg")]))

    where = {"s3Location": {"uri": "s3://bucket/a.jpg"}}
    assert [{"image": {"format": "jpeg", "source": where}}] == content


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://example.com/a.png", r"does not read.+Image\.from_bytes"),
        ("data:image/bmp;base64,Qk0=", "png, jpeg, gif, webp, and none of 'bmp'"),
        ("data:image/png;base64,", "without bytes"),
        ("data:image/png;base64,Q", "no base64"),
    ],
)
def test_images_that_are_not_sent(url, said):
    """An image that Bedrock does not take is refused with what to do."""
    with pytest.raises(ModelRejected, match=said) as caught:
        sent(Message("user", "Hi", images=[Image(url)]))
    assert "bedrock" == caught.value.provider


def test_an_image_in_plain_percent_encoding():
    """A data URL need not be base64."""
    ((_, content),) = sent(Message("user", "", images=[Image("data:image/png,%89PNG")]))

    assert b"\x89PNG" == content[0]["image"]["source"]["bytes"]
