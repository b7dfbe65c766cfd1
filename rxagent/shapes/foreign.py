"""Foreign objects: those of a JSON value that have fields, but none that its schema names."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

__all__ = ["foreign_objects", "without_fields"]

_Json = Mapping[str, Any]
_Path = tuple[str | int, ...]


def foreign_objects(value: Any, schema: _Json) -> Iterator[tuple[_Path, tuple[str, ...]]]:
    """Yield the places of foreign objects, and their fields.

    A type whose fields all have defaults fits such an object without reading anything of it.
    """
    yield from _foreign(value, [schema], schema.get("$defs", {}), ())


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
    value: Any, schemas: list[Any], defs: _Json, path: _Path
) -> Iterator[tuple[_Path, tuple[str, ...]]]:
    options = [option for schema in schemas for option in _options(schema, defs)]
    if isinstance(value, dict):
        objects = [one for one in options if one.get("type", "object") == "object"]
        named = {name for one in objects for name in one.get("properties", ())}
        is_closed = all("properties" in one for one in objects)
        if value and objects and is_closed and named.isdisjoint(value):
            yield path, tuple(map(str, value))
            return
        for name, each in value.items():
            inner = [
                one.get("properties", {}).get(name, one.get("additionalProperties"))
                for one in objects
            ]
            yield from _foreign(each, inner, defs, (*path, name))
    elif isinstance(value, list):
        inner = [one.get("items") for one in options]
        for index, each in enumerate(value):
            yield from _foreign(each, inner, defs, (*path, index))


def _options(schema: Any, defs: _Json, depth: int = 8) -> Iterator[_Json]:
    """Yield a schema without references, or each schema that it may be."""
    if not isinstance(schema, Mapping) or not depth:
        return
    if "$ref" in schema:
        yield from _options(defs.get(schema["$ref"].rpartition("/")[2]), defs, depth - 1)
        return
    several = [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, ())]
    for option in several:
        yield from _options(option, defs, depth - 1)
    if not several:
        yield schema
