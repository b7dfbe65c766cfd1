"""Replies in Anthropic's Messages protocol, as bytes."""

import json
from contextlib import suppress
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import (
    MalformedReply,
    ModelError,
    ModelRefused,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from rxagent.events import Finish, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.errors import ErrorFactory
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic_events import MessageRendering, event
from rxagent.testing.frames import sse

HERE = "anthropic"


def read(*chunks, origin=None, signs=True):
    """Return the deltas of a reply that arrives in these chunks."""
    reply = MessageReply(ErrorFactory("anthropic", "m"), origin, signs)
    deltas = chain(*map(reply.feed, chunks), reply.end())
    return [delta for delta in deltas if delta is not REST]


def failing(*chunks):
    """Return the deltas of a reply, and the error with which it ends."""
    reply = MessageReply(ErrorFactory("anthropic", "m"))
    deltas = []
    with pytest.raises(ModelError) as caught:
        for delta in chain(*map(reply.feed, chunks), reply.end()):
            if delta is not REST:
                deltas.append(delta)
    return deltas, caught.value


def rendered(*items):
    """Return the events of a script."""
    rendering = MessageRendering(items)
    return b"".join(
        [
            *rendering.begin(),
            *(frame for item in items for frame in rendering.delta(item)),
            *rendering.end(),
        ]
    )


def block(index, start, *deltas):
    """Return the events of a block."""
    return b"".join(
        [
            event("content_block_start", index=index, content_block=start),
            *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
            event("content_block_stop", index=index),
        ]
    )


def end(reason, **fields):
    """Return the events that end a reply."""
    delta = {"stop_reason": reason, **fields}
    return event("message_delta", delta=delta, usage={}) + event("message_stop")


def text_block(index, *texts):
    """Return the events of a block of text."""
    start = {"type": "text", "text": ""}
    return block(index, start, *({"type": "text_delta", "text": text} for text in texts))


ANSWER = (
    ReasoningDelta("I add"),
    ReasoningDelta(" 2 and 3."),
    TextDelta('It is "5"'),
    TextDelta(" 🎈\n"),
    TextDelta("."),
    ToolCallDelta(0, "toolu_1", "add", '{"a": '),
    ToolCallDelta(0, arguments="2}"),
    ToolCallDelta(1, "toolu_2", "now", ""),
    Usage(30, 12, 10, 4, 8),
    Finish("tool_calls"),
)


def said(deltas):
    """Return what deltas say: texts, reasoning and arguments joined, usage summed."""
    kinds = {"text": TextDelta, "reasoning": ReasoningDelta, "refusal": RefusalDelta}
    joined = {
        name: "".join(delta.text for delta in deltas if type(delta) is kind)
        for name, kind in kinds.items()
    }
    calls = {}
    for delta in deltas:
        if type(delta) is ToolCallDelta:
            id, name, arguments = calls.get(delta.index, (None, None, ""))
            arguments += delta.arguments or ""
            calls[delta.index] = id or delta.id, name or delta.name, arguments
    usage = None
    for delta in deltas:
        if type(delta) is Usage:
            usage = Usage.sum(usage, delta)
    counts = usage and (usage.input_tokens, usage.output_tokens, usage.cached_tokens)
    reasons = [delta.reason for delta in deltas if type(delta) is Finish]
    return {**joined, "calls": calls, "usage": counts, "reasons": reasons}


def test_answer():
    """Reasoning, text, calls, usage and the reason arrive as they were said."""
    assert said(ANSWER) == said(read(rendered(*ANSWER)))


def test_usage():
    """Input counts what a cache took part in; reports are increments, and name the model."""
    usages = [delta for delta in read(rendered(*ANSWER)) if type(delta) is Usage]

    assert [Usage(30, 1, 10, 0, 8, "m"), Usage(0, 11, 0, 4, 0, "m")] == usages


def test_usage_in_parts():
    """A later report may hold some of the counts, and ones that make no sense."""
    start = {"usage": {"input_tokens": 10, "cache_read_input_tokens": 100, "output_tokens": 1}}
    late = {"input_tokens": 15, "cache_read_input_tokens": None, "output_tokens": "many"}
    stream = (
        event("message_start", message=start)
        + text_block(0, "Hi")
        + event("message_delta", delta={"stop_reason": "end_turn"}, usage=late)
    )

    assert [
        Usage(110, 1, 100, model="m"),
        TextDelta("Hi"),
        Finish("stop"),
        Usage(5, 0, model="m"),
    ] == read(stream)


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\r"])
def test_cut_anywhere(separator):
    """However the network cuts the bytes, the reply says the same.

    Within lines it is cut with one separator: there the others make no difference.
    """
    stream = rendered(*ANSWER).replace(b"\n", separator)

    for at in range(len(stream)):
        if separator != b"\n" and separator[-1] not in stream[at - 2 : at + 2]:
            continue
        assert said(ANSWER) == said(read(stream[:at], stream[at:]))


def test_broken_off_anywhere():
    """A reply that breaks off says a part of the answer and fails; a whole one does not."""
    stream = rendered(*ANSWER)
    whole = said(ANSWER)
    enough = stream.index(b"event: message_delta")

    for at in range(enough):
        deltas, error = failing(stream[:at])
        assert type(error) is ModelUnavailable
        assert whole["text"].startswith(said(deltas)["text"])
        assert [] == said(deltas)["reasons"]
    for at in range(stream.index(b"\n\n", enough) + 2, len(stream)):
        assert whole == said(read(stream[:at]))


texts = st.text(st.characters(categories=["L", "P", "Zs", "Cc", "So"]), min_size=1, max_size=6)
items = st.lists(
    st.one_of(
        st.builds(TextDelta, texts),
        st.builds(ReasoningDelta, texts),
        st.builds(RefusalDelta, texts),
        st.builds(ToolCallDelta, st.just(0), st.just("a"), st.just("add"), texts),
    ),
    max_size=8,
)


@given(items, st.lists(st.integers(1, 40), min_size=1), st.integers(0, 9), st.booleans())
def test_any_script(items, sizes, padding, escaped):
    """Any script, cut and padded in any way, is read as it was said."""
    calls = [item for item in items if type(item) is ToolCallDelta]
    items = [item for item in items if item not in calls] + calls
    items = [*items, Finish("refusal")]
    stream = rendered(*items)
    if escaped:
        lines = (line.partition(b": ") for line in stream.split(b"\n"))
        stream = b"\n".join(
            field + colon + (json.dumps(json.loads(data)).encode() if field == b"data" else data)
            for field, colon, data in lines
        )
    stream = stream.replace(b'"}}\n', b'"}' + b" " * padding + b"}\n")
    chunks, at = [], 0
    while at < len(stream):
        chunks.append(stream[at : at + sizes[len(chunks) % len(sizes)]])
        at += len(chunks[-1])

    assert said(items) == said(read(*chunks))


MESSAGE = {
    "type": "message",
    "role": "assistant",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "I add."},
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 2}},
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 10, "output_tokens": 5},
}


