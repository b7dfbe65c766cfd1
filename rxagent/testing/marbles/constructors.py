"""Values as the calls that make them, as short as they can be."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["constructed"]


def constructed(value: Any) -> str:
    """Return the shortest expression for a value: without defaults, the first fields by position.

    Only containers and attrs classes are shortened; other values have their repr.
    """
    if type(value) is tuple:
        items = ", ".join(map(constructed, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, list):
        return f"[{', '.join(map(constructed, value))}]"
    if isinstance(value, dict):
        items = ", ".join(f"{key!r}: {constructed(item)}" for key, item in value.items())
        return f"{{{items}}}"
    if attrs.has(type(value)):
        return f"{type(value).__name__}({', '.join(_arguments(value))})"
    return repr(value)


def _arguments(value: Any) -> list[str]:
    arguments: list[str] = []
    is_named = False
    for field in attrs.fields(type(value)):
        item = getattr(value, field.name)
        default = field.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # it is a class
            default = default.factory()
        is_default = default is not attrs.NOTHING and item == default
        if is_default or not field.metadata.get("sent", True):
            is_named = True
        else:
            text = constructed(item)
            arguments.append(f"{field.name}={text}" if is_named else text)
    return arguments
