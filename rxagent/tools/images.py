"""Images among what a tool gives: whatever form they have, the model looks at them."""

import inspect
from collections.abc import Mapping
from typing import Any

from ..messages import Image

__all__ = ["images_in", "without_images"]

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)


def images_in(value: Any) -> tuple[Image, ...]:
    """Return the images that a value is or holds, in order.

    An image is an `Image`, a picture of Pillow or anything else that shows itself as PNG, the
    bytes of a PNG, JPEG, GIF, BMP or WebP file, a pair of bytes and their type, or a part of a
    message as the providers or MCP write it. Lists, tuples and dicts are looked into.
    """
    return without_images(value)[1]


def without_images(value: Any) -> tuple[Any, tuple[Image, ...]]:
    """Return a value with ``(image 1)`` and so on in the place of its images, and the images."""
    images: list[Image] = []
    try:
        plain = _replaced(value, images)
    except RecursionError:  # it holds itself, or is too deep to be anything that a model reads
        return value, ()
    return (plain, tuple(images)) if images else (value, ())


def _replaced(value: Any, images: list[Image]) -> Any:
    if isinstance(value, str | int | float) or value is None:
        return value
    image = _image(value)
    if image is not None:
        images.append(image)
        return f"(image {len(images)})"
    if type(value) in (list, tuple):
        return [_replaced(item, images) for item in value]
    if type(value) is dict:
        return {key: _replaced(item, images) for key, item in value.items()}
    return value


def _image(value: Any) -> Image | None:
    match value:
        case Image():
            return value
        case bytes() | bytearray() | memoryview():
            kind = _kind(bytes(value[:16]))
            return Image.from_bytes(bytes(value), kind) if kind else None
        case (bytes() as data, str() as kind) if kind.startswith("image/"):
            return Image.from_bytes(data, kind)
        case {"type": "image_url", "image_url": str(url) | {"url": str(url)}}:
            return _of_url(url)
        case {"type": "input_image", "image_url": str(url)}:
            return _of_url(url)
        case {"type": "image", "data": str(data), "mimeType": str(kind)}:
            return _of_url(f"data:{kind};base64,{data}")
        case {"type": "image", "source": {"media_type": str(kind), "data": str(data)}}:
            return _of_url(f"data:{kind};base64,{data}")
        case Mapping() | list() | tuple():
            return None
    return _shown(value)


def _of_url(url: str) -> Image | None:
    try:
        return Image(url)
    except ValueError:
        return None


def _kind(start: bytes) -> str | None:
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for sign, kind in _SIGNATURES if start.startswith(sign)), None)


def _shown(value: Any) -> Image | None:
    """Return the PNG as which a value shows itself in a notebook, as Pillow's pictures do."""
    show = None if inspect.isclass(value) else getattr(value, "_repr_png_", None)
    if not callable(show):
        return None
    try:
        data = show() or value.convert("RGB")._repr_png_()
    except Exception:  # then it is a value like any other
        return None
    return Image.from_bytes(data) if isinstance(data, bytes) else None
