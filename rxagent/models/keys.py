"""Keys of models: which ones can be sent."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import ErrorFactory

__all__ = ["check_keys"]

_NAMED = re.compile(r"(?:.*_)?(?:key|key_id|secret|token)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_keys(arguments: Mapping[str, Any], variable: str | None, errors: ErrorFactory) -> None:
    """Check the keys among the arguments of a client, or else the key in the environment.

    SDKs say each in another way that a key cannot be sent, and some of them say the key.

    Args:
        arguments: The arguments.
        variable: The environment variable of the key, if the SDK takes it from there as it is.
        errors: Makes the error.

    Raises:
        ModelRejected: A key cannot be sent in a header. The error does not hold it.
    """
    for name, key in _keys(arguments, variable):
        if isinstance(key, bytes | bytearray):
            raise errors.rejected(
                f"cannot be called with this {name}: it is bytes. Give a text, as `key.decode()` "
                "makes it."
            )
        if key != key.strip() or _CONTROL.search(key) or not key.isascii():
            raise errors.rejected(
                f"cannot be called with this {name}: it begins or ends with white space, or holds "
                "a control character or a sign beyond ASCII. Give the key alone, as `key.strip()` "
                "does."
            )


def _keys(arguments: Mapping[str, Any], variable: str | None) -> Iterator[tuple[str, Any]]:
    given = [(name, key) for name, key in arguments.items() if _NAMED.fullmatch(name)]
    yield from ((name, key) for name, key in given if isinstance(key, str | bytes | bytearray))
    if not given and variable is not None:
        yield variable, os.environ.get(variable, "")