def test_whole_message():
    """A reply that is not streamed says the same, in whole pieces."""
    call = {0: ("toolu_1", "add", '{"a": 2}')}

    assert {
        "text": "I add.",
        "reasoning": "Hm.",
        "refusal": "",
        "calls": call,
        "usage": (10, 5, 0),
        "reasons": ["tool_calls"],
    } == said(read(json.dumps(MESSAGE).encode()))


@pytest.mark.parametrize("left_out", ["type", "role", "usage", "stop_reason"])
def test_whole_message_that_lacks_a_field(left_out):
    """A whole message is whole without what other servers leave out."""
    message = {name: value for name, value in MESSAGE.items() if name != left_out}

    assert "I add." == said(read(json.dumps(message).encode()))["text"]


@pytest.mark.parametrize("reason", [None, "", "null"])
def test_whole_message_that_broke_off(reason):
    """A whole message without a reason is a stream that broke off, and was collected."""
    message = json.dumps({**MESSAGE, "stop_reason": reason}).encode()
    for reply in (message, sse({**MESSAGE, "stop_reason": reason})):
        with pytest.raises(ModelUnavailable, match="broke off"):
            read(reply)


def test_whole_message_that_was_cut():
    """The last call of a message at its length limit may be half of one, and looks so."""
    message = {**MESSAGE, "stop_reason": "max_tokens"}
    ((_, _, arguments),) = said(read(json.dumps(message).encode()))["calls"].values()

    assert '{"a": 2' == arguments


