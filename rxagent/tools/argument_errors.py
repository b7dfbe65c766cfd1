"""Error texts that a model reads: what is wrong with its arguments, and what is expected."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..arguments import shorten
from ..json_schema import kind_of, kinds_of, options_of, part_of, resolved, values_of
from .anything import ANYTHING

__all__ = ["argument_errors", "expected"]

_Json = Mapping[str, Any]
_Path = tuple[str | int, ...]

_MISSING = ("missing", "missing_argument")
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


def expected(schema: _Json, root: _Json | None = None) -> str:
    """Return a schema in short form: `{"a": integer, "b"?: string}`.

    Args:
        schema: The schema.
        root: The schema that it is a part of, which has the definitions.
    """
    return _form(schema, schema if root is None else root, depth=4)


def argument_errors(
    errors: Iterable[_Json],
    arguments: Any,
    schema: _Json,
    noun: str = "Argument",
    whole: str = "The value",
) -> str:
    """Return a sentence for each wrong argument.

    Args:
        errors: The errors of pydantic.
        arguments: The arguments of the model.
        schema: The JSON Schema of the tool's arguments.
        noun: What a part is called.
        whole: What all of it is called.
    """

    def named(path: _Path) -> str:
        return f"{noun} {_named(path)}" if path else whole

    sentences: dict[_Path, str] = {}
    for error in errors:
        place = error["loc"]
        path, value = _followed(place, arguments)
        if error["type"] in _MISSING and len(path) == len(place) - 1:
            sentences[place] = f"{named(place)} is missing."
        elif error["type"] in _UNKNOWN and path == place:
            sentences[path] = f"{named(path)} is unknown."
        elif place and place[-1] == "[key]":
            sentences[place] = f"{named(path[:-1])} has the key {path[-1]!r}: {error['msg']}."
        else:
            sentences.setdefault(path, _mismatch(error, path, named(path), value, schema))
    return " ".join(sentences.values())


def _followed(place: _Path, value: Any) -> tuple[_Path, Any]:
    """Return the path to the value at a place, without parts that name a member of a union."""
    path: _Path = ()
    for part in place:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            break
        path = (*path, part)
    return path, value


def _mismatch(error: _Json, path: _Path, name: str, value: Any, schema: _Json) -> str:
    wanted = _at(schema, path, schema)
    types = _types(wanted, schema)
    if types and kind_of(value) not in types:
        should = _form(wanted, schema, depth=0)
        return f"{name} has type '{kind_of(value)}' but should be '{should}'."
    is_value = f"{name} is {_shown(value)}"
    if len(path) < len(error["loc"]):
        return f"{is_value} but should be {_form(wanted, schema, depth=4)}."
    reason: str = error["msg"].rstrip(".")
    if reason.startswith("Input should"):
        return f"{is_value} but {reason.removeprefix('Input ')}."
    return f"{is_value}: {reason}."


def _named(path: _Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _shown(value: Any) -> str:
    return shorten(json.dumps(value, ensure_ascii=False))


def _at(schema: _Json, path: _Path, root: _Json) -> _Json:
    """Return the schema at a path; an empty one, which allows anything, if there is none."""
    for part in path:
        options = [one for one in options_of(schema, root) if one.get("type") != "null"]
        inner = part_of(options[0], part) if len(options) == 1 else None
        schema = inner if isinstance(inner, dict) else {}
    return resolved(schema, root)


def _types(schema: _Json, root: _Json) -> frozenset[str]:
    """Return the types that a schema allows; an empty set for any type."""
    options = [kinds_of(option) for option in options_of(schema, root)]
    types = frozenset[str]().union(*options) if all(options) else frozenset[str]()
    return types | {"integer"} if "number" in types else types


def _restricts(schema: _Json) -> bool:
    return bool(schema) and schema.get("anyOf") != ANYTHING["anyOf"]


def _form(schema: _Json, root: _Json, depth: int) -> str:
    schema = resolved(schema, root)
    if not _restricts(schema):
        return "anything"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_form(option, root, depth) for option in options))
    if values := values_of(schema):
        return " or ".join(map(_shown, values))
    match schema:
        case {"type": "array", "prefixItems": list(items)} if depth >= 0:
            return f"[{', '.join(_form(item, root, depth - 1) for item in items)}]"
        case {"type": "array", "items": dict(inner)} if _restricts(inner) and depth >= 0:
            form = _form(inner, root, depth - 1)
            return f"array of ({form})" if " or " in form else f"array of {form}"
        case {"type": "object", "properties": dict(fields)} if depth > 0:
            required = schema.get("required", ())
            forms = (
                f'"{name}"{"" if name in required else "?"}: {_form(field, root, depth - 1)}'
                for name, field in fields.items()
            )
            return f"{{{', '.join(forms)}}}"
        case {"type": "object", "additionalProperties": dict(inner)} if (
            _restricts(inner) and depth >= 0
        ):
            return f"object of {_form(inner, root, depth - 1)}"
        case {"type": str(kind), "format": str(form)}:
            return f"{kind} ({form})"
        case _:
            kinds = schema.get("type") or ["anything"]
            return kinds if isinstance(kinds, str) else " or ".join(kinds)
