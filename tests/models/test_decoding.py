"""Decoding: bodies that are compressed in any way, and cut in any places."""

import asyncio
import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import MalformedReply, RateLimited
from rxagent.events import TextDelta
from rxagent.models import InferenceClientModel, OpenAIModel
from rxagent.models.decoding import UnknownEncoding, decoded, encodings_in
from rxagent.streams import each
from rxagent.testing.frames import DONE, finish_chunk, sse, text_chunk

from .raw import answering


async def of(pieces):
    """Yield pieces as a body has them."""
    for piece in pieces:
        yield piece


def read(pieces, header):
    """Return the body of pieces in the encodings of a header."""

    async def joined():
        return b"".join([part async for part in decoded(of(pieces), encodings_in(header))])

    return asyncio.run(joined())


def cut(data, places):
    """Return data cut at some places."""
    ends = sorted(place % (len(data) + 1) for place in places)
    pieces = [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]
    return [piece for piece in pieces if piece]


def raw(data):
    """Return deflated data without a header."""
    deflating = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflating.compress(data) + deflating.flush()


PLACES = st.lists(st.integers(0), max_size=6)
ENCODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZip": lambda data: gzip.compress(data[:3]) + gzip.compress(data[3:]) + bytes(512),
    "deflate": zlib.compress,
    "Deflate": raw,
    "identity": bytes,
    "": bytes,
}


@given(st.binary(max_size=60), st.lists(st.sampled_from([*ENCODINGS]), max_size=3), PLACES)
def test_encodings(data, names, places):
    """A body is what it was before it was encoded, however often, and wherever it is cut."""
    body = data
    for name in names:
        body = ENCODINGS[name](body)

    assert data == read(cut(body, places), " ,".join(names))


@given(st.lists(st.binary(max_size=9), min_size=1), PLACES, st.binary(max_size=1))
def test_members(members, places, padding):
    """A gzip body is all of its members, and nothing of what pads it."""
    body = b"".join(map(gzip.compress, members)) + padding

    assert b"".join(members) == read(cut(body, places), "gzip")


def test_much_from_little():
    """What a few bytes hold comes in parts of a bounded size."""

    async def longest():
        pieces = of([gzip.compress(bytes(10_000_000))])
        return max([len(part) async for part in decoded(pieces, ["gzip"])])

    assert 1 << 16 == asyncio.run(longest())


def test_garbled():
    """A body that is not in its encoding is an error."""
    for name in ("gzip", "x-gzip", "deflate"):
        with pytest.raises(zlib.error):
            read([b"no such thing"], name)


@pytest.mark.parametrize("header", ["br", "zstd, gzip", "aws-chunked", "utf-8"])
def test_an_unknown_encoding(header):
    """A text in an unknown encoding is a text; anything else is an error that names it."""
    name = header.partition(",")[0]
    for body in (b"data: {}\n\n", b'{"a": "\xc3\xbc"}'):
        coded = gzip.compress(body) if "gzip" in header else body
        assert body == read([coded], header)
    for body in (b"\x0b\x02\x80x", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08"):
        coded = gzip.compress(body) if "gzip" in header else body
        with pytest.raises(UnknownEncoding, match=f"'{name}' is not known"):
            read([coded], header)


STREAM = [*(sse(text_chunk(text)) for text in ("Grü", "ße 🎈")), sse(finish_chunk("stop")), DONE]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
MODELS = [
    lambda url: OpenAIModel("m", api_base=url, api_key="k"),
    lambda url: InferenceClientModel("m", api_base=url, token="t"),
]


@pytest.mark.parametrize("model", MODELS, ids=["openai", "hf"])
@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("gzip", b"".join(map(gzip.compress, STREAM))),
        ("x-gzip", gzip.compress(b"".join(STREAM))),
        ("deflate", raw(b"".join(STREAM))),
        ("identity", b"".join(STREAM)),
        ("deflate, x-gzip", gzip.compress(zlib.compress(b"".join(STREAM)))),
        ("deflate\r\nContent-Encoding: gzip", gzip.compress(zlib.compress(b"".join(STREAM)))),
    ],
)
def test_replies(model, header, body):
    """A reply is read, however its body is encoded."""
    head = OK + b"Content-Encoding: %s\r\n\r\n" % header.encode()
    with answering(head + body) as url:
        found = list(each(model(url)("Hi")))

    assert "Grüße 🎈" == "".join(delta.text for delta in found if isinstance(delta, TextDelta))


@pytest.mark.parametrize("model", MODELS, ids=["openai", "hf"])
def test_a_reply_in_an_unknown_encoding(model):
    """The error of a reply that cannot be read names its encoding."""
    reply = OK + b"Content-Encoding: compress\r\n\r\n\x1f\x9d\x90abc"
    with answering(reply) as url, pytest.raises(MalformedReply, match="'compress', which is not"):
        list(each(model(url)("Hi")))


@pytest.mark.parametrize("model", MODELS, ids=["openai", "hf"])
@pytest.mark.parametrize("name", ["gzip", "x-gzip"])
def test_the_body_of_an_error(model, name):
    """The sentence of an error is read, too."""
    sentence = json.dumps({"error": {"message": "Slow down."}}).encode()
    body = gzip.compress(sentence[:20]) + gzip.compress(sentence[20:])
    head = f"HTTP/1.1 429 No\r\nConnection: close\r\nContent-Encoding: {name}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with answering(head.encode() + body) as url, pytest.raises(RateLimited, match="Slow down"):
        list(each(model(url)("Hi")))


@pytest.mark.parametrize("size", [1 << 16, (1 << 16) + 1, 1 << 18])
@pytest.mark.parametrize(
    "behind",
    [b"", bytes(8), gzip.compress(b"more"), b"?"],
    ids=["nothing", "zeros", "a member", "a sign"],
)
def test_much_text_in_little_data_ends_where_its_member_does(size, behind):
    """One piece may hold a member that grows to many times its size, and what follows it."""
    text = b"a" * size
    more = b"more" if behind.startswith(b"\x1f") else b""

    assert text + more == read([gzip.compress(text) + behind], "gzip")
    assert text == read([zlib.compress(text) + behind], "deflate")
