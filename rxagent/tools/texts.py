"""Texts: what a model reads of a tool's result, and of what it raised."""

import json
from dataclasses import is_dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from ..errors import describe
from .images import without_images

__all__ = ["error_text", "result_text"]

NO_RESULT = "(no result)"

_SAID_AS_JSON = (dict, list, tuple, bool, int, float, BaseModel)


def result_text(value: Any) -> str:
    """Return the text of a value: a str as it is, what JSON can say as JSON, else its `str`.

    An image is named in it, ``(image 1)``; `images_in` returns the images.
    """
    if value is None:
        return NO_RESULT
    value, _ = without_images(value)
    if isinstance(value, str):
        return _sendable(str.__str__(value))
    if isinstance(value, _SAID_AS_JSON) or is_dataclass(value):
        try:
            return _sendable(_json(value))
        except (TypeError, ValueError):
            pass
    return _sendable(str(value))


def error_text(error: BaseException) -> str:
    """Return `Type: message`, and that of each error in a group; never raises."""
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
    """Escape halves of surrogate pairs, as in odd file names, which UTF-8 cannot send."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
