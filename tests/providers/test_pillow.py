"""Pictures of Pillow as images for a model."""

import pytest

from rxagent.tools.result_text import images_in

pillow = pytest.importorskip("PIL.Image")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1", "P", "CMYK", "I;16", "F", "HSV"])
def test_pictures(mode):
    """A picture of any kind of pixels is an image."""
    (image,) = images_in([pillow.new(mode, (2, 3))])

    assert image.url.startswith("data:image/png;base64,")
