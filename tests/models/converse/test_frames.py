"""Frames of AWS's event streams, however the bytes were cut."""

import tracemalloc
from struct import pack
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.models.converse.frames import EventFrames
from rxagent.testing.far_ends.aws_frames import event_frame, exception_frame, frame_of

names = st.text(min_size=1, max_size=20)
headers = st.dictionaries(names, st.text(max_size=30), max_size=4)
frames = st.lists(st.tuples(headers, st.binary(max_size=300)), max_size=6)

OTHER_TYPES = [
    b"\x00",
    b"\x01",
    b"\x02a",
    b"\x03ab",
    b"\x04abcd",
    b"\x05abcdefgh",
    b"\x06\x00\x03abc",
    b"\x08abcdefgh",
    b"\x09abcdefghijklmnop",
]
"""A value of each type that is no text."""


def read(*chunks):
    """Return what is read of some bytes, and whether they are garbled."""
    cutter = EventFrames()
    found = [frame for chunk in chunks for frame in cutter.feed(chunk)]
    return found, cutter.garbled is not None


def with_headers(head, payload=b"{}"):
    """Return a frame with raw headers."""
    lengths = pack(">II", 16 + len(head) + len(payload), len(head))
    body = lengths + pack(">I", crc32(lengths)) + head + payload
    return body + pack(">I", crc32(body))


@given(frames, st.lists(st.integers(1, 50)))
def test_cuts(sent, sizes):
    """Frames come out whole, wherever their bytes are cut."""
    data = b"".join(frame_of(*frame) for frame in sent)
    chunks = []
    for size in sizes:
        chunks.append(data[:size])
        data = data[size:]

    assert (sent, False) == read(*chunks, data)


@given(frames)
def test_like_botocore(sent):
    """They are what botocore reads."""
    eventstream = pytest.importorskip("botocore.eventstream")
    data = b"".join(frame_of(*frame) for frame in sent)
    buffer = eventstream.EventStreamBuffer()
    buffer.add_data(data)

    assert [(each.headers, each.payload) for each in buffer] == read(data)[0]


@pytest.mark.parametrize("value", OTHER_TYPES)
def test_headers_of_other_types(value):
    """A header that is no text is skipped, and those behind it are read."""
    head = b"\x03odd" + value + b"\x04name\x07\x00\x03abc"

    assert ([({"name": "abc"}, b"{}")], False) == read(with_headers(head))


@pytest.mark.parametrize(
    "head",
    [b"\x03odd", b"\x03odd\x0a", b"\x03odd\x07\x00", b"\x03odd\x07\x00\x09abc", b"\xffodd\x00"],
)
def test_garbled_headers(head):
    """Headers that lack their end, or have an unknown type, garble the frame."""
    assert ([], True) == read(with_headers(head))


def test_a_wrong_byte():
    """A byte that is wrong is noticed, wherever it is, and frames before it are read."""
    good, bad = event_frame("messageStop", {}), event_frame("ping", {"a": 1})
    for at in range(len(bad)):
        wrong = bytes([*bad[:at], bad[at] ^ 1, *bad[at + 1 :]])
        found, garbled = read(good + wrong + good)
        assert (1, True) == (len(found), garbled)


@pytest.mark.parametrize(
    "page", [b"<html><body>Proxy</body></html>", b"data: {}\n\ndata: {}\n\n", b"\0" * 99]
)
def test_other_bytes(page):
    """Bytes of another protocol are garbled at once, not the beginning of a huge frame."""
    assert ([], True) == read(page)


def test_open():
    """A stream is open while its last frame lacks its end."""
    cutter = EventFrames()
    data = exception_frame("throttlingException", "Slow down.")

    assert [] == cutter.feed(data[:-1])
    assert cutter.is_open
    assert 1 == len(cutter.feed(data[-1:]))
    assert not cutter.is_open


def test_a_large_frame_is_linear():
    """A frame of 10 MB in small pieces costs no more than a few copies of it."""
    data = frame_of({}, b"x" * 10_000_000)
    pieces = [data[at : at + 50_000] for at in range(0, len(data), 50_000)]
    cutter = EventFrames()
    tracemalloc.start()
    try:
        found = [frame for piece in pieces for frame in cutter.feed(piece)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 10_000_000 == len(found[0][1])
    assert peak < 4 * len(data)
