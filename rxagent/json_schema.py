"""JSON Schema: what a value may be, without references and alternatives, and what its parts are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["kind_of", "kinds_of", "options_of", "part_of", "resolved", "values_of"]

_Json = Mapping[str, Any]

_SEVERAL = ("anyOf", "oneOf")
_IN_OTHER_FORMS = frozenset(("$ref", "allOf", *_SEVERAL))
_NOTHING: _Json = {}
_KINDS = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


def options_of(schema: Any, root: _Json) -> list[_Json]:
    """Return each schema that a value may have, with one type at most and no references.

    Args:
        schema: A schema; what is none, as `additionalProperties: false`, has no options.
        root: The schema that it is a part of, which has the definitions.
    """
    if isinstance(schema, dict) and _IN_OTHER_FORMS.isdisjoint(schema):
        kind = schema.get("type")
        if kind is None or isinstance(kind, str):
            return [schema]
    return list(_options(schema, root, frozenset()))


def part_of(option: _Json, key: str | int) -> Any:
    """Return the schema of the part of a value at a key or an index; None where it has none."""
    if isinstance(key, int):
        first = option.get("prefixItems", ())
        return first[key] if key < len(first) else option.get("items")
    return option.get("properties", _NOTHING).get(key, option.get("additionalProperties"))


def resolved(schema: _Json, root: _Json) -> _Json:
    """Return the schema that a reference means; one that is no reference as it is."""
    if "$ref" not in schema:
        return schema
    seen = set()
    while "$ref" in schema:
        reference = schema["$ref"]
        schema = _NOTHING if reference in seen else _target(reference, root)
        seen.add(reference)
    return schema


def values_of(option: _Json) -> list[Any] | None:
    """Return the values that an option lists; None if it lists none."""
    return [option["const"]] if "const" in option else option.get("enum")


def kinds_of(option: _Json) -> frozenset[str]:
    """Return the names of the types that an option allows; none if it allows any."""
    values = values_of(option)
    if values is not None:
        return frozenset(map(kind_of, values))
    kind = option.get("type", ())
    return frozenset([kind] if isinstance(kind, str) else kind)


def kind_of(value: Any) -> str:
    """Return the name of the type of a value in JSON Schema."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


def _options(schema: Any, root: _Json, seen: frozenset[str]) -> Iterator[_Json]:
    schema = _NOTHING if schema is True else schema
    if not isinstance(schema, Mapping):
        return
    if "$ref" in schema:
        reference = schema["$ref"]
        if reference not in seen:
            inner = _within(schema, ("$ref",), _target(reference, root))
            yield from _options(inner, root, seen | {reference})
        return
    if "allOf" in schema:
        yield from _options(_together(schema, root, seen), root, seen)
        return
    several = [one for key in _SEVERAL for one in schema.get(key) or ()]
    for one in several:
        yield from _options(_within(schema, _SEVERAL, one), root, seen)
    kinds = schema.get("type")
    if several:
        return
    if isinstance(kinds, str) or not kinds:
        yield schema
        return
    for kind in kinds:
        yield {**schema, "type": kind}


def _together(schema: Any, root: _Json, seen: frozenset[str]) -> _Json:
    """Return one schema for a value that keeps to several."""
    if not isinstance(schema, Mapping) or schema.get("$ref") in seen:
        return _NOTHING
    if "$ref" in schema:
        seen |= {schema["$ref"]}
        schema = _within(schema, ("$ref",), _target(schema["$ref"], root))
        return _together(schema, root, seen)
    whole = {key: value for key, value in schema.items() if key != "allOf"}
    for one in schema.get("allOf") or ():
        inner = _together(one, root, seen)
        fields = {**whole.get("properties", _NOTHING), **inner.get("properties", _NOTHING)}
        whole = {**whole, **inner, **({"properties": fields} if fields else {})}
    return whole


def _within(schema: _Json, keys: Iterable[str], inner: Any) -> Any:
    """Return a schema with what stands around it, beside the keys that lead to it."""
    around = {key: value for key, value in schema.items() if key not in keys}
    return {**around, **inner} if around and isinstance(inner, Mapping) else inner


def _target(reference: str, root: _Json) -> _Json:
    found: Any = root
    for part in reference.split("/")[1:]:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else _NOTHING