def test_input_at_the_start():
    """Some servers send the input of a call at once."""
    start = {"type": "tool_use", "id": "a", "name": "add", "input": {"a": 2}}

    assert {0: ("a", "add", '{"a": 2}')} == said(read(block(0, start) + end("tool_use")))["calls"]


def test_a_call_without_a_name():
    """There is no call without a name."""
    start = {"type": "tool_use", "id": "a", "name": "", "input": {}}

    assert MalformedReply is type(failing(block(0, start) + end("tool_use"))[1])


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "refusal"),
    ],
)
def test_stop_reasons(word, reason):
    """Each stop reason of Anthropic's has a meaning."""
    assert [TextDelta("Hi"), Finish(reason)] == read(text_block(0, "Hi") + end(word))


def test_an_unknown_stop_reason():
    """A stop reason that no table knows is an error with its text, not an end."""
    deltas, error = failing(text_block(0, "Hi") + end("engine_on_fire"))

    assert [TextDelta("Hi")] == deltas
    assert "engine_on_fire" in str(error)


def test_refusal():
    """The explanation of a refusal is its text."""
    details = {"type": "refusal", "category": None, "explanation": "I cannot help with that."}

    assert [RefusalDelta("I cannot help with that."), Finish("refusal")] == read(
        end("refusal", stop_details=details)
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", ModelUnavailable),
        ("api_error", ModelUnavailable),
        ("rate_limit_error", RateLimited),
        ("timeout_error", ModelTimeout),
        ("invalid_request_error", ModelRejected),
        ("request_too_large", ModelRejected),
        ("authentication_error", ModelRejected),
        ("permission_error", ModelRejected),
        ("not_found_error", ModelRejected),
        ("billing_error", ModelRejected),
        ("content_policy_violation", ModelRefused),
    ],
)
@pytest.mark.parametrize("form", ["event", "data", "whole"])
def test_reported_errors(kind, expected, form):
    """An error in mid-stream follows the text before it, and is of its kind."""
    error = {"type": kind, "message": "That went wrong."}
    body = json.dumps({"type": "error", "error": error}).encode()
    reported = {
        "event": b"event: error\ndata: " + body + b"\n\n",
        "data": b"data: " + body + b"\n\n",
        "whole": body,
    }[form]
    before = b"" if form == "whole" else text_block(0, "Hi")
    deltas, found = failing(before + reported)

    assert expected is type(found)
    assert "That went wrong." in str(found)
    assert ([] if form == "whole" else [TextDelta("Hi")]) == deltas


def test_an_error_that_is_null():
    """A field named error that reports none costs nothing."""
    delta = {"type": "text_delta", "text": "Hi"}
    stream = event("content_block_delta", index=0, delta=delta, error=None)

    assert [TextDelta("Hi"), Finish("stop")] == read(stream + end("end_turn"))


@pytest.mark.parametrize(
    "body", [b"<html>502</html>", b"data: [DONE]\n\n", b'{"hello": 1}', b"[]", b'{"choices": []}']
)
def test_no_reply(body):
    """What is no reply of this protocol is no empty answer."""
    assert MalformedReply is type(failing(body)[1])


@pytest.mark.parametrize(
    "fields",
    [{"code": 503}, {"status": "error"}, {"success": False}, {"errorCode": 500}, {"errno": 7}],
)
def test_a_sentence_that_is_no_answer(fields):
    """What looks like a message without its type, and reports a failure, is no answer."""
    body = {"content": "Service temporarily unavailable", **fields}

    assert "Service temporarily unavailable" in str(failing(json.dumps(body).encode())[1])


def test_blocks_without_a_type():
    """What the type of a block does not say, its text does; what nothing says is left out."""
    blocks = ["I ", None, 5, {"text": "add"}, {"thinking": "Hm."}, {"x": 1}, {"type": None}]
    message = {"type": "message", "content": [*blocks, {"type": "text", "text": "."}]}
    found = read(json.dumps({**message, "stop_reason": "end_turn"}).encode(), origin=HERE)

    assert ("I add.", "Hm.") == (said(found)["text"], said(found)["reasoning"])
    assert all("type" in data["block"] for data in kept(found))


