"""Signatures: what a function takes from a model, and what from the run."""

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
"""A parameter that the run fills in, by its name among `additional_args`; no model sees it.

.. code-block:: python

    @tool
    def head(rows: int, table: Given[DataFrame]) -> str:
        \"\"\"Show the first rows of the table.\"\"\"
        return table.head(rows).to_markdown()
"""

_MADE = object()
"""A default that is made anew for each call, so none can be shown."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@frozen
class Parameter:
    """One thing that a function takes."""

    name: str
    kind: Any
    notes: tuple[Any, ...]
    is_required: bool
    default: Any = None
    description: str | None = None
    is_given: bool = False
    field: FieldInfo | None = None

    @classmethod
    def of(cls, parameter: inspect.Parameter, description: str | None) -> "Parameter":
        """Return what Python says of a parameter, as a tool's."""
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
        words = [note for note in notes if isinstance(note, str)]
        words += [each.description for each in reversed(fields) if each.description]
        return cls(
            parameter.name,
            kind,
            tuple(part for note in notes for part in _parts(note)),
            default is inspect.Parameter.empty,
            default,
            next(iter(words), description),
            any(note is _GIVEN for note in notes),
            own,
        )

    def filled(self) -> Any:
        """Return the default that a pydantic `Field` says, a new one for each call."""
        assert self.field is not None
        return self.field.get_default(call_default_factory=True, validated_data={})


@frozen
class Signature:
    """What a function takes, and what a model is told of it.

    Raises:
        TypeError: The function cannot be described; the sentence shows how to mend it.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    module: str
    _python: inspect.Signature = field(repr=False)

    @classmethod
    def of(
        cls, function: Callable[..., Any], name: str | None, description: str | None
    ) -> "Signature":
        """Return a function's signature; a name and description given here win over its own."""
        if inspect.isclass(function) or not callable(function):
            raise TypeError(
                f"{function!r} is no function. "
                "A tool is made of a function with annotations and a docstring."
            )
        core, code = _core(function), plain(function)
        own_name: str = getattr(core, "__name__", type(core).__name__)
        name = _checked_name(name or own_name)
        text, told = read_docstring(code.__doc__ or core.__doc__)
        if not (description or text):
            raise TypeError(
                f"{name} has no docstring, so a model cannot know what it does. "
                f'Write one: def {name}(...): """Say in a sentence what it does."""'
            )
        python = _python_signature(function, name)
        bound = function.keywords if isinstance(function, partial) else {}
        parameters = tuple(
            Parameter.of(_checked(parameter, name), told.get(parameter.name))
            for parameter in python.parameters.values()
            if parameter.name not in bound
        )
        return cls(name, description or text, parameters, code.__module__, python)

    def bind(self, arguments: Mapping[str, Any]) -> inspect.BoundArguments:
        """Return how the function is called with these arguments and its own defaults."""
        filled = {
            each.name: each.filled()
            for each in self.parameters
            if each.field is not None and each.name not in arguments
        }
        bound = inspect.BoundArguments(self._python, {**filled, **arguments})
        bound.apply_defaults()
        return bound


def plain(function: Any) -> Any:
    """Return the function or method that does the work of a callable."""
    core = _core(function)
    return core if inspect.isroutine(core) else core.__call__


def _parts(note: Any) -> tuple[Any, ...]:
    """Return what a note says of a parameter's values, without its default."""
    if not isinstance(note, FieldInfo):
        return (note,)
    said = {
        name: value
        for name in ("alias", "title", "examples", "deprecated", "discriminator")
        if (value := getattr(note, name)) is not None
    }
    return (*note.metadata, Field(**said)) if said else tuple(note.metadata)


def _core(function: Any) -> Any:
    return function.func if isinstance(function, partial) else function


def _checked_name(name: str) -> str:
    if name == "<lambda>":
        raise TypeError(
            "A lambda has neither a name nor a docstring, so no model can know it. "
            'Write it as a function: def double(n: int) -> int: """Return twice n."""'
        )
    if not _NAME.fullmatch(name):
        raise TypeError(
            f"{name!r} cannot be a tool's name, which has 1 to 64 of a-z, A-Z, 0-9, _ and -. "
            'Give it another: tool(function, name="...").'
        )
    return name


def _python_signature(function: Callable[..., Any], name: str) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except ValueError:
        raise TypeError(
            f"Python does not know what {name} takes. "
            "Write a function with annotations and a docstring that calls it."
        ) from None
    except Exception as error:
        raise TypeError(
            f"An annotation of {name} cannot be read: {error}. "
            "Use names that exist at the top of its module, outside of `if TYPE_CHECKING`."
        ) from error


def _checked(parameter: inspect.Parameter, tool: str) -> inspect.Parameter:
    name = parameter.name
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        raise TypeError(
            f"{tool} takes *{name}, which a model cannot be told of. "
            f"Take one list: {name}: list[str]."
        )
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        raise TypeError(
            f"{tool} takes **{name}, which a model cannot be told of. "
            f"Name each parameter, or take one dict: {name}: dict[str, str]."
        )
    if parameter.annotation is inspect.Parameter.empty:
        if name in ("self", "cls"):
            raise TypeError(
                f"{tool} is a method that has no object yet. "
                f"Make the tool of the object's method: tool(thing.{tool})."
            )
        raise TypeError(
            f"Parameter {name!r} of {tool} has no annotation, so a model cannot know what to give. "
            f"Say what it takes: def {tool}({name}: str)."
        )
    return parameter
