"""Laziness: what a package promises is loaded when somebody asks for it."""

import sys
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazily"]


def lazily(
    package: str,
    room_of: Mapping[str, str],
    promised: Collection[str],
    rooms: Collection[str] = (),
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a package.

    Args:
        package: Its full name.
        room_of: The module in it from which each name comes.
        promised: What it shows.
        rooms: The modules in it that are names of their own.
    """

    def get(name: str) -> Any:
        if name in rooms:
            return import_module(f".{name}", package)
        if name not in room_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f".{room_of[name]}", package), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted(promised)
