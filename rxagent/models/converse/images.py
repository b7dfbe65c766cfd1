"""Images as Bedrock takes them: their bytes, or their place in S3."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ...arguments import shorten
from ...messages import Image
from ..errors import ErrorFactory
from ..image_data import image_data

__all__ = ["FORMATS", "image_of"]

FORMATS = ("png", "jpeg", "gif", "webp")
"""The formats that Bedrock takes (November 2026)."""


def image_of(image: Image, errors: ErrorFactory) -> dict[str, Any]:
    """Return an image in the form of the protocol.

    Its bytes say its format, or else its label.

    Raises:
        ModelRejected: It is given by a URL that Bedrock does not read, or has another format.
    """
    scheme = urlsplit(image.url).scheme
    if scheme == "s3":
        source: dict[str, Any] = {"s3Location": {"uri": image.url}}
        format = image.url.rpartition(".")[2].lower().replace("jpg", "jpeg")
    elif scheme == "data":
        format, data = _decoded(image.url, errors)
        source = {"bytes": data}
    else:
        raise errors.rejected(
            f"takes images as bytes, and {shorten(image.url, 64)!r} is an address that Bedrock "
            "does not read. Fetch it, and write Image.from_bytes(data, media_type)."
        )
    if format not in FORMATS:
        raise errors.rejected(
            f"takes images of the formats {', '.join(FORMATS)}, and none of {format!r:.40}."
        )
    return {"format": format, "source": source}


def _decoded(url: str, errors: ErrorFactory) -> tuple[str, bytes]:
    try:
        format, data = image_data(url)
    except ValueError as error:
        raise errors.rejected(f"cannot be sent an image that is no base64: {error}.") from error
    if not data:
        raise errors.rejected("cannot be sent an image without bytes.")
    return format, data
