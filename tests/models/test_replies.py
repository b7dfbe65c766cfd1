"""Laws of the replies of all protocols, as bytes."""

import json
from copy import deepcopy
from itertools import chain

import pytest
from attrs import astuple
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import ModelError, ModelUnavailable
from rxagent.events import Finish, TextDelta, ToolCallDelta, Usage
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic_events import MessageRendering
from rxagent.testing.far_ends.responses_events import ResponseRendering
from rxagent.testing.frames import DONE, sse

from .forms import ANSWER, FORMS, side_fields, whole

EACH = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
WHOLE = {name: form for name, form in FORMS.items() if form.frame is whole}
EACH_WHOLE = pytest.mark.parametrize("form", WHOLE.values(), ids=WHOLE)
OF_EVENTS = {name: form for name, form in FORMS.items() if form.frame is sse}
EACH_OF_EVENTS = pytest.mark.parametrize("form", OF_EVENTS.values(), ids=OF_EVENTS)
STREAMED = {
    name: form for name, form in FORMS.items() if form.frame is not whole and not form.settles
}
EACH_STREAM = pytest.mark.parametrize("form", STREAMED.values(), ids=STREAMED)


def said(deltas):
    """Return what deltas say: the text, the calls and the finish reason."""
    text = "".join(delta.text for delta in deltas if type(delta) is TextDelta)
    calls = {}
    for delta in deltas:
        if type(delta) is ToolCallDelta:
            name, arguments = calls.get(delta.index, ("", ""))
            calls[delta.index] = name + (delta.name or ""), arguments + (delta.arguments or "")
    reasons = [delta.reason for delta in deltas if type(delta) is Finish]
    called = [(name, json.loads(arguments)) for name, arguments in calls.values()]
    return text, called, reasons


@EACH
def test_answer(form):
    """Each form says the same."""
    assert ("I add.", [("add", {"a": 2})], ["tool_calls"]) == said(form.read(form.events))


# Failures.

