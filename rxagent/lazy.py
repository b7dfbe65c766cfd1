"""Lazy packages: import a module when one of its names is used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazily"]


def lazily(
    package: str,
    module_of: Mapping[str, str],
    names: Collection[str],
    modules: Collection[str] = (),
    advice: str | None = None,
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a package.

    Args:
        package: Its full name.
        module_of: The module of each name.
        names: Its public names.
        modules: Its public modules.
        advice: The module whose `instead_of` says what to write instead of other names.
    """

    def get(name: str) -> Any:
        if name in modules:
            return import_module(f".{name}", package)
        if name not in module_of:
            if advice and not name.startswith("_"):
                instead = import_module(advice).instead_of(name)
                if (
                    instead is not None
                ):  # `from ... import` would hide the text of an AttributeError
                    raise ImportError(f"{package} has no {name}. {instead}", name=package)
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f".{module_of[name]}", package), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted(names)
