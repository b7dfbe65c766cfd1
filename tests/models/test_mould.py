"""Moulds: which frames differ in their text, and in fields that say nothing, alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import ModelError
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.errors import ErrorFactory
from rxagent.models.mould import mould_of
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.streams.fairness import REST

from ..laws import examples

OTHERS = "sequence_number", "obfuscation"

texts = st.text(alphabet='ab"\\,:{}delta', max_size=4)
frames = st.fixed_dictionaries(
    {"type": st.sampled_from(["t", "delta"]), "delta": texts},
    optional={
        "item_id": st.sampled_from(["m", "n", "delta"]),
        "logprobs": st.sampled_from([[], [], [1]]),
        "obfuscation": st.text(alphabet='ab"\\', max_size=3) | st.none(),
        "output_index": st.integers(0, 1),
        "sequence_number": st.integers(0, 11) | st.just("5"),
    },
)


def json_of(value, order):
    """Return the JSON of an object, its fields in one of their orders."""
    names = sorted(value, key=lambda name: (name[order % 4 : order % 4 + 1], name))
    return json.dumps({name: value[name] for name in names}, separators=(",", ":")).encode()


def mould(frame, name="delta", part=()):
    """Return the mould of a frame whose text has this name, in a part of it."""
    value = inner = json.loads(frame)
    for key in part:
        inner = inner[key]
    return mould_of(frame, value, inner, name, *OTHERS)


@given(frames, frames, st.integers(0, 3))
def test_what_fits_is_alike(one, other, order):
    """Of a frame that fits, the text is its piece, and nothing else differs."""
    made = mould(json_of(one, order))
    if found := made and made.text_in(json_of(other, order)):
        assert found == other["delta"]
        rest = [
            {k: v for k, v in frame.items() if k not in ("delta", *OTHERS)}
            for frame in (one, other)
        ]
        assert rest[0] == rest[1]


@pytest.mark.parametrize("order", range(4))
def test_what_is_alike_fits(order):
    """A frame with another text, number and padding fits, whatever the order of its fields."""
    frame = {"type": "t", "delta": 'a"', "item_id": "m", "sequence_number": 9, "obfuscation": "xy"}
    other = {**frame, "delta": 'b\\"}', "sequence_number": 10, "obfuscation": ""}

    assert other["delta"] == mould(json_of(frame, order)).text_in(json_of(other, order))


@pytest.mark.parametrize(
    "frame",
    [
        b'{"delta":"a","delta":"b"}',
        b'{"delta":"a","delta":"a"}',
        b'{"delta":"a","d\\u0065lta":"a"}',
        b'{"inner":{"delta":"a"},"delta":"a"}',
        b'{"delta":"a","obfuscation":"x","obfuscation":"x"}',
        b'{"delta":5}',
        b'{"text":"a"}',
        b"[]",
    ],
)
def test_what_is_no_mould(frame):
    """A frame whose text is not certain is no mould."""
    assert mould(frame) is None


@pytest.mark.parametrize(
    ("frame", "other"),
    [
        (b'{"delta":"a","sequence_number":5}', b'{"delta":"b","sequence_number":05}'),
        (b'{"delta":"a","obfuscation":"x"}', b'{"delta":"b","obfuscation":"}'),
        (b'{"delta":"a","obfuscation":"x"}', b'{"delta":"b","obfuscation":"\\"}'),
        (b'{"delta":"a","output_index":12}', b'{"delta":"b","output_index":1 2}'),
    ],
)
def test_what_is_no_json_fits_no_mould(frame, other):
    """A frame that no parser would read has no text."""
    assert mould(frame).text_in(frame) == "a"
    assert mould(frame).text_in(other) == ""


# Readers: what a mould passes is what a parser reads.


class ParsedChat(ChatReply):
    """Parses every frame."""

    def _learn(self, *_):
        pass


class ParsedResponse(ResponseReply):
    """Parses every frame."""

    def _learn(self, *_):
        pass


class ParsedMessage(MessageReply):
    """Parses every frame."""

    def _learn(self, *_):
        pass


CHAT = '"choices":[{"index":0,"delta":{"content":%s},"finish_reason":null}]'
MESSAGE = '"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%s}'
READERS = {
    "chat": (ChatReply, ParsedChat, CHAT),
    "responses": (ResponseReply, ParsedResponse, '"type":"response.output_text.delta","delta":%s'),
    "messages": (MessageReply, ParsedMessage, MESSAGE),
}

LETTERS = st.text(alphabet='aZ"\\<>{}:, é🎈\u2028\x00\x7f', max_size=6)
USUAL = st.sampled_from(['"a"', '"bc"', '" d"', '"\\n"', '"é"', '"\\\\"', '"d"', '"efg"'])
ENDS = [
    *("", ",", "}", "]", " ", '"', '"}', "}]}", ',"error":{"message":"No"}', '},"x":{"y":"b"'),
    *(',"obfuscation":"b"', ',"content":"b"', ',"delta":"b"', ',"choices":[]', ',"text":"b"'),
    *(',"x":5 5', ',"x":5', ',"x":tr ue', ',"type":"error"', ',"usage":{"prompt_tokens":5}'),
]
WRONG = [
    '"\\q"',
    '"\\"',
    '"a\\"',
    '"',
    '"a',
    "",
    '"\t"',
    '"a\n"',
    '"a\udcff"',
    "'a'",
    "tr ue",
    "05",
]
HALVES = ['"\\ud83c"', '"\\udf88"', '"\\u00e9"']
OTHER = ["null", "5", "-1", "0", "1.5", "true", "[]", '["a"]', '{"a":"b"}', "NaN", '""']
QUOTED = st.builds(lambda text, ascii: json.dumps(text, ensure_ascii=ascii), LETTERS, st.booleans())
TOKENS = st.sampled_from([*WRONG, *HALVES, *OTHER]) | QUOTED
ANY = TOKENS | st.builds(str.__add__, USUAL | TOKENS, st.sampled_from(ENDS))
NAMES = [None, "obfuscation", "obfuscation", "p", "sequence_number", "x", "error"]


@st.composite
def sent(draw, shape):
    """Draw the frames of a stream: alike but for usual texts and paddings, with odd ones between.

    Whatever is odd stands for the text, for the padding, or behind either.
    """
    name, first = draw(st.sampled_from(NAMES)), draw(st.booleans())
    usual = st.integers(0, 100).map(str) if name == "sequence_number" else USUAL
    gap = draw(st.sampled_from(["", "", " "]))
    streamed = []
    for odd in draw(st.lists(st.sampled_from(["", "", "text", "padding", "both"]), max_size=6)):
        text = draw(ANY if odd in ("text", "both") else USUAL)
        fields = [shape % text]
        if name is not None:
            padding = draw(ANY if odd in ("padding", "both") else usual)
            fields.insert(0 if first else 1, f'"{name}":{padding}')
        spaces = " " * draw(st.sampled_from([0, 0, 0, 1, 3]))
        event = draw(st.sampled_from([*[""] * 9, "event: error\n"]))
        data = f"{event}data: {{{(',' + gap).join(fields)}{spaces}}}\n\n"
        streamed.append(data.encode(errors="surrogateescape"))
    return streamed


def read(kind, streamed):
    """Return the deltas of a stream, and what it failed with."""
    reply = kind(ErrorFactory("openai", "m"))
    found = []
    try:
        for data in streamed:
            found += [delta for delta in reply.feed(data) if delta is not REST]
        found += [delta for delta in reply.end() if delta is not REST]
    except ModelError as error:
        found += [type(error), str(error)]
    return found


@pytest.mark.parametrize("reader", READERS)
@examples(500)
@given(data=st.data())
def test_a_mould_reads_as_a_parser(reader, data):
    """The deltas are those of a reader that parses every frame, whatever is in the frames."""
    moulded, parsed, shape = READERS[reader]
    streamed = data.draw(sent(shape))

    assert read(parsed, streamed) == read(moulded, streamed)
