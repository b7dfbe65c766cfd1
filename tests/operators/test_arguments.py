"""The arguments of a call, in whatever pieces they come."""

import json
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from rxagent.operators._arguments import Arguments

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


def in_pieces(text, cuts):
    """Return a text in pieces."""
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in pairwise(places)]


def looked_at(pieces, often):
    """Return whether pieces are whole, looked at after each, or at the end alone."""
    arguments = Arguments()
    for piece in pieces:
        arguments.add(piece)
        _ = often and arguments.are_whole
    return arguments.are_whole


@given(st.text('{}[]":,\\\\ a1', max_size=12) | JSON.map(json.dumps), st.lists(st.integers(0, 40)))
@example("{'a': 1}", [])
@example('{"a": "}', [3])
@example('{"a": 1} {"b": ', [8])
def test_pieces_make_no_difference(text, cuts):
    """Whether a text is whole depends neither on its pieces nor on how often one asks."""
    pieces = in_pieces(text, cuts)

    assert looked_at([text], often=False) == looked_at(pieces, often=True)
    assert looked_at([text], often=False) == looked_at([*text], often=True)


@given(JSON.filter(lambda value: isinstance(value, dict | list)), st.integers(1, 40))
def test_json_is_whole_with_its_last_sign(value, cut):
    """An object or a list is whole, and without its end it is not."""
    text = json.dumps(value)

    assert looked_at([text, " "], often=False)
    assert not looked_at([text[: max(len(text) - cut, 0)]], often=False)
