"""Replies: bytes, in all their forms and pieces, read as deltas."""

import json
from contextlib import suppress
from itertools import chain, count

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rxagent.errors import (
    MalformedReply,
    ModelError,
    ModelRejected,
    ModelUnavailable,
    RateLimited,
)
from rxagent.events import (
    Finish,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.testing.far_ends.responses_events import ResponseRendering, event

TEXT = ["Grüße", " 你好", ' "quoted" \\ ', "\n🎈", "."] * 3
ITEMS = [
    ReasoningDelta("Hmm, ñ…"),
    ReasoningDelta(" so."),
    *map(TextDelta, TEXT),
    ToolCallDelta(0, "call_1", "add", ""),
    ToolCallDelta(0, arguments='{"a": '),
    ToolCallDelta(0, arguments="2}"),
    Usage(5, 6, 2, 3, 1),
    Finish("tool_calls"),
]
DELTAS = [*ITEMS[:-2], Finish("tool_calls"), Usage(5, 6, 2, 3, 1, "m")]


def rendered(*items, end=True):
    """Return the bytes of a stream."""
    rendering = ResponseRendering()
    frames = [*rendering.begin()]
    for item in items:
        frames += rendering.delta(item)
    return b"".join([*frames, *(rendering.end() if end else ())])


def whole(*output, **fields):
    """Return the bytes of a response that is not streamed."""
    response = {"id": "resp_1", "object": "response", "status": "completed", "output": output}
    return json.dumps({**response, **fields}).encode()


def message(*parts, **fields):
    """Return an item with these parts."""
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": parts, **fields}


def said(text):
    """Return a part of a message."""
    return {"type": "output_text", "text": text, "annotations": []}


def completed(**response):
    """Return the last event."""
    return event("response.completed", response={"status": "completed", **response})


RECORDED = rendered(*ITEMS)


# Pieces.


@given(st.lists(st.integers(0, len(RECORDED))))
def test_cutting(read, places):
    """However the network cuts a stream, its deltas are the same."""
    ends = sorted(places)
    pieces = [RECORDED[a:b] for a, b in zip([0, *ends], [*ends, len(RECORDED)], strict=True)]

    assert DELTAS == read(*pieces)


def test_byte_by_byte(read):
    """A stream that comes byte by byte has the same deltas, too."""
    assert DELTAS == read(*(RECORDED[at : at + 1] for at in range(len(RECORDED))))


@pytest.mark.parametrize("stream", [rendered(TextDelta("Hi"), Finish("stop")), whole(message())])
def test_breaking_off(read, stream):
    """A reply that breaks off at any byte fails, or is whole; none of it is made up."""
    for end in range(len(stream)):
        with suppress(ModelError):
            assert read(stream)[-1] == read(stream[:end])[-1]


def test_without_names_of_events(read):
    """A stream whose events have no names, and an end as in chats, has the same deltas."""
    lines = [line for line in RECORDED.split(b"\n") if not line.startswith(b"event:")]

    assert DELTAS == read(b"\n".join(lines) + b"data: [DONE]\n\n")


# Moulds.

PIECES = st.sampled_from("ab") | st.text(alphabet='ab "\\{}[]:,delta🎈ü\n\x00', min_size=1)

FORMS = {
    "by name": lambda text, number: {
        "type": "response.output_text.delta",
        "content_index": 0,
        "delta": text,
        "item_id": "msg_1",
        "logprobs": [],
        "obfuscation": "a" * (number % 5),
        "output_index": 0,
        "sequence_number": number,
    },
    "number first": lambda text, number: {
        "type": "response.output_text.delta",
        "sequence_number": number,
        "item_id": "msg_1",
        "delta": text,
    },
    "text first": lambda text, number: {
        "delta": text,
        "type": "response.output_text.delta",
        "obfuscation": text[:1],
    },
    "probabilities": lambda text, number: {
        "type": "response.output_text.delta",
        "logprobs": [{"token": text, "delta": "no"}],
        "delta": text,
    },
    "an equal text": lambda text, number: {
        "type": "response.output_text.delta",
        "item_id": text,
        "delta": text,
        "sequence_number": number,
    },
    "a word for a name": lambda text, number: {
        "type": "response.output_text.delta",
        "item_id": "delta",
        "delta": text,
        "sequence_number": "x",
    },
}


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(texts=st.lists(PIECES, max_size=40))
def test_texts_of_any_form(read, form, ensure_ascii, texts):
    """A text is what its pieces say, whatever they look like and stand between."""
    numbers = count()
    frames = [
        json.dumps(form(text, next(numbers)), ensure_ascii=ensure_ascii).encode() for text in texts
    ]
    stream = b"".join(b"event: e\ndata: " + frame + b"\n\n" for frame in frames)

    *found, end = read(stream, completed())
    assert Finish("stop") == end
    assert "".join(texts) == "".join(delta.text for delta in found)


@pytest.mark.parametrize("number", [*range(17)])
def test_another_field_in_between(read, number):
    """A piece that has more than the others is read as a whole, wherever it stands."""
    frames = [event("response.output_text.delta", delta=f"{at} ") for at in range(20)]
    frames[number] = event("response.output_text.delta", delta="odd ", annotations=[{"at": 5}])
    expected = [f"{at} " for at in range(20)]
    expected[number] = "odd "

    found = read(*frames, completed())
    assert "".join(expected) == "".join(d.text for d in found if isinstance(d, TextDelta))


def test_halves_of_characters(read):
    """A character that was cut between two pieces is whole; a half that is left is replaced."""
    halves = [r'"\ud83c"', r'"\udf88 "', r'"b"', r'"\ud83c"']
    frames = [
        b'data: {"type":"response.output_text.delta","delta":%s}\n\n' % h.encode() for h in halves
    ]
    texts = [delta.text for delta in read(*frames, completed()) if isinstance(delta, TextDelta)]

    assert ["🎈 ", "b", "�"] == texts


# Forms.


def test_a_whole_reply(read):
    """A response that is not streamed has the same deltas, each text in one."""
    call = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "add"}
    reply = whole(
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        message(said("I add."), {"type": "refusal", "refusal": "No."}),
        {**call, "arguments": "{}"},
        usage={"input_tokens": 3, "output_tokens": 4},
    )

    assert [
        ReasoningDelta("Hm."),
        TextDelta("I add."),
        RefusalDelta("No."),
        ToolCallDelta(0, "c", "add", ""),
        ToolCallDelta(0, arguments="{}"),
        Finish("tool_calls"),
        Usage(3, 4, model="m"),
    ] == read(reply)


