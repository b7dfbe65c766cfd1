"""The data of server-sent events."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.events import Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.models.sse import Failure, Frames, Strange
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic_events import MessageRendering
from rxagent.testing.far_ends.responses_events import ResponseRendering


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return the bytes in pieces that end at these places."""
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]


def frames(*chunks: bytes) -> list[bytes]:
    """Return the data of a whole stream."""
    reader = Frames()
    return [data for chunk in chunks for data in reader.feed(chunk)] + reader.flush()


LINES = st.lists(
    st.text().map(lambda text: text.encode().replace(b"\r", b"").replace(b"\n", b"")), min_size=1
)
OTHERS = st.sampled_from([b"", b": comment\n", b"event: x\n", b"id: 7\n", b"retry: 5\n", b"\n"])


@given(
    st.lists(st.tuples(LINES, OTHERS, OTHERS), max_size=5),
    st.sampled_from([b"\n", b"\r", b"\r\n"]),
    st.sampled_from([b"data:", b"data: "]),
    st.lists(st.integers(0)),
    st.booleans(),
)
def test_cutting(events, end, name, places, closed):
    """However lines end and bytes are cut, the data are those lines of data, joined."""
    events = [([b"x" + line for line in lines], *others) for lines, *others in events]
    data = b"".join(
        before + b"".join(name + line + b"\n" for line in lines) + after.strip() + b"\n\n"
        for lines, before, after in events
    )
    data = (data if closed else data.rstrip(b"\n")).replace(b"\n", end)

    assert [b"\n".join(lines) for lines, *_ in events] == frames(*cut(data, places))
    assert [b"\n".join(lines) for lines, *_ in events] == frames(
        *(data[at : at + 1] for at in range(len(data)))
    )


def test_byte_order_mark():
    """A byte order mark may stand before the first event, and is no part of it."""
    assert [b"1", b"2"] == frames(b"\xef\xbb\xbfdata: 1\n\ndata: 2\n\n")


def test_no_data():
    """An event without data is none; one with an empty line of data is one."""
    assert [b""] == frames(b"event: ping\n\n: hush\n\n\n\ndata\n\n")


@pytest.mark.parametrize("name", [b"ping", b"keep-alive", b"heartbeat"])
def test_words_of_signs_of_life(name):
    """The words of an event that is a sign of life are no data; JSON is."""
    event = b"event: " + name + b"\ndata: "

    assert [b"{}", b"1"] == frames(event + b"ping\n\n" + event + b"{}\n\n" + b"data: 1\n\n")


def test_strange():
    """What belongs to no event stream is known as such, up to 200 bytes of it."""
    (found,) = frames(b"<html>\n" + b"x" * 300 + b"\n\n")

    assert (Strange, b"<html>" + b"x" * 194) == (type(found), found)


@pytest.mark.parametrize("line", [b": hush", b"retry: 5", b"id: 7", b"trace-id: abc", b"  "])
def test_other_fields(line):
    """Comments and unknown fields are skipped."""
    assert [b"1"] == frames(line + b"\ndata: 1\n\n" + line + b"\n\n")


@given(st.sampled_from([b"\r\n\n", b"\n\r\n", b"\r\r\n", b"\r\n\r"]), st.lists(st.integers(0)))
def test_mixed_ends_of_lines(end, places):
    """The ends of lines may differ from line to line, wherever the bytes are cut."""
    data = b"data: 1" + end + b"data: 2" + end

    assert [b"1", b"2"] == frames(*cut(data, places))
    assert [b"1", b"2"] == frames(*(data[at : at + 1] for at in range(len(data))))


@given(st.lists(st.sampled_from([b"x", b"y", b"error"]), max_size=9), st.lists(st.integers(0)))
def test_named_events(names, places):
    """Events of one name after the other are read as each alone, and a name may mean an error."""
    data = b"".join(b"event: %b\ndata: %b %d\n\n" % (n, n, at) for at, n in enumerate(names))
    found = frames(*cut(data, places))

    assert [b"%b %d" % (name, at) for at, name in enumerate(names)] == found
    assert [Failure if name == b"error" else bytes for name in names] == list(map(type, found))


@pytest.mark.parametrize("beginning", [b"d", b"data", b"ev", b"event", b"event: x\nda", b"r"])
def test_the_beginning_of_a_line(beginning):
    """A name of a field that was cut short belongs to no data, and is nothing strange."""
    assert [b"1"] == frames(b"data: 1\n\n" + beginning)


# Events whose type is the name of the event alone.

READERS = {
    "anthropic": (MessageReply, MessageRendering),
    "responses": (ResponseReply, lambda _: ResponseRendering()),
}
SCRIPT = (
    ReasoningDelta("I add."),
    *map(TextDelta, ["It ", "is ", "5", "."]),
    ToolCallDelta(0, "call_1", "add", '{"a": '),
    ToolCallDelta(0, arguments="2}"),
    Usage(3, 2),
    Finish("tool_calls"),
)


def read(kind, events):
    """Return the deltas of a reply."""
    reply = kind(ErrorFactory("any", "m"))
    deltas = [*reply.feed(b"".join(events)), *reply.end()]
    return [delta for delta in deltas if delta is not REST]


@pytest.mark.parametrize("protocol", READERS)
@given(data=st.data())
def test_the_name_is_the_type(protocol, data):
    """A gateway may leave the type of an event to its name, for some events or for all."""
    kind, rendering_of = READERS[protocol]
    rendering = rendering_of(SCRIPT)
    rendered = [*rendering.begin(), *(e for d in SCRIPT for e in rendering.delta(d))]
    events = b"".join([*rendered, *rendering.end()]).split(b"\n\n")[:-1]
    names = sorted({event.partition(b"\n")[0] for event in events})
    typeless = data.draw(st.sets(st.sampled_from(names)) | st.just(set(names)))
    changed = []
    for event in events:
        name, _, body = event.partition(b"\ndata: ")
        fields = json.loads(body)
        if name in typeless:
            assert name == b"event: " + fields.pop("type").encode()
        changed.append(name + b"\ndata: " + json.dumps(fields).encode() + b"\n\n")
    expected = read(kind, [event + b"\n\n" for event in events])

    assert any(isinstance(delta, Finish) for delta in expected)
    assert expected == read(kind, changed)
