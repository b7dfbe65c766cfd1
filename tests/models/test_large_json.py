"""Large JSON, parsed in slices."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.models.large_json import read_value


def drained(reading):
    """Return what a generator returns."""
    result = []

    def drain():
        result.append((yield from reading))

    list(drain())
    return result[0]


JSON_VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
)


@given(JSON_VALUES, st.integers(0, 3), st.sampled_from([2, 20, 2048]), st.text("]}x 1", max_size=3))
def test_large_json(value, indent, small, behind):
    """What is parsed in slices is what a parser returns, and ends where it ends."""
    text = json.dumps(value, indent=indent or None, ensure_ascii=indent % 2 == 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rxagent.models.large_json._SMALL", small)

        assert (value, len(text) + 1) == drained(read_value(f" {text} {behind}"))


@given(JSON_VALUES, st.integers(0, 100), st.text(']}[{,:x 1"', max_size=2))
def test_large_json_that_is_broken(value, at, noise):
    """What a parser refuses, is refused in slices, too."""
    text = json.dumps([value])
    broken = text[: at % len(text)] + noise
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rxagent.models.large_json._SMALL", 4)
        try:
            wanted = json.JSONDecoder(strict=False).raw_decode(broken)
        except ValueError:
            with pytest.raises(ValueError):  # noqa: PT011  # its text is unused
                drained(read_value(broken))
        else:
            with suppress(ValueError):  # an empty list with blanks in it is left to the parser
                assert wanted == drained(read_value(broken))
