"""JSON types: a type of Python as JSON describes it, and the values that JSON holds of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from math import isfinite
from typing import Any, TypeAlias

from attrs import field, frozen
from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import SchemaValidator, core_schema, from_json, to_json

from ..exact_json import ExactFloat, Partial, exact_json
from ..json_schema import kinds_of, options_of, part_of, values_of
from ..json_text import escaped

__all__ = ["JsonType"]

_Json = Mapping[str, Any]
_Path = tuple[str | int, ...]

_MARK = "rxagent:keeps"
_DIGITS, _CONSTANTS = "digits", "constants"
_DATES = {
    "date-time": SchemaValidator(core_schema.datetime_schema()),
    "date": SchemaValidator(core_schema.date_schema()),
}
_FAULTS = {"date-time": "datetime_parsing", "date": "date_parsing"}
_WITHOUT_NUMBERS = {"duration", "email", "ipv4", "ipv6", "time", "uri", "uuid"}
"""Formats of texts that pydantic does not read as numbers, and those that it does."""
_EARLY = {"function-before", "function-wrap", "function-plain"}
_LIKE_A_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_SUSPECTS = re.compile(rb'NaN|Infinity|"[+-]?[\d.]+"')
"""What may be no number of JSON, or a number in the place of a date."""


@frozen
class JsonType:
    """A type whose values are written as JSON.

    They are read as JSON Schema says, where pydantic reads more or less than that:

    - 1.0 is an integer.
    - A `Decimal` has the digits that were written, unless the type is a union in which a float,
      or a text before it, could be meant.
    - A text that looks like a number is no date; to pydantic, it is seconds since 1970.

    A type with a validator that sees values before they are read is read as pydantic reads it, so
    that the validator gets what it expects, and may return what it likes.

    Attributes:
        json: The JSON Schema.
    """

    json: _Json
    _adapter: TypeAdapter[Any] = field(repr=False)
    _marked: _Json = field(repr=False)
    _is_finite: bool = field(repr=False)
    _may_differ: bool = field(repr=False)
    _is_strict: bool = field(repr=False)

    @classmethod
    def of(cls, kind: Any, *, is_finite: bool = False) -> JsonType:
        """Return the JSON type of a type.

        Args:
            kind: The type.
            is_finite: Whether NaN and infinity are no floats, unless `Field(allow_inf_nan=True)`
                says that they are.

        Raises:
            Exception: JSON cannot express the type; pydantic has many errors for this.
        """
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        marked = adapter.json_schema(schema_generator=_Marking)
        written = to_json(marked, serialize_unknown=True)
        json = _unmarked(marked) if _MARK.encode() in written else marked
        if _has_early_validator(adapter.core_schema):
            return cls(json, adapter, json, is_finite, may_differ=False, is_strict=False)
        may_differ = b'"format":"date' in written or (is_finite and b'"number"' in written)
        return cls(json, adapter, marked, is_finite, may_differ, is_strict=True)

    @property
    def _keeps_digits(self) -> bool:
        return self._marked is not self.json

    def parsed(self, text: str, partial: Partial = False) -> Any:
        """Return the value of a JSON text, for `validated`; strings may have bare line breaks.

        Args:
            text: The text.
            partial: Whether it may be incomplete; `trailing-strings` keeps a text that has not
                ended.

        Raises:
            ValueError: It is not JSON.
        """
        try:
            return self._parsed(text, partial)
        except ValueError:
            if (strict := escaped(text, bool(partial))) != text:
                with suppress(ValueError):
                    return self._parsed(strict, partial)
            raise

    def _parsed(self, text: str, partial: Partial) -> Any:
        if self._keeps_digits:
            return exact_json(text.encode(), partial)
        try:
            return from_json(text, allow_partial=partial)
        except TypeError as error:  # half of a surrogate pair
            raise ValueError("a character is not whole") from error

    def validated(self, value: Any) -> Any:
        """Return the value that JSON stands for.

        Raises:
            ValidationError: It does not fit.
        """
        written = to_json(value)
        if self._keeps_digits or (self._may_differ and _SUSPECTS.search(written)):
            value = self._as_read(value)
            written = to_json(value)
        try:
            return self._adapter.validate_json(written, strict=self._is_strict)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            whole = _with_whole_numbers(found, from_json(written))
            if whole is None:
                raise
        return self._adapter.validate_json(to_json(whole), strict=self._is_strict)

    def _as_read(self, value: Any) -> Any:
        """Return a value in the form in which pydantic reads what it means.

        Raises:
            ValidationError: A part is no value of JSON, or a number where a date should be.
        """
        errors: list[Any] = []
        read = self._part(value, [self._marked], (), errors)
        if errors:
            raise ValidationError.from_exception_data("value", errors, "json")
        return read

    def _part(self, value: Any, schemas: list[Any], path: _Path, errors: list[Any]) -> Any:
        options = [option for schema in schemas for option in options_of(schema, self._marked)]
        match value:
            case dict():
                names = [one.get("propertyNames") for one in options]
                for name in value:
                    self._part(name, names, (*path, name, "[key]"), errors)
                return {
                    name: self._part(
                        item, [part_of(one, name) for one in options], (*path, name), errors
                    )
                    for name, item in value.items()
                }
            case list() | tuple():
                return [
                    self._part(item, [part_of(one, at) for one in options], (*path, at), errors)
                    for at, item in enumerate(value)
                ]
            case float():
                read, fault = _number(value, options, self._is_finite)
            case str() if _LIKE_A_NUMBER.fullmatch(value):
                read, fault = _date(value, options)
            case _:
                return value
        if fault is not None:
            errors.append({"loc": path, "input": value, **fault})
        return read


_Fault: TypeAlias = _Json | None


def _number(value: float, options: list[_Json], is_finite: bool) -> tuple[Any, _Fault]:
    kept = {one.get(_MARK) for one in options if "number" in kinds_of(one)}
    if isinstance(value, ExactFloat) and kept == {_DIGITS}:
        first = _first_for_text(value.written, options)
        return (value.written if first.get(_MARK) else value), None
    is_wrong = is_finite and kept == {None} and not isfinite(value) and all(map(kinds_of, options))
    return value, {"type": "finite_number"} if is_wrong else None


def _date(value: str, options: list[_Json]) -> tuple[Any, _Fault]:
    form = _first_for_text(value, options).get("format", "")
    if form not in _DATES or not _DATES[form].isinstance_python(value):
        return value, None
    if any(one.get(_MARK) == _DIGITS for one in options):
        return float(value), None  # it is meant as the Decimal, and a number is no date
    return value, {"type": _FAULTS[form], "ctx": {"error": "not a number"}}


def _first_for_text(value: str, options: Iterable[_Json]) -> _Json:
    """Return the option as which pydantic reads a text of digits: the first that takes it."""
    for one in options:
        values = values_of(one)
        is_text = kinds_of(one) <= {"string"} and one.get("format") not in _WITHOUT_NUMBERS
        if is_text if values is None else value in values:
            return one
    return {}


def _with_whole_numbers(errors: Iterable[_Json], value: Any) -> Any:
    """Return the value with 1.0 as 1 at the places of the errors; None if nothing changes."""
    is_changed = False
    around = [value]
    for error in errors:
        inner: Any = around
        for part in (0, *error["loc"]):
            try:
                found = inner[part]
            except (KeyError, IndexError, TypeError):
                break  # this part names a member of a union
            if isinstance(found, float) and found.is_integer():
                inner[part] = int(found)
                is_changed = True
            inner = found
    return around[0] if is_changed else None


def _has_early_validator(schema: Any) -> bool:
    """Return whether a schema of pydantic calls a function of others before it reads a value."""
    if isinstance(schema, list | tuple):
        return any(map(_has_early_validator, schema))
    if not isinstance(schema, Mapping):
        return False
    validator = schema.get("function")
    if schema.get("type") in _EARLY and isinstance(validator, Mapping):  # else it serialises
        validate = validator["function"]
        validate = validate.func if isinstance(validate, partial) else validate
        if not (getattr(validate, "__module__", None) or "").startswith("pydantic"):
            return True
    return any(map(_has_early_validator, schema.values()))


class _Marking(GenerateJsonSchema):
    """Schemas with marks for numbers that are read in a way of their own.

    The titles of fields are left out, since they only repeat names.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False."""
        return False

    def decimal_schema(self, schema: Any) -> dict[str, Any]:
        """Mark a `Decimal`, which keeps its digits."""
        made = super().decimal_schema(schema)
        options = [{**one, _MARK: _DIGITS} for one in made.get("anyOf", ())]
        return {**made, "anyOf": options} if options else made

    def float_schema(self, schema: Any) -> dict[str, Any]:
        """Mark a float that may expressly be NaN or infinite."""
        made = super().float_schema(schema)
        return {**made, _MARK: _CONSTANTS} if schema.get("allow_inf_nan") else made


def _unmarked(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_unmarked(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {key: _unmarked(each) for key, each in schema.items() if key != _MARK}
    if "anyOf" in made:
        several = made["anyOf"]
        made["anyOf"] = [one for at, one in enumerate(several) if one not in several[:at]]
    return made
