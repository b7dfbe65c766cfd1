"""Finding: the far ends of this package, each in a module that is named by its prefix."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from ...models import prefixes
from .far_end import FarEnd

__all__ = ["known_far_ends"]


def known_far_ends() -> dict[str, type[FarEnd]]:
    """Return the far end of each provider that has one, by its prefix; no SDK is imported."""
    names = [f"{__package__}.{prefix}" for prefix in prefixes()]
    kinds = [_far_end_in(import_module(name)) for name in names if find_spec(name)]
    return {kind.prefix: kind for kind in kinds}


def _far_end_in(module: ModuleType) -> type[FarEnd]:
    """Return the far end of the provider that a module is named by."""
    prefix = module.__name__.rpartition(".")[2]
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, FarEnd)
        if value.__module__ == module.__name__ and getattr(value, "prefix", None) == prefix
    )
    return found
