import base64
import copy
import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent import messages
from rxagent.messages import (
    Image,
    Message,
    ProviderData,
    Request,
    StopHint,
    ToolCall,
    ToolSpec,
)

REQUIRED = attrs.NOTHING
CALL = ToolCall("call_1", "add", '{"a": 2, "b": 3}')
ADD = ToolSpec("add", "Return the sum.", {"type": "object"})

SHAPES = {
    ToolCall: {"id": REQUIRED, "name": REQUIRED, "arguments": "", "extra": ()},
    ProviderData: {"provider": REQUIRED, "data": REQUIRED},
    Image: {"url": REQUIRED},
    Message: {
        "role": REQUIRED,
        "text": "",
        "tool_calls": (),
        "tool_call_id": None,
        "images": (),
        "reasoning": "",
        "extra": (),
    },
    ToolSpec: {"name": REQUIRED, "description": REQUIRED, "parameters": attrs.Factory(dict)},
    Request: {
        "messages": REQUIRED,
        "tools": (),
        "stop": (),
        "output": None,
        "options": attrs.Factory(dict),
    },
}


@pytest.mark.parametrize("kind", SHAPES, ids=lambda kind: kind.__name__)
def test_fields_stand_in_the_promised_order(kind):
    """Words are made by position, so the order of fields is a promise."""
    fields = {field.name: field.default for field in attrs.fields(kind)}

    assert list(SHAPES[kind].items()) == list(fields.items())


@pytest.mark.parametrize(
    "word",
    [CALL, Image("data:,"), Message("user", "hi", tool_calls=[CALL]), ADD, Request.of("hi")],
    ids=lambda word: type(word).__name__,
)
def test_words_are_frozen_slotted_and_hashable(word):
    """A message can be shared and kept in a set."""
    assert not hasattr(word, "__dict__")
    assert {word} == {attrs.evolve(word)}
    for field in attrs.fields(type(word)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(word, field.name, None)


def test_lists_become_tuples():
    """Whatever iterable is given, a message and a request hold tuples."""
    message = Message("user", "Look.", tool_calls=[CALL], images=iter([Image("data:,")]))
    request = Request([message], tools=[ADD], stop=["\n"])

    assert ((CALL,), (Image("data:,"),)) == (message.tool_calls, message.images)
    assert ((message,), (ADD,), ("\n",)) == (request.messages, request.tools, request.stop)


def test_a_hint_cuts_nothing():
    """A provider may stop at a hint, at which the answer is not cut otherwise."""
    request = Request.of("hi").evolve(stop=["END", StopHint("</code>")])

    assert (("END", "</code>"), ("END",)) == (request.stop, request.cuts)


def test_one_text_to_stop_at_is_one():
    """A text is not taken for its letters."""
    assert ("END",) == Request.of("hi").evolve(stop="END").stop


hi = Message("user", "hi")


@pytest.mark.parametrize(
    "said",
    ["hi", hi, [hi], (hi,), iter([hi]), Request([hi])],
    ids=["text", "message", "list", "tuple", "iterator", "request"],
)
def test_a_request_is_made_of_what_was_said(said):
    """A text, a message, several messages and a request all ask the same."""
    assert Request((hi,)) == Request.of(said)


def test_a_request_stays_the_same_request():
    """A request that is already one is not made again."""
    request = Request.of("hi")

    assert request is Request.of(request)


def test_evolve_changes_a_copy():
    """A request is changed by making another one."""
    request = Request.of("hi")
    hotter = request.evolve(options={"temperature": 1})

    assert {} == request.options
    assert {"temperature": 1} == hotter.options
    assert request.messages == hotter.messages


def test_options_are_copied_and_closed():
    """Neither the giver nor the taker of options changes them under a request."""
    options = {"temperature": 1}
    request = Request((hi,), options=options)
    options["temperature"] = 2

    assert {"temperature": 1} == request.options
    with pytest.raises(TypeError):
        request.options["temperature"] = 3


@given(st.binary())
def test_an_image_carries_its_bytes(data):
    """An image made of bytes is a `data:` URL that decodes to them."""
    head, _, body = Image.from_bytes(data, "image/webp").url.partition(",")

    assert "data:image/webp;base64" == head
    assert data == base64.b64decode(body)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.png", "image/png"), ("b.JPG", "image/jpeg"), ("c.gif", "image/gif")],
)
def test_a_file_s_name_gives_the_image_s_type(tmp_path, name, media_type):
    """A file is read, and its name says what it is."""
    (tmp_path / name).write_bytes(b"pixels")

    assert Image.from_bytes(b"pixels", media_type) == Image.from_path(tmp_path / name)


@pytest.mark.parametrize("name", ["notes.txt", "picture"])
def test_a_file_that_is_no_image_is_refused_with_the_way_out(tmp_path, name):
    """The error names the file and what to write instead."""
    (tmp_path / name).write_bytes(b"pixels")

    with pytest.raises(ValueError, match=rf"{name} does not have the name.*Image\.from_bytes"):
        Image.from_path(tmp_path / name)


def test_a_long_image_is_shown_short():
    """A printed message is not flooded by an image's bytes."""
    assert 100 > len(repr(Image.from_bytes(b"x" * 10_000)))
    assert "Image(url='https://a.example/b.png')" == repr(Image("https://a.example/b.png"))


def test_everything_public_is_listed_in_order():
    """`__all__` is sorted and holds each class of the module."""
    assert sorted(kind.__name__ for kind in (*SHAPES, StopHint)) == messages.__all__


def test_what_a_provider_wants_back_is_a_value():
    """It is a copy of what was given, cannot be changed, and travels."""
    given = {"signature": "s", "parts": [{"a": 1}]}
    kept = ProviderData("openai", given)
    given["parts"][0]["a"] = 2

    assert {"signature": "s", "parts": [{"a": 1}]} == kept.data
    with pytest.raises(TypeError):
        kept.data["parts"][0]["a"] = 3
    for same in (pickle.loads(pickle.dumps(kept)), copy.deepcopy(kept)):
        assert (kept, hash(kept)) == (same, hash(same))


@pytest.mark.parametrize("extra", ["x", [1], ProviderData("p", {})], ids=repr)
def test_an_extra_is_a_list_of_what_providers_want_back(extra):
    """Anything else is refused by name."""
    for make in (Message, lambda _, **fields: ToolCall("a", "b", **fields)):
        with pytest.raises(TypeError, match=r"extra must be a list of ProviderData"):
            make("assistant", extra=extra)
