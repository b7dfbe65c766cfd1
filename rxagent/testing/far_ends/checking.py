"""Checking: a request against the types of an SDK, which describe the provider's protocol."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import (
    IO,
    Annotated,
    Any,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from typing_extensions import TypedDict, is_typeddict

__all__ = ["check_type"]


def check_type(kind: Any, body: Mapping[str, Any]) -> None:
    """Check the JSON of a request against a type of an SDK, such as a TypedDict of its params.

    Raises:
        AssertionError: A field is missing, or has a value of another type.
    """
    from pydantic import ValidationError

    try:
        _adapter(kind).validate_json(json.dumps(body), strict=True)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, line['loc']))}: {line['msg']}, not {line['input']!r:.80}"
            for line in _nearest(error.errors(include_url=False))[:8]
        ]
        text = "\n  ".join(["The provider's SDK knows no such request:", *wrong])
        raise AssertionError(text) from None


def _nearest(errors: Sequence[Any]) -> Sequence[Any]:
    """Return the errors without those of a union's members that are named otherwise.

    They stay where no other member is near.
    """
    others = {
        line["loc"][:-1]
        for line in errors
        if line["type"] == "literal_error" and line["loc"][-1] in ("role", "type")
    }

    def is_of_another(error: Any) -> bool:
        return any(_is_below(error["loc"], member) for member in others)

    near = [error["loc"] for error in errors if not is_of_another(error)]
    others = {member for member in others if any(_is_below(loc, member[:-1]) for loc in near)}
    return [error for error in errors if not is_of_another(error)]


def _is_below(loc: Sequence[Any], parent: Sequence[Any]) -> bool:
    return loc[: len(parent)] == parent


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(_listed(kind, {}))


def _listed(kind: Any, known: dict[Any, Any]) -> Any:
    """Return a type with lists in place of iterables, which pydantic checks only when it is read.

    Args:
        kind: The type.
        known: The types of this adapter that were seen; one within itself is not checked further.
    """
    if is_typeddict(kind):
        if kind not in known:
            known[kind] = Any
            known[kind] = _listed_fields(kind, known)
        return known[kind]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is None or not inner:
        return kind
    if origin is Annotated:
        return _listed(inner[0], known)
    if origin in (Union, UnionType):
        sent = (one for one in inner if get_origin(one) is not IO)  # a file is sent as its text
        return Union[tuple(_listed(one, known) for one in sent)]  # noqa: UP007 - of a tuple
    if origin in (Required, NotRequired, Iterable, list):
        item: Any = _listed(inner[0], known)
        return item if origin in (Required, NotRequired) else list.__class_getitem__(item)
    if origin is dict:
        return dict.__class_getitem__((inner[0], _listed(inner[1], known)))
    return kind


def _listed_fields(kind: Any, known: dict[Any, Any]) -> Any:
    hints = get_type_hints(kind, include_extras=True)
    fields = {}
    for name, hint in hints.items():
        field = _listed(hint, known)
        fields[name] = Required[field] if name in kind.__required_keys__ else NotRequired[field]
    return TypedDict(kind.__name__, fields)  # type: ignore[operator]  # made at run time