def test_texts_without_pieces(read):
    """What a server sends only when it is whole is read then, once."""
    item = {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{}"}
    stream = [
        event("response.output_text.done", output_index=0, text="Hi"),
        event("response.output_item.done", output_index=0, item=message(said("Hi"))),
        event("response.output_item.done", output_index=1, item=item),
        event("response.function_call_arguments.done", output_index=1, arguments="{}"),
        event("response.reasoning_summary_text.done", output_index=2, summary_index=0, text="A"),
        event("response.reasoning_summary_text.done", output_index=2, summary_index=1, text="B"),
    ]

    assert [
        TextDelta("Hi"),
        ToolCallDelta(0, "c", "add", ""),
        ToolCallDelta(0, arguments="{}"),
        ReasoningDelta("A"),
        ReasoningDelta("\n\nB"),
        Finish("tool_calls"),
    ] == read(*stream, completed(output=[item]))


def test_only_the_end_has_the_output(read):
    """An output that comes with the last event only is read there."""
    assert [TextDelta("Hi"), Finish("stop")] == read(completed(output=[message(said("Hi"))]))


def bare(value):
    """Return an item without its type."""
    return {name: inner for name, inner in value.items() if name != "type"}


@pytest.mark.parametrize("are_bare", [True, False])
@pytest.mark.parametrize("are_flat", [True, False])
@pytest.mark.parametrize("starts_at", [0, -1])
def test_responses_that_stand_in_the_event(read, are_flat, are_bare, starts_at):
    """A response may stand in its event itself, and items may lack their types."""
    frames = [frame for frame in RECORDED.split(b"\n\n") if frame]
    events = [json.loads(frame.partition(b"data: ")[2]) for frame in frames][starts_at:]
    for sent in events:
        if are_bare and "item" in sent:
            sent["item"] = bare(sent["item"])
        response = sent.pop("response", {}) if are_flat else sent.get("response", {})
        if are_bare and response:
            response["output"] = [bare(item) for item in response["output"]]
        if are_flat:
            sent |= response
    deltas = read(*(b"data: %s\n\n" % json.dumps(sent).encode() for sent in events))

    def known(delta, kind):
        return "".join(getattr(each, "text", "") for each in delta if isinstance(each, kind))

    assert [known(DELTAS, kind) for kind in (TextDelta, ReasoningDelta)] == [
        known(deltas, kind) for kind in (TextDelta, ReasoningDelta)
    ]
    assert '{"a": 2}' == "".join(
        delta.arguments or "" for delta in deltas if isinstance(delta, ToolCallDelta)
    )
    assert DELTAS[-2:] == deltas[-2:]


@pytest.mark.parametrize(
    "item",
    [
        message(said("Hi")),
        {"content": "Hi"},
        {"role": "assistant", "content": [{"text": "Hi"}]},
    ],
)
def test_a_whole_reply_without_types(read, item):
    """An item without its type is what its fields show, in a list or alone."""
    reply = {"object": "response", "status": "completed"}
    expected = [TextDelta("Hi"), Finish("stop")]

    assert expected == read(json.dumps({**reply, "output": [bare(item)]}).encode())
    assert expected == read(completed(output=[bare(item)]))


@pytest.mark.parametrize("output", [{"content": "Hi"}, "Hi", 5])
def test_an_output_that_is_no_list(read, output):
    """An output of an unknown shape is an error, wherever it stands."""
    for stream in (completed(output=output), event("response.completed", output=output)):
        with pytest.raises(MalformedReply):
            read(stream)


def test_calls_of_one_index(read):
    """Calls that a server sends under one index are several, by their ids."""
    added = "response.output_item.added"
    calls = [{"type": "function_call", "id": id, "call_id": id, "name": "add"} for id in "ab"]
    piece = event("response.function_call_arguments.delta", output_index=0, delta="{}")
    stream = [part for call in calls for part in (event(added, output_index=0, item=call), piece)]

    assert [0, 0, 1, 1] == [
        d.index for d in read(*stream, completed()) if isinstance(d, ToolCallDelta)
    ]


def test_parts_of_the_reasoning(read):
    """Parts of the reasoning are paragraphs."""
    kinds = ["reasoning_summary_text", "reasoning_summary_text", "reasoning_text"]
    stream = [
        event(
            f"response.{kind}.delta",
            item_id="rs_1",
            summary_index=at,
            content_index=at,
            delta=piece,
        )
        for at, kind in enumerate(kinds)
        for piece in ("One ", "two.")
    ]

    thoughts = [
        delta.text for delta in read(*stream, completed()) if isinstance(delta, ReasoningDelta)
    ]
    assert "One two.\n\nOne two.\n\nOne two." == "".join(thoughts)


@pytest.mark.parametrize(
    ("reason", "ours"),
    [
        ("max_output_tokens", "length"),
        ("content_filter", "content_filter"),
        ("max_messages", "length"),
        (None, "length"),
    ],
)
def test_incomplete_responses(read, reason, ours):
    """An incomplete response has the reason that its details name."""
    details = reason and {"reason": reason}
    stream = event("response.incomplete", response={"incomplete_details": details})

    assert [Finish(ours)] == read(stream)
    assert [Finish(ours)] == read(event("response.incomplete", incomplete_details=details))
    assert [TextDelta("Hi"), Finish(ours)] == read(
        whole(message(said("Hi")), status="incomplete", incomplete_details=details)
    )


# Failures.

ERROR = {"code": "rate_limit_exceeded", "message": "Too fast. Try again in 7s."}
FAILURES = {
    "an event": event("error", **ERROR, param=None),
    "an event with an error": event("error", error={"type": "tokens", **ERROR}),
    "a failed response": event("response.failed", response={"status": "failed", "error": ERROR}),
    "without a name": event("response.failed", response={"error": ERROR}).partition(b"\n")[2],
    "an error of a gateway": b'data: {"error": %s}\n\n' % json.dumps(ERROR).encode(),
    "a whole response": whole(status="failed", error=ERROR),
    "a response in its event": event("response.failed", status="failed", error=ERROR, output=[]),
    "a response that is not completed": event("response.completed", error=ERROR, output=[]),
}


@pytest.mark.parametrize("stream", FAILURES.values(), ids=FAILURES)
def test_failures(read, stream):
    """A failure is one of our errors in each form, with the provider's sentence."""
    with pytest.raises(RateLimited, match=r"Too fast\.") as caught:
        read(stream)

    assert 7 == caught.value.retry_after


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_failures_without_a_reason(read, end):
    """A response that failed without an error, or was cancelled, is unavailable."""
    with pytest.raises(ModelUnavailable, match=end):
        read(event(f"response.{end}", response={"status": end, "error": None}))


@pytest.mark.parametrize("state", ["aborted", "cancelled", "error", "expired", "failed", "timeout"])
def test_responses_that_ended_badly(read, state):
    """A response in such a state is no answer, whatever its event, or a later one, says."""
    said_all = rendered(TextDelta("Hi"))
    response = {"status": state, "output": [message(said("Hi"))]}
    for stream in (
        event("response.completed", response=response),
        event(f"response.{state}", response=response) + said_all,
        event(f"response.{state}", response={}) + said_all,
        event(f"response.{state}") + said_all,
        event("response.completed", **response),
        event(f"response.{state}", **response) + said_all,
        whole(message(said("Hi")), status=state),
    ):
        with pytest.raises(ModelError):
            read(stream)


def call(arguments, **fields):
    """Return a call of a tool."""
    return {"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments, **fields}


@pytest.mark.parametrize("state", ["completed", "in_progress", None])
def test_states_of_items_at_the_end(read, state):
    """The state of the response decides; some servers leave an item's as it began."""
    items = message(said("Hi"), status=state), call('{"a": 1}', status=state)
    for end in (whole(*items), completed(output=items)):
        assert [TextDelta("Hi"), Finish("tool_calls")] == [read(end)[0], read(end)[-1]]


def test_a_call_that_is_in_progress_at_the_end(read):
    """A call that is in progress at the end, and whose arguments lack theirs, has broken off."""
    for arguments in ('{"a": ', '{"a": [1, "b'):
        item = call(arguments, status="in_progress")
        done = event("response.output_item.done", item=item, output_index=0)
        for end in (whole(item), completed(output=[item]), done + completed(output=[])):
            with pytest.raises(ModelUnavailable, match="broke off"):
                read(end)


def test_an_item_that_is_incomplete(read):
    """An item that was cut was cut by a limit, also where the response says that it is complete."""
    for item in (message(said("Hi"), status="incomplete"), call('{"a', status="incomplete")):
        done = event("response.output_item.done", item=item, output_index=0)
        for end in (whole(item), completed(output=[item]), done + completed(output=[])):
            assert Finish("length") == read(end)[-1]


def test_unknown_ends(read):
    """An end for a reason that is unknown is no answer."""
    with pytest.raises(ModelUnavailable, match="ended with 'steered'"):
        read(event("response.incomplete", response={"incomplete_details": {"reason": "steered"}}))


def test_rejections_in_midstream(read):
    """A prompt that is found invalid in mid-stream was rejected."""
    with pytest.raises(ModelRejected):
        read(event("error", code="invalid_prompt", message="No."))


def test_tools_of_the_provider_may_fail(read):
    """The failure of a tool that the provider runs is not that of the reply."""
    for tool in ("mcp_call", "mcp_list_tools", "web_search_call", "code_interpreter_call"):
        for end in ("failed", "error"):
            failed = event(f"response.{tool}.{end}", output_index=0, item_id="mcp_1")

            assert [TextDelta("Hi"), Finish("stop")] == read(failed, rendered(TextDelta("Hi")))


OF_THE_MODEL = """
    output_text output_item content_part message reasoning reasoning_summary_text refusal
    function_call function_call_arguments custom_tool_call custom_tool_call_input
"""


@pytest.mark.parametrize("part", OF_THE_MODEL.split())
@pytest.mark.parametrize("end", ["failed", "error"])
@pytest.mark.parametrize("error", [None, ERROR])
def test_parts_of_the_answer_that_fail(read, part, end, error):
    """The failure of what the model itself makes is one, though the response is completed."""
    kind = f"response.{part}.{end}"
    failed = event(kind, output_index=0, error=error)
    named = f"event: error\ndata: {json.dumps({'type': kind, 'error': error})}\n\n".encode()

    for failure in (failed, named):
        with pytest.raises(ModelError):
            read(failure, rendered(TextDelta("Hi")))


def test_usage_of_a_failure():
    """The tokens of a response that failed are reported before its error."""
    reply = ResponseReply(ErrorFactory("openai", "m"))
    response = {
        "status": "failed",
        "error": ERROR,
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
    deltas = reply.feed(
        b"data: " + json.dumps({"type": "response.failed", "response": response}).encode() + b"\n\n"
    )

    assert Usage(3, 4, model="m") == next(deltas)
    with pytest.raises(RateLimited):
        next(deltas)


@pytest.mark.parametrize(
    "reply", [b"<html>Wrong door</html>", whole(status="queued"), b'{"hello": 1}', b"data: 5\n\n"]
)
def test_no_reply(read, reply):
    """What is no reply is malformed."""
    with pytest.raises(MalformedReply):
        read(reply)


def test_what_follows_the_end(read):
    """Nothing is read after the last event, which marks the end."""
    reply = ResponseReply(ErrorFactory("openai", "m"))
    list(reply.feed(RECORDED))

    assert reply.is_settled
    assert DELTAS == read(RECORDED + event("response.output_text.delta", delta="more"))


# Anything.

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.floats()
    | st.sampled_from(["", "x", "text", "error", "function_call", "message"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "id"]), inner, max_size=2)
    ),
    max_leaves=3,
)


