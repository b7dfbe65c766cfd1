"""Moulds: which frames differ in their piece, number and padding alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.models.openai_responses.mould import mould_of

VARYING = "delta", "sequence_number", "obfuscation"

texts = st.text(alphabet='ab"\\,:{}delta', max_size=4)
frames = st.fixed_dictionaries(
    {"type": st.sampled_from(["t", "delta"]), "delta": texts},
    optional={
        "item_id": st.sampled_from(["m", "n", "delta"]),
        "logprobs": st.sampled_from([[], [], [1]]),
        "obfuscation": st.text(alphabet='ab"\\', max_size=3),
        "output_index": st.integers(0, 1),
        "sequence_number": st.integers(0, 11) | st.just("5"),
    },
)


def json_of(value, order):
    """Return the JSON of an object, its fields in one of their orders."""
    names = sorted(value, key=lambda name: (name[order % 4 : order % 4 + 1], name))
    return json.dumps({name: value[name] for name in names}, separators=(",", ":")).encode()


@given(frames, frames, st.integers(0, 3))
def test_what_fits_is_alike(one, other, order):
    """Of a frame that fits, the text is its piece, and nothing else differs."""
    mould = mould_of(json_of(one, order), one)
    found = mould and mould.text_in(json_of(other, order))
    if found:
        assert json.loads(found) == other["delta"]
        rest = [{k: v for k, v in frame.items() if k not in VARYING} for frame in (one, other)]
        assert rest[0] == rest[1]


@pytest.mark.parametrize("order", range(4))
def test_what_is_alike_fits(order):
    """A frame with another piece, number and padding fits, whatever the order of its fields."""
    frame = {"type": "t", "delta": "a", "item_id": "m", "sequence_number": 9, "obfuscation": "xy"}
    other = {**frame, "delta": 'b\\"}', "sequence_number": 10, "obfuscation": ""}
    mould = mould_of(json_of(frame, order), frame)

    assert mould is not None
    assert json.dumps(other["delta"]).encode() == mould.text_in(json_of(other, order))


@pytest.mark.parametrize(
    "frame",
    [
        b'{"delta":"a","delta":"b"}',
        b'{"delta":"a","inner":{"delta":"a"}}',
        b'{"type":"delta","delta":"a"}',
        b'{"delta":5}',
        b'{"text":"a"}',
        b"[]",
    ],
)
def test_what_is_no_mould(frame):
    """A frame whose piece is not certain is no mould."""
    assert mould_of(frame, json.loads(frame)) is None
