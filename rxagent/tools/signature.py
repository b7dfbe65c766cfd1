"""Signatures: the parameters that a model gives, and those that the run gives."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, TypeVar, get_args, get_origin

from attrs import field, frozen
from pydantic import Field
from pydantic.fields import FieldInfo

from .docstrings import read_docstring

__all__ = ["Given", "Parameter", "Signature", "plain"]

_T = TypeVar("_T")


class _Given:
    def __repr__(self) -> str:
        return "Given"


_GIVEN = _Given()

Given = Annotated[_T, _GIVEN]
"""A parameter that the run fills in from `additional_args`, by name; the model does not see it.

.. code-block:: python

    @tool
    def head(rows: int, table: Given[DataFrame]) -> str:
        \"\"\"Show the first rows of the table.\"\"\"
        return table.head(rows).to_markdown()
"""

_MADE = object()
"""Stands for a default that is computed for each call, so it cannot be shown."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@frozen
class Parameter:
    """A parameter of a function."""

    name: str
    kind: Any
    notes: tuple[Any, ...]
    is_required: bool
    default: Any = None
    description: str | None = None
    is_given: bool = False
    field: FieldInfo | None = None

    @classmethod
    def of(cls, parameter: inspect.Parameter, description: str | None) -> Parameter:
        """Return a parameter of Python as one of a tool."""
        kind: Any = parameter.annotation
        notes: list[Any] = []
        if get_origin(kind) is Annotated:
            kind, *notes = get_args(kind)
        default, own = parameter.default, None
        if isinstance(default, FieldInfo):
            notes.append(default)
            default = inspect.Parameter.empty
        fields = [note for note in notes if isinstance(note, FieldInfo)]
        if default is inspect.Parameter.empty:
            own = next((each for each in reversed(fields) if not each.is_required()), None)
        if own is not None:
            default = _MADE if own.default_factory is not None else own.default
        texts = [note for note in notes if isinstance(note, str)]
        texts += [each.description for each in reversed(fields) if each.description]
        return cls(
            parameter.name,
            kind,
            tuple(part for note in notes for part in _parts(note)),
            default is inspect.Parameter.empty,
            default,
            next(iter(texts), description),
            any(note is _GIVEN for note in notes),
            own,
        )

    def filled(self) -> Any:
        """Return a new default from the pydantic `Field`."""
        assert self.field is not None
        return self.field.get_default(call_default_factory=True, validated_data={})


@frozen
class Signature:
    """A function's parameters, with the name and description for a model.

    Raises:
        TypeError: The function cannot be described; the message says how to fix it.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    module: str
    _python: inspect.Signature = field(repr=False)

    @classmethod
    def of(
        cls, function: Callable[..., Any], name: str | None, description: str | None
    ) -> Signature:
        """Return a function's signature; `name` and `description` override its own."""
        if inspect.isclass(function) or not callable(function):
            raise TypeError(
                f"{function!r} is not a function. "
                "A tool is made from a function with annotations and a docstring."
            )
        core, code = _core(function), plain(function)
        own_name: str = getattr(core, "__name__", type(core).__name__)
        name = _checked_name(name or own_name)
        text, described = read_docstring(code.__doc__ or core.__doc__)
        if not (description or text):
            raise TypeError(
                f"{name} has no docstring, so a model cannot know what it does. "
                f'Write one: def {name}(...): """Say in one sentence what it does."""'
            )
        python = _python_signature(function, name)
        bound = function.keywords if isinstance(function, partial) else {}
        parameters = tuple(
            Parameter.of(_checked(parameter, name), described.get(parameter.name))
            for parameter in python.parameters.values()
            if parameter.name not in bound
        )
        return cls(name, description or text, parameters, code.__module__, python)

    @property
    def returned(self) -> Any:
        """The annotation of the result; `inspect.Signature.empty` without one."""
        return self._python.return_annotation

    def bind(self, arguments: Mapping[str, Any]) -> inspect.BoundArguments:
        """Return the arguments completed with the function's defaults."""
        filled = {
            each.name: each.filled()
            for each in self.parameters
            if each.field is not None and each.name not in arguments
        }
        bound = inspect.BoundArguments(self._python, {**filled, **arguments})
        bound.apply_defaults()
        return bound


def plain(function: Any) -> Any:
    """Return the underlying function or method of a callable."""
    core = _core(function)
    return core if inspect.isroutine(core) else core.__call__


def _parts(note: Any) -> tuple[Any, ...]:
    """Return the metadata of an annotation without its default."""
    if not isinstance(note, FieldInfo):
        return (note,)
    attributes = {
        name: value
        for name in ("alias", "title", "examples", "deprecated", "discriminator")
        if (value := getattr(note, name)) is not None
    }
    return (*note.metadata, Field(**attributes)) if attributes else tuple(note.metadata)


def _core(function: Any) -> Any:
    return function.func if isinstance(function, partial) else function


def _checked_name(name: str) -> str:
    if name == "<lambda>":
        raise TypeError(
            "A lambda has neither a name nor a docstring, so it cannot be a tool. "
            'Write it as a function: def double(n: int) -> int: """Return twice n."""'
        )
    if not _NAME.fullmatch(name):
        raise TypeError(
            f"{name!r} cannot be a tool's name: use 1 to 64 of a-z, A-Z, 0-9, _ and -. "
            'Give the tool another name: tool(function, name="...").'
        )
    return name


def _python_signature(function: Callable[..., Any], name: str) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except ValueError:
        raise TypeError(
            f"Python does not know the parameters of {name}. "
            "Write a function with annotations and a docstring that calls it."
        ) from None
    except Exception as error:
        raise TypeError(
            f"An annotation of {name} cannot be read: {error}. "
            "Use names defined at the top of its module, outside of `if TYPE_CHECKING`."
        ) from error


def _checked(parameter: inspect.Parameter, tool: str) -> inspect.Parameter:
    name = parameter.name
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        raise TypeError(
            f"{tool} takes *{name}, which JSON Schema cannot describe. "
            f"Take one list: {name}: list[str]."
        )
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        raise TypeError(
            f"{tool} takes **{name}, which JSON Schema cannot describe. "
            f"Name each parameter, or take one dict: {name}: dict[str, str]."
        )
    if parameter.annotation is inspect.Parameter.empty:
        if name in ("self", "cls"):
            raise TypeError(
                f"{tool} is a method without an object. "
                f"Make the tool from the object's method: tool(thing.{tool})."
            )
        raise TypeError(
            f"Parameter {name!r} of {tool} has no annotation, so a model cannot know what to give. "
            f"Write its type: def {tool}({name}: str)."
        )
    return parameter
