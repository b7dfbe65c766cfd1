"""A tool's result or error as text and images for the model."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from ..errors import describe
from ..messages import Image

__all__ = ["error_text", "images_in", "result_text", "without_images"]

NO_RESULT = "(no result)"

_JSON_TYPES = (dict, list, tuple, bool, int, float, BaseModel)


def result_text(value: Any) -> str:
    """Return a value as text: a str unchanged, JSON where possible, or else its `str`.

    ``(image 1)`` stands for an image; `images_in` returns the images.
    """
    if value is None:
        return NO_RESULT
    value, _ = without_images(value)
    if isinstance(value, str):
        return _sendable(str.__str__(value))
    if isinstance(value, _JSON_TYPES) or is_dataclass(value):
        try:
            return _sendable(_json(value))
        except (TypeError, ValueError):
            pass
    return _sendable(str(value))


def error_text(error: BaseException) -> str:
    """Return `Type: message`, with the errors of a group; never raises."""
    text = describe(error)
    if isinstance(error, BaseExceptionGroup):
        text = f"{text}: {'; '.join(map(error_text, error.exceptions))}"
    return _sendable(text)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    return to_jsonable_python(value, fallback=_plainest)


def _plainest(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _sendable(text: str) -> str:
    """Escape lone surrogates, as in some file names, which UTF-8 cannot encode."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)


def images_in(value: Any) -> tuple[Image, ...]:
    """Return the images that a value is or holds, in order.

    An image is an `Image`, a Pillow image or another object with `_repr_png_`, the bytes of a PNG,
    JPEG, GIF, BMP or WebP file, a pair of bytes and media type, or a message part of a provider or
    of MCP. Lists, tuples and dicts are searched.
    """
    return without_images(value)[1]


def without_images(value: Any) -> tuple[Any, tuple[Image, ...]]:
    """Return a value in which ``(image 1)`` and so on replace its images, and the images."""
    images: list[Image] = []
    try:
        plain = _replaced(value, images)
    except RecursionError:  # it holds itself, or is nested too deeply
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
        case (bytes() | bytearray() | memoryview() as data, str(kind)) if kind.startswith("image/"):
            return Image.from_bytes(bytes(data), kind)
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
    """Return the PNG that a value shows in a notebook, as Pillow's images do."""
    show = None if inspect.isclass(value) else getattr(value, "_repr_png_", None)
    if not callable(show):
        return None
    try:
        data = show() or value.convert("RGB")._repr_png_()
    except Exception:  # treat it as any other value
        return None
    return Image.from_bytes(data) if isinstance(data, bytes) else None
