"""The type of an agent's answer: what the model is asked for, and how its answer is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from attrs import field, frozen
from pydantic import ValidationError

from ..arguments import shorten
from ..errors import ParseError
from ..frozen import freeze, thaw
from ..json_schema import kind_of, kinds_of, options_of, resolved
from ..json_text import lacks_end
from ..messages import ToolCall, ToolSpec
from ..shapes.foreign import foreign_objects, without_fields
from ..shapes.shape import Shape
from ..tools import FINAL_ANSWER
from ..tools.anything import typed
from ..tools.argument_errors import argument_errors, expected
from .answers import read_answer

__all__ = ["Output"]

_FENCED = re.compile(r"\s*```\w*\n(.*?)\n?```\s*", re.DOTALL)
_FENCE = re.compile(r"\s*```\w*\n")
_AROUND = '{"answer":'
_BARE = re.compile(r"\s*(-?\d[\d.eE+-]*|true|false|null|NaN|-?Infinity)\s*")
"""What is JSON without quotes or brackets, and may be meant as a text."""

_KINDS = {"{": "object", "[": "array"}
"""The kinds of JSON that begin with a sign of their own, which is no text's."""

_CLOSING = ("}", "]", '"')
_WORDS = ("true", "false", "null")
"""How JSON ends that nothing can follow."""


@frozen
class Output:
    """The type of an agent's answer.

    Attributes:
        kind: The type.
        schema: The JSON Schema of an answer that is text, for the provider's structured output.
        spec: The tool final_answer, with the type as that of its argument.
        form: The form of the answer, in short.
        text_form: The form of an answer that is text, which is always an object.
    """

    kind: Any
    schema: Mapping[str, Any]
    spec: ToolSpec
    form: str
    text_form: str
    _shape: Shape = field(repr=False)

    @classmethod
    def of(cls, kind: Any) -> Output:
        """Return the output of a type.

        Raises:
            TypeError: JSON cannot express the type.
        """
        shape = Shape.of("output", kind)
        json = typed(shape.json)
        called = _around(json)
        schema = _closed(_resolved(json) if shape.is_object else called)
        schema.setdefault("title", "answer")
        spec = ToolSpec(FINAL_ANSWER.name, FINAL_ANSWER.description, called)
        return cls(kind, schema, spec, expected(json), expected(schema), shape)

    def read_call(self, call: ToolCall, reason: str) -> Any:
        """Return the answer in a call of final_answer.

        Raises:
            ParseError: It does not fit.
        """
        return self.read(read_answer(call, reason, self._shape.parsed))

    def read_text(self, text: str, reason: str) -> Any:
        """Return the answer in a text, which is JSON; a text that fits as it is needs no quotes.

        JSON is a text where it can be nothing else: an object that is not the one around an
        answer, where the type takes texts and no objects, and so for lists. The beginning of the
        one around an answer is none, if the length limit cut it; nor is then that of JSON where the
        type takes some, nor one of several texts, and a number is at most a text.

        Raises:
            ParseError: It does not fit.
        """
        fenced = _FENCED.fullmatch(text)
        inner = fenced[1] if fenced else text
        if reason == "length" and self._may_go_on(inner.strip()):
            raise ParseError(
                f"The answer {shorten(inner.strip(), 60)!r} was cut off by the length limit, so "
                f"its end may be missing. {_plea(self.text_form)}"
            )
        if bare := _BARE.fullmatch(inner):
            is_cut = reason == "length" and bare[1] not in _WORDS
            for candidate in (*(() if is_cut else self._parsed(bare[1])), bare[1]):
                with suppress(ValueError):
                    return freeze(self._shape.validated(candidate))
        try:
            value = self._shape.parsed(inner)
        except ValueError as error:
            try:
                if reason == "length" and self._is_begun(text):
                    raise error
                return freeze(self._shape.validated(text.strip()))
            except ValueError:
                cut = "It was cut off by the length limit. " if reason == "length" else ""
                raise ParseError(
                    f"The answer is not JSON: {error}. It begins with {shorten(text, 60)!r}. "
                    f"{cut}{_plea(self.text_form)}"
                ) from None
        if self._is_no_value(value):
            with suppress(ValueError):
                return freeze(self._shape.validated(text.strip()))
        return self._read(value, self.text_form, is_wrapped=not self._shape.is_object)

    def _may_go_on(self, text: str) -> bool:
        """Return whether a text that fits has no sign of its end: a number, or one of several."""
        if text[-1:] in _CLOSING or text in _WORDS or self._takes(text + "?"):
            return False
        return _BARE.fullmatch(text) is not None or self._takes(text)

    def _takes(self, text: str) -> bool:
        with suppress(ValueError):
            self._shape.validated(text)
            return True
        return False

    def _is_begun(self, text: str) -> bool:
        """Return whether a text is the beginning of JSON that may be an answer, or hold one."""
        fence = _FENCE.match(text)
        inner = text[fence.end() :] if fence else text
        begun = "".join(inner.split())
        is_wrapper = begun.startswith(_AROUND) or _AROUND.startswith(begun)
        return (lacks_end(inner) and is_wrapper) or self._may_be(_KINDS.get(begun[:1]))

    def _parsed(self, text: str) -> Iterator[Any]:
        """Yield the value of a JSON text, if it is one."""
        with suppress(ValueError):
            yield self._shape.parsed(text)

    def _is_no_value(self, value: Any) -> bool:
        """Return whether a list or an object cannot be meant as the answer."""
        if not isinstance(value, list | dict) or _is_around(value):
            return False
        return not self._may_be(kind_of(value))

    def _may_be(self, kind: str | None) -> bool:
        """Return whether an answer may be of a kind of JSON."""
        json = self._shape.json
        kinds = [kinds_of(option) for option in options_of(json, json)]
        return kind is not None and (not all(kinds) or kind in frozenset().union(*kinds))

    def fits_exactly(self, text: str) -> bool:
        """Return whether a text is an object of the type, without a field that it does not name."""
        fenced = _FENCED.fullmatch(text)
        try:
            value = self._shape.parsed(fenced[1] if fenced else text)
            named = self.schema.get("properties", {}) if self._shape.is_object else {}
            if not isinstance(value, dict) or not value.keys() <= named.keys():
                return False
            self._shape.validated(value)
        except ValueError:
            return False
        return True

    def read(self, value: Any) -> Any:
        """Return the answer that a value of JSON stands for.

        Raises:
            ParseError: It does not fit.
        """
        return self._read(value, self.form)

    def _read(self, value: Any, form: str, *, is_wrapped: bool = False) -> Any:
        """Return the answer that a value stands for: all of it, or its field `answer`.

        Args:
            value: The value.
            form: The form that an error asks for.
            is_wrapped: Whether the field `answer` was asked for, so that it comes first.
        """
        faults: list[tuple[ValueError, Any]] = []
        for candidate in self._candidates(thaw(value), is_wrapped):
            try:
                return freeze(self._fitting(candidate))
            except ValueError as error:
                faults.append((error, candidate))
        raise ParseError(f"{self._wrong(*faults[0])} {_plea(form)}") from None

    def _candidates(self, value: Any, is_wrapped: bool) -> Iterator[Any]:
        """Yield a value, and what it may stand for: JSON in a text, the field of an object."""
        if is_wrapped and _is_around(value):
            yield from self._candidates(value["answer"], False)
        yield value
        if isinstance(value, str):
            for inner in self._parsed(value):
                yield from self._candidates(inner, is_wrapped)
        elif not is_wrapped and _is_around(value):
            yield from self._candidates(value["answer"], False)

    def _fitting(self, value: Any) -> Any:
        """Return the answer that a value is; each of its objects has a field that is read.

        Raises:
            ValueError: It does not fit.
        """
        found = self._shape.validated(value)
        for path, names in foreign_objects(value, self._shape.json):
            if self._fits(without_fields(value, path), found):
                raise _Foreign(path, names)
        return found

    def _fits(self, value: Any, answer: Any) -> bool:
        try:
            return bool(self._shape.validated(value) == answer)
        except ValueError:
            return False

    def _wrong(self, error: ValueError, value: Any) -> str:
        if isinstance(error, _Foreign):
            return str(error)
        if not isinstance(error, ValidationError):
            return f"The answer cannot be written as JSON: {error}."
        errors = error.errors(include_url=False, include_context=False)
        return argument_errors(errors, value, self._shape.json, noun="Field", whole="The answer")


