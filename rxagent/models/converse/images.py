"""Images as Bedrock takes them: their bytes, or their place in S3."""

import base64
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from ...arguments import shorten
from ...messages import Image
from ..errors import ErrorFactory

__all__ = ["FORMATS", "image_of"]

FORMATS = ("png", "jpeg", "gif", "webp")
"""The formats that Bedrock takes (November 2026)."""

_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF8": "gif",
}


def image_of(image: Image, errors: ErrorFactory) -> dict[str, Any]:
    """Return an image in the form of the protocol.

    Its bytes say its format, or else its label.

    Raises:
        ModelRejected: It is given by a URL that Bedrock does not read, or has another format.
    """
    scheme = urlsplit(image.url).scheme
    if scheme == "s3":
        source: dict[str, Any] = {"s3Location": {"uri": image.url}}
        label = image.url.rpartition(".")[2]
    elif scheme == "data":
        head, _, body = image.url.partition(",")
        data = _decoded(body, head, errors)
        source = {"bytes": data}
        label = _format_in(data) or head[len("data:") :].partition(";")[0].partition("/")[2]
    else:
        raise errors.rejected(
            f"takes images as bytes, and {shorten(image.url, 64)!r} is an address that Bedrock "
            "does not read. Fetch it, and write Image.from_bytes(data, media_type)."
        )
    format = label.lower().replace("jpg", "jpeg")
    if format not in FORMATS:
        raise errors.rejected(
            f"takes images of the formats {', '.join(FORMATS)}, and none of {label!r:.40}."
        )
    return {"format": format, "source": source}


def _decoded(body: str, head: str, errors: ErrorFactory) -> bytes:
    plain = unquote_to_bytes(body)
    try:
        data = base64.b64decode(plain) if head.lower().endswith(";base64") else plain
    except ValueError as error:
        raise errors.rejected(f"cannot be sent an image that is no base64: {error}.") from error
    if not data:
        raise errors.rejected("cannot be sent an image without bytes.")
    return data


def _format_in(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    known = (name for beginning, name in _BEGINNINGS.items() if data.startswith(beginning))
    return next(known, None)