def test_arguments_without_their_call():
    """Arguments of no call are left out, unless the reply ends with a call."""
    piece = {"type": "input_json_delta", "partial_json": "{}"}
    stream = event("content_block_delta", index=0, delta=piece) + text_block(1, "Hi")

    assert [TextDelta("Hi"), Finish("stop")] == read(stream + end("end_turn"))
    assert MalformedReply is type(failing(stream + end("tool_use"))[1])


def called(index, name):
    """Return the event that begins a call."""
    start = {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {}}
    return event("content_block_start", index=index, content_block=start)


def argued(index, text):
    """Return the event of a piece of arguments."""
    delta = {"type": "input_json_delta", "partial_json": text}
    return event("content_block_delta", index=index, delta=delta)


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 5), st.booleans())
def test_arguments_go_to_their_own_call(first, second, at, has_ended):
    """Arguments reach the call that has their index, and no other one."""
    stop = event("content_block_stop", index=first) if has_ended else b""
    stream = called(first, "pay") + stop + called(second, "refund") + argued(at, '{"amount": 5}')
    open_now = {second: "refund"} if has_ended else {first: "pay", second: "refund"}
    if at not in open_now:
        assert MalformedReply is type(failing(stream + end("tool_use"))[1])
    else:
        calls = said(read(stream + end("tool_use")))["calls"].values()
        assert [open_now[at]] == [name for _, name, arguments in calls if arguments]


def test_arguments_at_the_index_of_a_text():
    """Arguments with the index of a text are no call's."""
    start = {"type": "text", "text": "Hi"}
    stream = event("content_block_start", index=0, content_block=start) + called(1, "pay")

    found = failing(stream + argued(0, "{}") + end("tool_use"))[1]

    assert MalformedReply is type(found)


def test_pieces_of_any_type_of_a_tool_of_the_server():
    """Pieces of a block that is not ours cost nothing."""
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    pieces = [{"type": "input_json_delta", "partial_json": part} for part in (5, {}, [1], '{"q"')]
    stream = block(0, search, *pieces) + text_block(1, "Hi")

    assert "Hi" == said(read(stream + end("end_turn"), origin=HERE))["text"]


def test_the_failure_of_a_tool_of_the_server():
    """What a tool of the server's reports, and what a call holds, is no failure of the reply."""
    failed = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
    result = {"type": "web_search_tool_result", "tool_use_id": "s", "content": failed}
    call = {"type": "tool_use", "id": "a", "name": "note", "input": {"error": "No.", "code": 500}}
    stream = block(0, result) + text_block(1, "Hi") + block(2, call) + end("tool_use")
    message = {"type": "message", "content": [result, {"type": "text", "text": "Hi"}, call]}
    whole = json.dumps({**message, "stop_reason": "tool_use"}).encode()

    for found in map(said, (read(stream, origin=HERE), read(whole, origin=HERE))):
        ((_, _, arguments),) = found["calls"].values()
        assert ("Hi", call["input"]) == (found["text"], json.loads(arguments))


def test_empty_blocks_after_the_end():
    """Blocks that say nothing are no news, for which a finished reply would be kept open."""
    reply = MessageReply(ErrorFactory("anthropic", "m"), HERE)
    list(reply.feed(text_block(0, "Hi") + end("end_turn").partition(b"event: message_stop")[0]))
    before = reply.received
    for index in range(1, 4):
        list(reply.feed(text_block(index)))
        list(reply.feed(block(index, {"type": "something"})))

    assert (before, True, False) == (reply.received, reply.is_finished, reply.is_settled)


def test_halves_of_characters():
    """A character that was cut in two pieces is joined; a half that stays alone is replaced."""

    def piece(text):
        delta = f'{{"type":"text_delta","text":"{text}"}}'
        data = f'{{"type":"content_block_delta","index":0,"delta":{delta}}}'
        return f"event: content_block_delta\ndata: {data}\n\n".encode()

    pieces = ["a", "b\\ud83d", "\\udc4d", "c", "\\ud83d"]
    found = read(*map(piece, pieces), end("end_turn"))

    assert "ab👍c�" == said(found)["text"]