words = st.text("xyz ", min_size=1).filter(str.strip)
codes = st.integers(400, 599)
described = (
    st.fixed_dictionaries({"message": words}, optional={"type": words, "code": codes | words})
    | st.fixed_dictionaries({"code": codes})
    | words
    | st.just(True)
)
named = st.one_of(
    *(st.fixed_dictionaries({name: described}) for name in ("error", "Error")),
    st.fixed_dictionaries({"errors": st.lists(described, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"error": st.lists(described, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"error_code": codes | words}),
    st.fixed_dictionaries({"error_message": words}),
    st.fixed_dictionaries({"err": words | codes}),
    st.sampled_from(["errorCode", "errcode", "errno", "err_code", "errCode"]).flatmap(
        lambda name: st.fixed_dictionaries({name: codes})
    ),
    st.sampled_from(["errorMessage", "errmsg", "errorMsg", "err_msg"]).flatmap(
        lambda name: st.fixed_dictionaries({name: words})
    ),
    st.fixed_dictionaries(
        {"base_resp": st.fixed_dictionaries({"status_code": codes, "status_msg": words})}
    ),
)
"""The fields by which any object of a reply reports a failure."""

stated = st.one_of(
    st.fixed_dictionaries({"status": st.sampled_from(["failed", "error"])}),
    st.fixed_dictionaries({"code": codes}, optional={"message": words}),
    st.fixed_dictionaries({"success": st.just(False)}, optional={"message": words}),
)
"""The fields by which an event, or a whole reply, does."""

nothing = st.sampled_from(["", None, "None", "null", " "])
wordless = st.just("") | st.dictionaries(st.sampled_from(["message", "type"]), nothing)
bare = st.one_of(
    named,
    stated,
    named.map(lambda failure: [failure]),
    st.fixed_dictionaries({"detail": words}),
    st.fixed_dictionaries({"message": words}),
    st.fixed_dictionaries({"success": st.just(False)}),
    st.fixed_dictionaries({"error": wordless}),
    st.fixed_dictionaries({"object": st.just("error"), "message": words}),
    st.fixed_dictionaries({"role": st.just("error"), "content": words}),
    st.fixed_dictionaries({"fault": st.fixed_dictionaries({"faultstring": words})}),
)
"""The objects that report a failure between the events."""


def assert_failed(form, events):
    """Assert that a reply is an error, and no whole answer before it."""
    with pytest.raises(ModelError) as caught:
        form.read(events)
    assert "broke off" not in str(caught.value)


@EACH
@given(st.data())
def test_a_failure_in_any_place(form, data):
    """A failure that any object of a reply reports, in any disguise, is an error."""
    events = deepcopy(form.events)
    event = events[data.draw(st.integers(0, form.breakable - 1))]
    parts = form.objects(event)
    part = data.draw(st.sampled_from(parts))
    part |= data.draw(named | stated if part is parts[0] else named)

    assert_failed(form, events)


@EACH_OF_EVENTS
@given(st.data())
def test_a_failure_between_the_events(form, data):
    """An object that is no event of the protocol and reports a failure is an error."""
    events = deepcopy(form.events)
    at = data.draw(st.integers(3, form.finish))
    events.insert(at, data.draw(bare))

    assert_failed(form, events)


@EACH_WHOLE
@given(bare)
def test_a_failure_instead_of_a_reply(form, failure):
    """So it is in the place of a whole reply."""
    with pytest.raises(ModelError):
        form.read([failure])


@EACH_WHOLE
@given(codes, words, st.booleans())
def test_the_status_of_a_failure_instead_of_a_reply(form, code, message, is_inside):
    """A failure in the place of a whole reply has its status and its words."""
    described = {"code": code, "message": message}
    with pytest.raises(ModelError) as caught:
        form.read([{"error": described} if is_inside else described])

    assert code == caught.value.status
    assert " ".join(message.split()) in str(caught.value)


@EACH_WHOLE
def test_a_whole_reply_that_is_cut(form):
    """It has broken off, wherever it is cut, as a stream has."""
    data = whole(form.events[0])
    for end in range(1, len(data)):
        with pytest.raises(ModelUnavailable, match="broke off"):
            form.read([data[:end]])


# Side fields.

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "x", "5"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["text", "summary", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@EACH
@given(st.data())
def test_no_side_field_costs_the_text(form, data):
    """Whatever stands in a field beside the text and the calls, they arrive."""
    events = deepcopy(form.events)
    fields = list(side_fields(events, form.side))
    for part, name in data.draw(st.lists(st.sampled_from(fields), min_size=1, max_size=3)):
        part[name] = data.draw(values)

    assert said(form.read(form.events)) == said(form.read(events))


counts = st.sampled_from([-1, 2**32 * 1000, 2**63, 2**64 - 1, 10**400]) | st.integers(10**13)


@EACH
@given(st.data())
def test_no_count_that_makes_no_sense(form, data):
    """A number of tokens that no reply has is unknown, and costs nothing of the answer."""
    events = deepcopy(form.events)
    usages = [
        part[name]
        for part, name in side_fields(events, form.side | {"metadata"})
        if name == "usage" and isinstance(part[name], dict)
    ]
    usages += [part["metadata"]["usage"] for part in events if "metadata" in part]
    usage = data.draw(st.sampled_from(usages))
    for name in usage:
        if type(usage[name]) is int:
            usage[name] = data.draw(counts)
    deltas = form.read(events)
    used = [delta for delta in deltas if isinstance(delta, Usage)]

    assert said(form.read(form.events)) == said(deltas)
    assert all(0 <= count < 1000 for delta in used for count in astuple(delta)[:5])


# The end.


def rendered(rendering):
    """Return the frames of the answer."""
    return list(chain(rendering.begin(), *map(rendering.delta, ANSWER), rendering.end()))


@EACH_STREAM
@given(st.data())
def test_what_says_nothing_is_no_news(form, data):
    """A finished reply is not kept open by frames that say nothing, of whatever kind."""
    reply = form.reader(ErrorFactory("any", "m"), "here")
    list(reply.feed(b"".join(map(form.frame, form.events[: form.finish + 1]))))
    before = reply.received
    for frame in data.draw(st.lists(st.sampled_from(form.blank), max_size=6)):
        list(reply.feed(frame))

    assert (before, True, False) == (reply.received, reply.is_finished, reply.is_settled)


WITHOUT_DONE = {
    "anthropic": (MessageReply, rendered(MessageRendering(ANSWER)), b"message_delta"),
    "responses": (ResponseReply, rendered(ResponseRendering()), b"response.completed"),
}
"""The protocols in which `[DONE]` is no end, each with its reader, a reply, and its last event."""


def failing(reader, data):
    """Return the deltas of a reply, and its error."""
    reply, deltas = reader(ErrorFactory("openai", "m")), []
    try:
        for delta in chain(reply.feed(data), reply.end()):
            if delta is not REST:
                deltas.append(delta)
    except ModelUnavailable as error:
        return deltas, error
    raise AssertionError(f"No error after {deltas}")


@pytest.mark.parametrize(("reader", "frames", "end"), WITHOUT_DONE.values(), ids=WITHOUT_DONE)
def test_the_mark_of_another_protocol(reader, frames, end):
    """A reply that was cut is not whole by a `[DONE]`, which gateways append to anything."""
    enough = next(at for at, frame in enumerate(frames) if b"event: " + end in frame)
    assert enough > 8
    for at in range(3, enough + 1):
        deltas, error = failing(reader, b"".join(frames[:at]) + DONE)

        assert "broke off" in str(error) or not deltas
        assert not any(isinstance(delta, Finish) for delta in deltas)
    reply = reader(ErrorFactory("openai", "m"))
    found = list(chain(reply.feed(b"".join(frames) + DONE), reply.end()))

    assert Finish("tool_calls") in found


@pytest.mark.parametrize(("reader", "frames", "end"), WITHOUT_DONE.values(), ids=WITHOUT_DONE)
def test_silence_after_the_mark_of_another_protocol(reader, frames, end):
    """Such a mark is not waited behind for long, though the reply is not whole."""
    reply = reader(ErrorFactory("openai", "m"))
    list(reply.feed(b"".join(frames[:8]) + DONE))

    assert (False, True, True) == (reply.is_finished, reply.is_cut, reply.is_whole())
