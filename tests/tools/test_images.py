"""Images among what a tool gives."""

import pytest

from rxagent.messages import Image
from rxagent.tools.images import images_in
from rxagent.tools.texts import result_text

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


@pytest.mark.parametrize(("value", "image"), FORMS, ids=repr)
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