@given(
    st.lists(texts, min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 1, 9]),
)
def test_an_end_behind_what_broke_off(parts, is_call, has_delta, where):
    """The last event does not make whole what broke off without a stop reason.

    It may have broken off inside a block or behind one, before any, or in the first event.
    """
    if is_call:
        stream = called(0, "pay") + b"".join(argued(0, part) for part in parts)
        stream += event("content_block_stop", index=0) if where == "behind" else b""
    else:
        stream = text_block(0, *parts)
        stream = stream if where == "behind" else stream.partition(b"event: content_block_stop")[0]
    if where == "before":
        stream = event("message_start", message={"content": [], "stop_reason": None})
    stream += event("message_delta", delta={"stop_reason": None}, usage={}) if has_delta else b""

    error = failing(stream + event("message_stop"))[1]

    assert isinstance(error, ModelUnavailable)
    assert "broke off" in str(error)


@given(st.lists(texts, min_size=1, max_size=3), st.sampled_from(["start", "delta"]), st.booleans())
def test_an_answer_in_the_first_event(parts, reason_at, is_streamed):
    """What stands in the first event alone is read, and once if blocks follow."""
    content = [{"type": "text", "text": part} for part in parts]
    reason = {"stop_reason": "end_turn"} if reason_at == "start" else {}
    stream = event("message_start", message={"content": content, **reason})
    stream += text_block(0, *parts) if is_streamed else b""
    stream += end("end_turn") if reason_at == "delta" else event("message_stop")
    found = said(read(stream))

    assert ("".join(parts), ["stop"]) == (found["text"], found["reasons"])


@pytest.mark.parametrize("at", range(6))
def test_a_delta_without_its_type(at):
    """What a delta holds says what it is."""
    pieces = [
        {"type": "thinking_delta", "thinking": "I "},
        {"type": "thinking_delta", "thinking": "add."},
        {"type": "signature_delta", "signature": "s"},
        {"type": "text_delta", "text": "Hel"},
        {"type": "text_delta", "text": "lo"},
        {"type": "input_json_delta", "partial_json": '{"a": 2}'},
    ]

    def stream():
        use = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}}
        blocks = [{"type": "thinking", "thinking": ""}, {"type": "text", "text": ""}, use]
        parts = [pieces[:3], pieces[3:5], pieces[5:]]
        sent = [block(i, blocks[i], *parts[i]) for i in range(3)]
        return b"".join(sent) + end("tool_use")

    expected = read(stream(), origin=HERE)
    del pieces[at]["type"]

    assert expected == read(stream(), origin=HERE)


def test_a_repeated_start_of_a_call():
    """The start of a call that is repeated begins no second one."""
    stream = called(0, "pay") * 2 + argued(0, '{"a": 2}') + end("tool_use")

    assert {0: ("toolu_pay", "pay", '{"a": 2}')} == said(read(stream))["calls"]


@pytest.mark.parametrize("value", [5, True, "x", [1], [[]]])
def test_values_that_are_no_deltas(value):
    """A delta that is no object costs no text."""
    stream = text_block(0, "Hi") + event("content_block_delta", index=0, delta=value)

    assert [TextDelta("Hi"), Finish("stop")] == read(stream + end("end_turn"))


@pytest.mark.parametrize("value", [5, 0.5, True])
def test_data_that_is_no_object(value):
    """Neither does data that is a number."""
    assert [TextDelta("Hi"), Finish("stop")] == read(
        text_block(0, "Hi") + sse(value) + end("end_turn")
    )


# A message that comes twice.


def message_of(items):
    """Return the whole message of a script, with its stop reason."""
    texts = "".join(item.text for item in items if type(item) is TextDelta)
    calls = [item for item in items if type(item) is ToolCallDelta]
    uses = [{"type": "tool_use", "id": c.id, "name": c.name, "input": {"a": 1}} for c in calls]
    text = [{"type": "text", "text": texts}] if texts else []
    return {"type": "message", "content": [*text, *uses], "stop_reason": "tool_use"}


def script(texts, ids):
    """Return a script of texts, and of calls with these ids."""
    calls = (ToolCallDelta(at, id, "add", '{"a": 1}') for at, id in enumerate(ids))
    return [*map(TextDelta, texts), *calls]


ids = st.lists(st.sampled_from(["toolu_1", "toolu_2", "toolu_3"]), unique=True)
whole_scripts = st.builds(script, st.lists(texts, min_size=1, max_size=3), ids)


