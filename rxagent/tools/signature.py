"""Signatures: what a function takes from a model, and what from the run."""

import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, TypeVar, get_args, get_origin

from attrs import field, frozen

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

    @classmethod
    def of(cls, parameter: inspect.Parameter, description: str | None) -> "Parameter":
        """Return what Python says of a parameter, as a tool's."""
        kind: Any = parameter.annotation
        notes: list[Any] = []
        if get_origin(kind) is Annotated:
            kind, *notes = get_args(kind)
        return cls(
            parameter.name,
            kind,
            tuple(notes),
            parameter.default is inspect.Parameter.empty,
            parameter.default,
            next((note for note in notes if isinstance(note, str)), description),
            any(note is _GIVEN for note in notes),
        )


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
        bound = inspect.BoundArguments(self._python, dict(arguments))
        bound.apply_defaults()
        return bound


def plain(function: Any) -> Any:
    """Return the function or method that does the work of a callable."""
    core = _core(function)
    return core if inspect.isroutine(core) else core.__call__


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
