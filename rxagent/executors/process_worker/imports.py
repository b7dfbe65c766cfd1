"""Which modules code may import."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from types import ModuleType
from typing import Any

__all__ = ["Imports"]


class Imports:
    """The `__import__` of code: it refuses modules that are not authorized.

    The modules that an authorized one imports itself are not checked.

    Args:
        authorized: Their names, which include their submodules; `*` stands for all.
    """

    def __init__(self, authorized: Iterable[str]) -> None:
        self._authorized = frozenset(authorized)

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> ModuleType:
        """Import a module.

        Raises:
            ImportError: It is not authorized, or cannot be imported.
        """
        if not self._allows(name):
            listed = ", ".join(sorted(self._authorized)) or "none"
            raise ImportError(f"{name} is not authorized. Modules that can be imported: {listed}.")
        return builtins.__import__(name, *args, **kwargs)

    def _allows(self, name: str) -> bool:
        parts = name.split(".")
        names = {".".join(parts[: count + 1]) for count in range(len(parts))}
        return bool(names & self._authorized) or "*" in self._authorized

    def namespace(self) -> dict[str, Any]:
        """Return the builtins for code."""
        return {**vars(builtins), "__import__": self}
