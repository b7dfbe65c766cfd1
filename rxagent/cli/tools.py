"""Tools on the command line: `module:function`."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Any

import click

from ..arguments import did_you_mean
from .stdio import echo

__all__ = ["load_tool"]


def load_tool(named: str, *, verbose: bool = False) -> Any:
    """Return the tool that `module:function` names; the module may lie in the current folder.

    Raises:
        click.UsageError: There is no such function, or it cannot be a tool.
    """
    module_name, colon, path = named.partition(":")
    if not (colon and module_name and path):
        raise click.UsageError(f"{named!r} is not a tool. Write -t module:function.")
    found = _module(module_name, verbose=verbose)
    for name in path.split("."):
        if not hasattr(found, name):
            raise click.UsageError(_missing(module_name, found, name))
        found = getattr(found, name)
    from ..tools import as_tool

    try:
        return as_tool(found)
    except TypeError as error:
        raise click.UsageError(f"{named} cannot be a tool. {error}") from error


def _module(name: str, *, verbose: bool) -> Any:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        absent = error.name if isinstance(error, ModuleNotFoundError) else None
        if absent is not None and f"{name}.".startswith(f"{absent}."):
            raise click.UsageError(
                f"There is no module {name!r} in this folder or among the installed ones. "
                "Write the name of a file in this folder, without .py."
            ) from None
        if verbose:
            echo("".join(traceback.format_exception(error)), err=True)
        raise click.UsageError(
            f"The module {name!r} cannot be imported: {type(error).__name__}: {error}. "
            "Fix it; -v shows where it fails."
        ) from error


def _missing(module_name: str, found: Any, name: str) -> str:
    functions = [
        known for known, value in vars(found).items() if callable(value) and known[0] != "_"
    ]
    known = ", ".join(sorted(functions)[:10]) or "no functions"
    hint = did_you_mean(name, functions) or f" It has: {known}."
    return f"{module_name} has no {name!r}.{hint}"
