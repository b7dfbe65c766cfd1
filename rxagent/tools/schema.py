"""Schemas: describe a tool's parameters to a model, and validate its arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import formatannotation, isclass
from typing import Annotated, Any, NotRequired, cast

from attrs import field, frozen
from pydantic import ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict

from ..call_arguments import decoded, named
from ..errors import InvalidArguments
from ..frozen import frozen_mapping
from ..json_schema import kind_of
from ..shapes.attrs_classes import readable
from ..shapes.json_type import JsonType
from .anything import typed
from .argument_errors import argument_errors, expected
from .signature import Parameter, Signature

__all__ = ["Schema"]


def _schema(json: Mapping[str, Any]) -> Mapping[str, Any]:
    return frozen_mapping("json", json)


@frozen
class Schema:
    """The schema of a tool's arguments.

    Attributes:
        tool: The tool's name.
        json: The JSON Schema, of type object.
    """

    tool: str
    json: Mapping[str, Any] = field(converter=_schema)
    _type: JsonType = field(repr=False)

    @classmethod
    def of(cls, signature: Signature) -> Schema:
        """Return the schema of the parameters that a model gives.

        Raises:
            TypeError: JSON has no equivalent of a parameter's type.
        """
        parameters = [each for each in signature.parameters if not each.is_given]
        try:
            return cls._of(signature, parameters)
        except Exception as error:
            for parameter in parameters:
                try:
                    cls._of(signature, [parameter])
                except Exception:
                    raise _refusal(signature.name, parameter) from error
            raise

    @classmethod
    def _of(cls, signature: Signature, parameters: Iterable[Parameter]) -> Schema:
        fields = {each.name: _field(each) for each in parameters}
        arguments = cast(Any, TypedDict)(signature.name, fields)
        arguments.__module__ = signature.module  # where forward references are looked up
        arguments.__pydantic_config__ = ConfigDict(extra="forbid")
        made = JsonType.of(arguments)
        json = {key: value for key, value in made.json.items() if key != "title"}
        return cls(signature.name, typed(json), made)

    def read(self, text: str, cut: bool = False) -> dict[str, Any]:
        """Return the arguments in a model's text.

        Empty text and `null` mean no arguments. An object that was encoded twice is decoded twice,
        and a bare value is accepted for a single parameter. 1.0 is accepted as an integer, as in
        JSON Schema. Nothing else is converted: 1.5 is not an integer, and "3" is not a number.

        Args:
            text: JSON, as the model wrote it.
            cut: Whether the text may be incomplete.

        Raises:
            InvalidArguments: The arguments do not fit; the message names each error and the schema.
        """
        try:
            value = decoded(text, self._type.parsed)
        except ValueError as error:
            wrong = f"The arguments are not JSON: {error}."
            raise self._cut() if cut else self._unfit(wrong) from None
        if cut and not isinstance(value, dict):
            raise self._cut()
        value = self._unwrapped(value)
        try:
            arguments: dict[str, Any] = self._type.validated(value)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False)
            raise self._unfit(argument_errors(errors, value, self.json)) from None
        return arguments

    def _unwrapped(self, value: Any) -> dict[str, Any]:
        arguments = named(value, self.json["properties"])
        if arguments is not None:
            return arguments
        raise self._unfit(f"The arguments have type '{kind_of(value)}' but should be 'object'.")

    def _unfit(self, wrong: str) -> InvalidArguments:
        return InvalidArguments(f"{wrong} {self.tool} takes {expected(self.json)}.", tool=self.tool)

    def _cut(self) -> InvalidArguments:
        return InvalidArguments(
            f"The length limit cut off this call of {self.tool}, so it was not run. "
            "Make it shorter.",
            tool=self.tool,
        )


def _field(parameter: Parameter) -> Any:
    options: dict[str, Any] = {}
    if parameter.description:
        options["description"] = parameter.description
    if not parameter.is_required:
        options["json_schema_extra"] = _shown(parameter.default)
    kind = cast(Any, Annotated)[readable(parameter.kind), Field(**options), *parameter.notes]
    return kind if parameter.is_required else cast(Any, NotRequired)[kind]


def _shown(default: Any) -> dict[str, Any]:
    try:
        return {"default": from_json(to_json(default), allow_inf_nan=False)}
    except ValueError:
        return {}


def _refusal(tool: str, parameter: Parameter) -> TypeError:
    kind = parameter.kind.__name__ if isclass(parameter.kind) else formatannotation(parameter.kind)
    return TypeError(
        f"Parameter {parameter.name!r} of {tool} has type {kind}, which JSON cannot express. "
        "Use str, int, float, bool, list, dict, a dataclass, a pydantic model or a TypedDict of "
        f"typing_extensions; or let the run fill it in: {parameter.name}: Given[{kind}]."
    )
