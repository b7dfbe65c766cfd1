"""What a model reads of a tool's result or error, and the images in it."""

import array
import datetime
import enum
import json
from dataclasses import dataclass
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from rxagent.errors import InvalidArguments
from rxagent.messages import Image
from rxagent.tools.result_text import error_text, images_in, result_text

from ..ids import shown


class Point(BaseModel):
    x: int
    y: int


@dataclass
class Reading:
    at: datetime.date
    value: float


class Colour(enum.Enum):
    RED = "red"


class Word(str):
    def __str__(self):
        return "another word"


class Unsayable:
    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "(no result)"),
        ("", ""),
        ('{"a": 1}', '{"a": 1}'),
        (Word("yes"), "yes"),
        (5, "5"),
        (1.5, "1.5"),
        (True, "true"),
        ({"ä": [1, None, "b"]}, '{"ä":[1,null,"b"]}'),
        ((1, 2), "[1,2]"),
        ({1: 2}, '{"1":2}'),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (Point(x=1, y=2), '{"x":1,"y":2}'),
        ([Point(x=1, y=2)], '[{"x":1,"y":2}]'),
        (Reading(datetime.date(2024, 1, 2), 3.5), '{"at":"2024-01-02","value":3.5}'),
        ({"when": datetime.date(2024, 1, 2)}, '{"when":"2024-01-02"}'),
        ({"numbers": array.array("i", [1, 2])}, '{"numbers":[1,2]}'),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (PurePosixPath("/a/b"), "/a/b"),
        (Colour.RED, "Colour.RED"),
    ],
    ids=shown,
)
def test_a_result_is_said_as_a_model_reads_it(value, text):
    """A text stays, JSON is JSON, and all else is its `str`."""
    assert text == result_text(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).filter(lambda value: isinstance(value, list | dict))
)
def test_json_is_read_back_as_it_was(value):
    """What JSON can say loses nothing, but halves of surrogate pairs."""
    assert json.loads(result_text(value)) == value


@given(st.text(st.characters(exclude_categories=())))
def test_every_text_can_be_sent(text):
    """Only halves of surrogate pairs, which break the sending, are escaped."""
    sent = result_text(text)

    assert sent == sent.encode("utf-8").decode("utf-8")
    assert any("\ud800" <= sign <= "\udfff" for sign in text) == (sent != text)


def test_a_value_that_holds_itself_is_said_by_python():
    """A circle, which JSON cannot say, is not followed."""
    circle = []
    circle.append(circle)

    assert "[[...]]" == result_text(circle)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("too many"), "ValueError: too many"),
        (KeyError("a"), "KeyError: 'a'"),
        (NotImplementedError(), "NotImplementedError"),
        (InvalidArguments("Argument a is missing."), "InvalidArguments: Argument a is missing."),
        (SystemExit(2), "SystemExit: 2"),
        (
            ExceptionGroup("two", [ValueError("a"), ExceptionGroup("one", [KeyError("b")])]),
            "ExceptionGroup: two (2 sub-exceptions): ValueError: a; "
            "ExceptionGroup: one (1 sub-exception): KeyError: 'b'",
        ),
        (ValueError(Unsayable()), "ValueError"),
        (ValueError("\ud800"), "ValueError: \\ud800"),
    ],
    ids=lambda case: type(case).__name__ if isinstance(case, BaseException) else "",
)
def test_an_error_is_said_in_one_line(error, text):
    """An error is its type and message, those in a group too, and it is always said."""
    assert text == error_text(error)


PNG = b"\x89PNG\r\n\x1a\n..."
CAT = Image("https://example.com/cat.png")
SEEN = Image.from_bytes(PNG)


class Picture:
    """Shows itself as a PNG, as Pillow's pictures do."""

    def _repr_png_(self):
        return PNG


class Rgba(Picture):
    """Cannot be shown as it is."""

    def _repr_png_(self):
        return None

    def convert(self, mode):
        return Picture()


class Broken(Picture):
    def _repr_png_(self):
        raise RuntimeError


FORMS = [
    (CAT, CAT),
    (PNG, SEEN),
    (bytearray(PNG), SEEN),
    ((b"...", "image/png"), Image.from_bytes(b"...")),
    (b"\xff\xd8\xff...", Image.from_bytes(b"\xff\xd8\xff...", "image/jpeg")),
    (b"RIFF....WEBP", Image.from_bytes(b"RIFF....WEBP", "image/webp")),
    ({"type": "image_url", "image_url": {"url": CAT.url}}, CAT),
    (
        {"type": "image", "data": "AA==", "mimeType": "image/png"},
        Image("data:image/png;base64,AA=="),
    ),
    (Picture(), SEEN),
    (Rgba(), SEEN),
]


@pytest.mark.parametrize(("value", "image"), FORMS, ids=shown)
def test_an_image_is_an_image(value, image):
    """Whatever form it has, alone or in a list or dict, and the text names it."""
    assert (image,) == images_in(value)
    assert "(image 1)" == result_text(value)
    assert (image, CAT) == images_in(["Look", [value], {"at": CAT}])
    assert '["Look",["(image 1)"],{"at":"(image 2)"}]' == result_text(
        ["Look", [value], {"at": CAT}]
    )


@pytest.mark.parametrize(
    "value", [None, "x", 5, b"x", [1, "a"], {"type": "image"}, Broken(), Picture]
)
def test_other_values_are_none(value):
    """What is no image stays what it was."""
    assert () == images_in(value)
    assert "(image" not in result_text(value)


def test_a_list_that_holds_itself():
    """A list without an end has no images."""
    endless = [CAT]
    endless.append(endless)

    assert () == images_in(endless)