@given(st.data())
def test_wrong_types(read, data):
    """Any value in any place is read, or is one of our errors."""
    frames = RECORDED.strip().split(b"\n\n")
    at = data.draw(st.integers(0, len(frames) - 1))
    head, _, body = frames[at].partition(b"\ndata: ")
    value = json.loads(body)
    part = value
    while True:
        key = data.draw(
            st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part)))
        )
        if not (isinstance(part[key], dict | list) and part[key] and data.draw(st.booleans())):
            break
        part = part[key]
    part[key] = data.draw(values)
    frames[at] = head + b"\ndata: " + json.dumps(value).encode()
    with suppress(ModelError):
        read(b"\n\n".join(frames) + b"\n\n", origin="responses")


@given(st.binary(max_size=60))
def test_wrong_bytes(read, noise):
    """Bytes in the middle of a reply are read, or are one of our errors."""
    middle = len(RECORDED) // 2
    with suppress(ModelError):
        read(RECORDED[:middle] + noise + RECORDED[middle:])


@given(st.data())
def test_arguments_that_differ_from_their_pieces(data):
    """A call does not run with pieces of which one was lost, came twice, or was changed."""
    arguments = json.dumps({"amount": data.draw(st.integers(100, 10**6)), "of": "pay"})
    size = data.draw(st.integers(1, 6))
    pieces = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    at = data.draw(st.integers(0, len(pieces) - 2))
    pieces[at : at + 1] = data.draw(st.sampled_from([[], [pieces[at]] * 2, ["9" + pieces[at]]]))
    assume(not arguments.startswith("".join(pieces)))
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "pay"}
    place = {"output_index": 0, "item_id": "fc_1"}
    whole = item | {"arguments": arguments, "status": "completed"}
    ends = [
        event("response.function_call_arguments.done", **place, arguments=arguments),
        event("response.output_item.done", output_index=0, item=whole),
    ]
    shown = data.draw(st.lists(st.sampled_from(ends), max_size=2, unique=True))
    frames = [
        event("response.output_item.added", output_index=0, item=item | {"arguments": ""}),
        *(event("response.function_call_arguments.delta", **place, delta=one) for one in pieces),
        *shown,
        event("response.completed", response={"status": "completed", "output": [whole]}),
    ]
    reply = ResponseReply(ErrorFactory("openai", "m"))
    with pytest.raises(MalformedReply, match="differ from the pieces"):
        list(chain(reply.feed(b"".join(frames)), reply.end()))
