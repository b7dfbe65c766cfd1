"""JSON in a text: ends, members and items."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.json_text import JsonEnd, escaped, items_of, lacks_end, members_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.sampled_from([None, 1]), st.text())
def test_the_end_is_found(value, indent, behind):
    """The end of a value is found, whatever stands in its texts, and in pieces of a character."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    end = JsonEnd()
    ends = [at for at, sign in enumerate(text, 1) if end.add(sign) is not None]

    assert [len(text)] == ends
    assert len(text) == JsonEnd().add(text + behind)


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.sampled_from([None, 1]))
def test_members_are_as_written(value, indent):
    """Each member of an object is the text that was written."""
    text = f" {json.dumps(value, indent=indent)}\n"
    members = members_of(text)

    assert value == {name: json.loads(member) for name, member in members.items()}
    assert all(member in text for member in members.values())


def loaded(text, strict=True):
    """Return the value of a JSON text, or that it is none."""
    try:
        return json.loads(text, strict=strict)
    except ValueError:
        return "no JSON", text


@given(st.lists(st.sampled_from('\\\\\\"\n\t\rn/{}:, \0é'), max_size=12).map("".join))
def test_control_characters_in_texts(inner):
    """JSON means the same when its texts hold none, and what is no JSON for any reader stays so."""
    for text in (f'{{"k": "{inner}"}}', f'["{inner}"', inner):
        value = loaded(text, strict=False)

        assert value == loaded(escaped(text)) or value[0] == loaded(escaped(text))[0] == "no JSON"


@given(st.lists(VALUES, max_size=4))
def test_items_are_as_written(value):
    """Each item of an array is the text that was written."""
    assert value == [json.loads(item) for item in items_of(json.dumps(value))]


@pytest.mark.parametrize(
    "text", ["", "{", '{"a"', '{"a": 1,}', "{} x", "[]", "1", '{"a" 1}', "{,}"]
)
def test_what_is_no_object(text):
    """What is no object, or more than one, has no members."""
    assert members_of(text) is None


def test_deep_nesting():
    """A value that is nested too deeply to be parsed is none."""
    assert members_of('{"a": ' + "[" * 100_000) is None
    assert items_of("[" * 100_000) is None


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(VALUES | NUMBERS) | st.dictionaries(st.text(), VALUES | NUMBERS), st.booleans())
def test_what_lacks_its_end(value, ensure_ascii):
    """So does each beginning of an object or a list, and not the whole."""
    text = json.dumps(value, ensure_ascii=ensure_ascii)

    assert not lacks_end(text)
    assert all(lacks_end(text[:at]) for at in range(1, len(text)))


@pytest.mark.parametrize(
    "text", ["", "<html>", "5", '"a', "{this is", "{]", "[1, tx", '{"a" 5', "[1] [2", "[" * 100_000]
)
def test_what_is_no_beginning(text):
    """What no end would make whole does not lack one."""
    assert not lacks_end(text)
