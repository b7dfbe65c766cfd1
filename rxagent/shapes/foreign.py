"""Foreign objects: those of a JSON value that have fields, but none that its schema names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from ..json_schema import options_of, part_of

__all__ = ["foreign_objects", "without_fields"]

_Json = Mapping[str, Any]
_Path = tuple[str | int, ...]

_HOLDERS = (dict, list)


def foreign_objects(value: Any, schema: _Json) -> Iterator[tuple[_Path, tuple[str, ...]]]:
    """Yield the places of foreign objects, and their fields.

    A type whose fields all have defaults fits such an object without reading anything of it.
    """
    yield from _foreign(value, [schema], schema, ())


def without_fields(value: Any, path: _Path) -> Any:
    """Return a value whose object at a path is empty."""
    if not path:
        return {}
    value = deepcopy(value)
    inner = value
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = {}
    return value


def _foreign(
    value: Any, schemas: list[Any], root: _Json, path: _Path
) -> Iterator[tuple[_Path, tuple[str, ...]]]:
    options = [option for schema in schemas for option in options_of(schema, root)]
    if isinstance(value, dict):
        objects = [one for one in options if one.get("type", "object") == "object"]
        named = {name for one in objects for name in one.get("properties", ())}
        is_closed = all("properties" in one for one in objects)
        if value and objects and is_closed and named.isdisjoint(value):
            yield path, tuple(map(str, value))
            return
        for name, each in value.items():
            if isinstance(each, _HOLDERS):
                inner = [part_of(one, name) for one in objects]
                yield from _foreign(each, inner, root, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _foreign(
                each, [part_of(one, index) for one in options], root, (*path, index)
            )
