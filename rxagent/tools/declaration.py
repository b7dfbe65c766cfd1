"""Declarations: tools as Python functions, for models that write code."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from enum import Enum
from textwrap import indent
from typing import Annotated, Any, get_args, get_origin

from .forms import form_of, form_of_result, types_in
from .signature import Parameter, Signature

__all__ = ["declare"]

_DICTS = 'Objects are dicts here: write {"name": ...}, read value["name"].'


def declare(
    signature: Signature, schema: Mapping[str, Any], name: str, description: str, is_async: bool
) -> str:
    """Return the function that a model may call, with its docstring and without a body.

    The code has none of the classes in a signature, so the docstring has their forms.

    Args:
        signature: The function's signature.
        schema: The JSON Schema of its arguments.
        name: Its name.
        description: What it does.
        is_async: Whether it is awaited.
    """
    fields = schema["properties"]
    shown = [
        (each, fields[each.name], form_of(each.kind, fields[each.name], schema))
        for each in signature.parameters
        if not each.is_given
    ]
    result, form = signature.returned, form_of_result(signature)
    parameters = ", ".join(_parameter(*each) for each in shown)
    arrow = f" -> {_annotation(result, form)}" if result is not inspect.Signature.empty else ""
    described = [line for each, _, its in shown for line in _described(each, its)]
    sections = [description]
    if described:
        sections.append("\n".join(["Args:", *described]))
    if form is not None:
        sections.append(f"Result: {form}")
    if any("{" in (its or "") for its in (form, *(its for _, _, its in shown))):
        sections.append(_DICTS)
    docstring = _docstring(sections)
    return f"{'async ' if is_async else ''}def {name}({parameters}){arrow}:\n{docstring}"


def _docstring(sections: Iterable[str]) -> str:
    text = "\n\n".join(sections).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if "\n" in text:
        text += "\n"
    return indent(f'"""{text}"""', "    ", lambda line: bool(line.strip()))


def _described(parameter: Parameter, form: str | None) -> list[str]:
    texts = [text for text in (parameter.description, form) if text]
    return [f"    {parameter.name}: {text}" for text in texts[:1]] + [
        f"        {text}" for text in texts[1:]
    ]


def _parameter(parameter: Parameter, schema: Mapping[str, Any], form: str | None) -> str:
    declared = f"{parameter.name}: {_annotation(parameter.kind, form)}"
    if parameter.is_required:
        return declared
    default = parameter.default
    if form is not None or isinstance(default, Enum):
        return f"{declared} = {repr(schema['default']) if 'default' in schema else '...'}"
    return f"{declared} = {'...' if parameter.field is not None else repr(default)}"


def _annotation(kind: Any, form: str | None) -> str:
    if form is not None and get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    text = inspect.formatannotation(kind, base_module=getattr(kind, "__module__", None))
    return text if form is None else _with_short_names(text, types_in(kind))


def _with_short_names(text: str, kinds: Iterable[Any]) -> str:
    """Return an annotation with the bare names of its classes, and the values of enums."""
    for each in sorted(kinds, key=lambda kind: -len(repr(kind))):
        if isinstance(each, Enum):
            text = text.replace(repr(each), repr(each.value))
        elif inspect.isclass(each) and each.__module__ != "builtins":
            for name in (f"{each.__module__}.{each.__qualname__}", each.__qualname__):
                text = text.replace(name, each.__name__)
    return text