@given(whole_scripts, st.integers(1, 3), st.booleans())
def test_a_message_that_is_streamed_and_whole(items, times, is_streamed):
    """A message that comes as a stream and as a whole, or several times, is said once."""
    message = message_of(items)
    streamed = rendered(*items, Finish("tool_calls")).partition(b"event: message_stop")[0]
    wholes = sse(message) * times
    stream = (streamed if is_streamed else b"") + wholes + event("message_stop")
    once = said(read(json.dumps(message).encode()))

    found = said(read(stream)), said(read(json.dumps([message] * times).encode()))

    for each in found:
        assert (once["text"], len(once["calls"])) == (each["text"], len(each["calls"]))


@given(
    st.lists(st.tuples(st.sampled_from(["pay", "add"]), st.integers(0, 2)), min_size=1, max_size=4),
    st.integers(0, 4),
    st.data(),
)
def test_calls_under_other_ids(calls, streamed, data):
    """A whole message may tell the calls of its stream with other ids, or without; none is lost."""
    uses = [
        {"type": "tool_use", "id": f"toolu_{at}", "name": name, "input": {"a": a}}
        for at, (name, a) in enumerate(calls)
    ]
    script = [
        ToolCallDelta(at, use["id"], use["name"], json.dumps(use["input"]))
        for at, use in enumerate(uses[:streamed])
    ]
    forms = st.sampled_from([lambda id: id, "other {}".format, lambda id: None])
    shown = [{**use, "id": data.draw(forms)(use["id"])} for use in uses]
    message = {"type": "message", "content": shown, "stop_reason": "tool_use"}
    stream = rendered(*script).partition(b"event: message_delta")[0] if script else b""
    stream += sse(message) * data.draw(st.integers(1, 2))
    found = said(read(stream + event("message_stop")))["calls"]

    expected = [(name, json.dumps({"a": a})) for name, a in calls]
    assert sorted(expected) == sorted((name, arguments) for _, name, arguments in found.values())


def test_a_message_that_says_more_than_its_stream():
    """What a whole message says beyond the events before it is read."""
    more = {"type": "message", "content": [{"type": "text", "text": "Paid 5."}]}
    stream = text_block(0, "Paid") + sse({**more, "stop_reason": "end_turn"})

    assert "Paid 5." == said(read(stream))["text"]


# What is given back.


def kept(deltas):
    """Return the data that is given back."""
    extras = [delta.extra for delta in deltas if type(delta) in (ReasoningDelta, ToolCallDelta)]
    return [dict(data.data) for extra in extras for data in extra]


def thought(*deltas):
    """Return the events of a thought."""
    start = {"type": "thinking", "thinking": "", "signature": ""}
    return block(0, start, *deltas) + end("end_turn")


THOUGHT = {"type": "thinking_delta", "thinking": "Hm."}
SIGNATURE = {"type": "signature_delta", "signature": "s"}


def test_signed_thoughts():
    """A thought is kept with its signature, also one without a text."""
    for deltas, end_of_text in (([THOUGHT, SIGNATURE], 3), ([SIGNATURE], 0)):
        (data,) = kept(read(thought(*deltas), origin=HERE))

        assert {"type": "thinking", "signature": "s"} == data["block"]
        assert [0, end_of_text] == data["reasoning"][:2]


def test_unsigned_thoughts():
    """Only a server that never signs gets back a thought without a signature: one was cut."""
    assert [] == kept(read(thought(THOUGHT), origin=HERE))
    assert [""] == [
        data["block"]["signature"]
        for data in kept(read(thought(THOUGHT), origin=HERE, signs=False))
    ]


def test_thoughts_that_broke_off():
    """A thought without its end is not kept."""
    reply = MessageReply(ErrorFactory("anthropic", "m"), HERE)
    stream = thought(THOUGHT, SIGNATURE)
    deltas = list(reply.feed(stream[: stream.index(b"event: content_block_stop")]))
    with pytest.raises(ModelUnavailable):
        deltas += reply.end()

    assert [] == kept(deltas)


def test_other_blocks():
    """Blocks that mean nothing to us are kept whole, with what came in pieces."""
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    pieces = [{"type": "input_json_delta", "partial_json": text} for text in ('{"q"', ": 1}")]
    stream = block(0, search, *pieces) + block(1, {"type": "redacted_thinking", "data": "x"})

    assert [{**search, "input": {"q": 1}}, {"type": "redacted_thinking", "data": "x"}] == [
        data["block"] for data in kept(read(stream + end("end_turn"), origin=HERE))
    ]


