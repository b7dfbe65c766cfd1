"""Schemas: what a model reads of a tool's parameters, and how its arguments are read."""

from collections.abc import Iterable, Mapping
from inspect import formatannotation, isclass
from typing import Annotated, Any, NotRequired, cast

from attrs import field, frozen
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict

from ..errors import InvalidArguments
from ..frozen import frozen_mapping
from .anything import typed
from .argument_errors import expected, mend, type_of
from .signature import Parameter, Signature

__all__ = ["Schema"]


def _schema(json: Mapping[str, Any]) -> Mapping[str, Any]:
    return frozen_mapping("json", json)


@frozen
class Schema:
    """What a model may give to a tool.

    Attributes:
        tool: The tool's name.
        json: The JSON Schema, of type object.
    """

    tool: str
    json: Mapping[str, Any] = field(converter=_schema)
    _adapter: TypeAdapter[dict[str, Any]] = field(repr=False)

    @classmethod
    def of(cls, signature: Signature) -> "Schema":
        """Return the schema of what a signature takes from a model.

        Raises:
            TypeError: A parameter is of a type that JSON cannot say.
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
    def _of(cls, signature: Signature, parameters: Iterable[Parameter]) -> "Schema":
        fields = {each.name: _field(each) for each in parameters}
        arguments = cast(Any, TypedDict)(signature.name, fields)
        arguments.__module__ = signature.module  # where forward references are looked up
        arguments.__pydantic_config__ = ConfigDict(extra="forbid")
        adapter = TypeAdapter(arguments)
        json = adapter.json_schema(schema_generator=_Untitled)
        json.pop("title", None)
        return cls(signature.name, typed(json), adapter)

    def read(self, text: str, cut: bool = False) -> dict[str, Any]:
        """Return the arguments that a model's text gives.

        No text and `null` give none; an object that was encoded twice is taken as it was meant,
        and so is a bare value when there is one parameter. 1.0 is an integer where one is wanted,
        as in JSON Schema. Nothing else is converted: 1.5 is no integer, and "3" is no number.

        Args:
            text: JSON, as the model wrote it.
            cut: Whether the text may have ended too early.

        Raises:
            InvalidArguments: They do not fit; the sentence says what is wrong, and what is right.
        """
        try:
            value = _decoded(text)
        except (ValueError, TypeError) as error:
            wrong = f"The arguments are not JSON: {error}."
            raise self._cut() if cut else self._unfit(wrong) from None
        if cut and not isinstance(value, dict):
            raise self._cut()
        value = self._meant(value)
        try:
            return self._validated(value)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False)
        whole = with_whole_numbers(errors, value)
        if whole is not None:
            try:
                return self._validated(whole)
            except ValidationError as error:
                errors = error.errors(include_url=False, include_context=False)
        raise self._unfit(mend(errors, value, self.json)) from None

    def _validated(self, value: Any) -> dict[str, Any]:
        return self._adapter.validate_json(to_json(value), strict=True)

    def _meant(self, value: Any) -> dict[str, Any]:
        names = list(self.json["properties"])
        if isinstance(value, dict):
            return value
        if value is None:
            return {}
        if len(names) == 1:
            return {names[0]: value}
        raise self._unfit(f"The arguments have type '{type_of(value)}' but should be 'object'.")

    def _unfit(self, wrong: str) -> InvalidArguments:
        return InvalidArguments(f"{wrong} {self.tool} takes {expected(self.json)}.", tool=self.tool)

    def _cut(self) -> InvalidArguments:
        return InvalidArguments(
            f"This call of {self.tool} was cut by the length limit, so nothing was run. "
            "Make it shorter.",
            tool=self.tool,
        )


def with_whole_numbers(errors: Iterable[Mapping[str, Any]], value: Any) -> Any:
    """Return arguments in which 1.0 is 1, wherever an error was found; None if it is nowhere."""
    is_changed = False
    value = from_json(to_json(value))
    for error in errors:
        inner = value
        for part in error["loc"]:
            try:
                found = inner[part]
            except (KeyError, IndexError, TypeError):
                break  # the place only names the member of a union
            if isinstance(found, float) and found.is_integer():
                inner[part] = int(found)
                is_changed = True
            inner = found
    return value if is_changed else None


class _Untitled(GenerateJsonSchema):
    """Schemas without the titles that only repeat a name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _field(parameter: Parameter) -> Any:
    told: dict[str, Any] = {}
    if parameter.description:
        told["description"] = parameter.description
    if not parameter.is_required:
        told["json_schema_extra"] = _shown(parameter.default)
    kind = cast(Any, Annotated)[parameter.kind, Field(**told), *parameter.notes]
    return kind if parameter.is_required else cast(Any, NotRequired)[kind]


def _shown(default: Any) -> dict[str, Any]:
    try:
        return {"default": from_json(to_json(default), allow_inf_nan=False)}
    except ValueError:
        return {}


def _refusal(tool: str, parameter: Parameter) -> TypeError:
    kind = parameter.kind.__name__ if isclass(parameter.kind) else formatannotation(parameter.kind)
    return TypeError(
        f"Parameter {parameter.name!r} of {tool} is of type {kind}, which JSON cannot say. "
        "Take what JSON has (str, int, float, bool, list, dict), a dataclass, a pydantic model or "
        "a TypedDict of typing_extensions; "
        f"or let the run fill it in: {parameter.name}: Given[{kind}]."
    )


def _decoded(text: str) -> Any:
    value = from_json(text) if text.strip() else None
    if isinstance(value, str):
        try:
            inner = from_json(value)
        except ValueError:
            return value
        return inner if isinstance(inner, dict) else value
    return value
