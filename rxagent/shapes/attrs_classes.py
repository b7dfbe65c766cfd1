"""Classes of attrs, in a form that pydantic reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial
from inspect import isclass
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

from attrs import NOTHING, fields, has
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

__all__ = ["readable"]


def readable(kind: Any) -> Any:
    """Return a type in which the classes of attrs can be read by pydantic.

    They are found in lists, unions and other generic types, and in the fields of classes of attrs
    and of dataclasses.
    """
    return _readable(kind, ())


def _readable(kind: Any, around: tuple[Any, ...]) -> Any:
    if isclass(kind) and kind not in around and _is_of_attrs(kind, (*around, kind)):
        return cast(Any, Annotated)[kind, _Fields()]
    arguments = get_args(kind)
    inner = tuple(_readable(each, around) if _is_type(each) else each for each in arguments)
    if all(new is old for new, old in zip(inner, arguments, strict=True)):
        return kind
    if get_origin(kind) is UnionType:
        return cast(Any, Union)[inner]
    if hasattr(kind, "copy_with"):
        return kind.copy_with(inner)
    return cast(Any, get_origin(kind))[inner]


def _is_of_attrs(kind: Any, around: tuple[Any, ...]) -> bool:
    """Return whether a class is one of attrs, or a dataclass that holds one."""
    if hasattr(kind, "__get_pydantic_core_schema__") or hasattr(kind, "__pydantic_fields__"):
        return False
    if not dataclasses.is_dataclass(kind):
        return has(kind)
    hints = _hints(kind).values()
    return any(_readable(hint, around) is not hint for hint in hints)


def _hints(kind: Any) -> dict[str, Any]:
    try:
        return get_type_hints(kind, include_extras=True)
    except NameError:  # a name that is known where the class was made; pydantic looks there
        return {}


def _is_type(argument: Any) -> bool:
    return isclass(argument) or get_origin(argument) is not None


class _Fields:
    """Reads an object as an instance of a class: its fields are the keys."""

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        hints = _hints(kind)
        keys = {
            alias: core_schema.typed_dict_field(
                handler.generate_schema(readable(hints.get(name, Any))), required=required
            )
            for name, alias, required in _fields(kind)
        }
        made = core_schema.no_info_after_validator_function(
            partial(_made, kind),
            core_schema.typed_dict_schema(keys, cls_name=kind.__name__, extra_behavior="forbid"),
        )
        # An instance is left as it is.
        return core_schema.json_or_python_schema(
            made, core_schema.union_schema([core_schema.is_instance_schema(kind), made])
        )


def _fields(kind: Any) -> Iterator[tuple[str, str, bool]]:
    """Yield name, argument and necessity of the fields with which an instance is made."""
    if has(kind):
        for each in fields(kind):
            if each.init:
                yield each.name, each.alias or each.name, each.default is NOTHING
        return
    for field in dataclasses.fields(kind):
        if field.init:
            has_default = not (field.default is field.default_factory is dataclasses.MISSING)
            yield field.name, field.name, not has_default


def _made(kind: Any, values: dict[str, Any]) -> Any:
    try:
        return kind(**values)
    except TypeError as error:  # of a validator; pydantic passes a TypeError on
        raise ValueError(str(error)) from error