def _plea(form: str) -> str:
    return f"Give an answer of the form {form}."


class _Foreign(ValueError):
    """An object has none of the fields that it may have."""

    def __init__(self, path: tuple[str | int, ...], names: tuple[str, ...]) -> None:
        place = "".join(f"[{each!r}]" for each in path)
        where = f"The answer at {place}" if place else "The answer"
        found = shorten(", ".join(names), 60)
        super().__init__(f"{where} has none of the fields of its type, but {found}.")


def _is_around(value: Any) -> bool:
    """Return whether a value is the object around an answer that was asked for."""
    return isinstance(value, dict) and value.keys() == {"answer"}


def _around(json: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with a value as its field `answer`."""
    inner = {key: each for key, each in json.items() if key != "$defs"}
    defs = {"$defs": json["$defs"]} if "$defs" in json else {}
    return {
        "type": "object",
        "properties": {"answer": inner},
        "required": ["answer"],
        "additionalProperties": False,
        **defs,
    }


def _closed(schema: Any) -> Any:
    """Return a schema whose objects have no other fields than those that it names.

    Providers demand this where they make a model keep to a schema.
    """
    if isinstance(schema, list | tuple):
        return [_closed(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    closed = {key: _closed(each) for key, each in schema.items()}
    if isinstance(schema.get("properties"), Mapping) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def _resolved(json: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that is no reference itself."""
    defs = {"$defs": json["$defs"]} if "$defs" in json else {}
    return {**resolved(json, json), **defs}