@pytest.mark.parametrize(
    ("start", "deltas", "whole"),
    [
        (
            {"type": "compaction", "content": None},
            [{"type": "compaction_delta", "content": "All.", "encrypted_content": "x"}],
            {"type": "compaction", "content": "All.", "encrypted_content": "x"},
        ),
        (
            {"type": "connector_text", "connector_text": "", "signature": ""},
            [
                {"type": "connector_text_delta", "connector_text": "I "},
                {"connector_text": "look."},
                {"type": "signature_delta", "signature": "s"},
            ],
            {"type": "connector_text", "connector_text": "I look.", "signature": "s"},
        ),
        (
            {"type": "something", "parts": [1], "said": "a", "null": None},
            [
                {"type": "new_delta", "parts": [2], "said": "b", "null": 5},
                {"type": "new_delta", "parts": [3], "said": "c", "null": None, "signature": "s"},
                {"type": "new_delta", "signature": "t"},
            ],
            {"type": "something", "parts": [1, 2, 3], "said": "abc", "null": 5, "signature": "t"},
        ),
    ],
)
@pytest.mark.parametrize("times", [1, 2])
def test_other_blocks_that_grow(start, deltas, whole, times):
    """A block that means nothing to us keeps what any delta brings, once if it comes twice."""
    stream = block(0, start, *deltas) * times + text_block(1, "Hi")
    found = read(stream + end("end_turn"), origin=HERE)

    assert [whole] == [data["block"] for data in kept(found)]
    assert "Hi" == said(found)["text"]


@pytest.mark.parametrize("name", ["text", "thinking", "tool_use"])
def test_unknown_deltas_of_known_blocks(name):
    """What an unknown delta brings to a block that we read is no part of it."""
    starts = {"text": {"text": "a"}, "thinking": {"thinking": "a", "signature": "s"}}
    start = {"type": name, **starts.get(name, {"id": "a", "name": "add", "input": {}})}
    delta = {"type": "progress_delta", "progress": "half"}
    streams = (block(0, start, *deltas) + end("end_turn") for deltas in ([], [delta]))
    plain, with_delta = (read(stream, origin=HERE) for stream in streams)

    assert plain == with_delta


def test_citations():
    """A text is kept with its citations."""
    cited = {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "x"}}
    text = {"type": "text_delta", "text": "Hi"}
    stream = block(0, {"type": "text", "text": "", "citations": None}, text, cited)
    (data,) = kept(read(stream + end("end_turn"), origin=HERE))

    assert {"type": "text", "citations": [cited["citation"]]} == data["block"]


def test_deep_blocks():
    """A block that is nested too deeply is left out, and costs nothing else."""
    deep = json.loads("[" * 500 + "]" * 500)
    stream = block(0, {"type": "something", "deep": deep}) + text_block(1, "Hi")
    found = read(stream + end("end_turn"), origin=HERE)

    assert [TextDelta("Hi"), Finish("stop")] == found


# Anything.

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.floats()
    | st.sampled_from(["", "x", "text", "error"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "index"]), inner, max_size=2)
    ),
    max_leaves=3,
)


@given(st.data())
def test_wrong_types(data):
    """Any value in any place is read, or is one of our errors."""
    frames = rendered(*ANSWER).strip().split(b"\n\n")
    at = data.draw(st.integers(0, len(frames) - 1))
    head, _, body = frames[at].partition(b"\ndata: ")
    value = json.loads(body)
    part = value
    while True:
        key = data.draw(st.sampled_from(sorted(part)))
        if not (isinstance(part[key], dict) and part[key] and data.draw(st.booleans())):
            break
        part = part[key]
    part[key] = data.draw(values)
    frames[at] = head + b"\ndata: " + json.dumps(value).encode()
    with suppress(ModelError):
        read(b"\n\n".join(frames) + b"\n\n", origin=HERE)


@given(st.binary(max_size=60))
def test_wrong_bytes(noise):
    """Bytes in the middle of a reply are read, or are one of our errors."""
    stream = rendered(*ANSWER)
    middle = len(stream) // 2
    with suppress(ModelError):
        read(stream[:middle] + noise + stream[middle:])
