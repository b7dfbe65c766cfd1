"""Declarations: tools as Python functions, for models that write code."""

import inspect
from textwrap import indent

from .signature import Parameter, Signature

__all__ = ["declare"]


def declare(signature: Signature, name: str, description: str, is_async: bool) -> str:
    """Return the function that a model may call, with its docstring and without a body."""
    shown = [each for each in signature.parameters if not each.is_given]
    parameters = ", ".join(map(_parameter, shown))
    result = signature.returned
    arrow = "" if result is inspect.Signature.empty else f" -> {_annotation(result)}"
    described = [f"    {each.name}: {each.description}" for each in shown if each.description]
    lines = [description, "", "Args:", *described] if described else [description]
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if described or "\n" in text:
        text += "\n"
    docstring = indent(f'"""{text}"""', "    ", lambda line: bool(line.strip()))
    return f"{'async ' if is_async else ''}def {name}({parameters}){arrow}:\n{docstring}"


def _parameter(parameter: Parameter) -> str:
    annotation = _annotation(parameter.kind)
    if parameter.is_required:
        return f"{parameter.name}: {annotation}"
    default = "..." if parameter.field is not None else repr(parameter.default)
    return f"{parameter.name}: {annotation} = {default}"


def _annotation(kind: object) -> str:
    return inspect.formatannotation(kind, base_module=getattr(kind, "__module__", None))
