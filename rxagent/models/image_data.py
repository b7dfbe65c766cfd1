"""Images in data URLs: their bytes, and the format that these show."""

from __future__ import annotations

import base64
from urllib.parse import unquote_to_bytes

__all__ = ["image_data"]

_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF8": "gif",
}
_STANDARD = bytes.maketrans(b"-_", b"+/")
"""The two signs of base64 for URLs, as usual base64 writes them."""


def image_data(url: str) -> tuple[str, bytes]:
    """Return the format and the bytes of the image in a data URL.

    Its bytes say its format, or else its label, as `png` or `jpeg`.

    Raises:
        ValueError: It is no base64.
    """
    head, _, body = url.partition(",")
    data = unquote_to_bytes(body)
    if head.lower().endswith(";base64"):
        data = b"".join(data.split()).translate(_STANDARD).rstrip(b"=")
        data = base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
    label = head.partition(":")[2].partition(";")[0].partition("/")[2]
    return _format_in(data) or label.lower().replace("jpg", "jpeg"), data


def _format_in(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    known = (name for beginning, name in _BEGINNINGS.items() if data.startswith(beginning))
    return next(known, None)
