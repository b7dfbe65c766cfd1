"""Finding: the far ends of this package, each in a module that is named by its prefix."""

from importlib import import_module
from pkgutil import iter_modules

from .far_end import FarEnd

__all__ = ["known_far_ends"]


def known_far_ends() -> dict[str, type[FarEnd]]:
    """Return the far end of each provider that has one, by its prefix; no SDK is imported."""
    package = __package__ or ""
    modules = [
        import_module(f".{module.name}", package)
        for module in iter_modules(import_module(package).__path__)
        if module.name != __name__.rpartition(".")[2]
    ]
    kinds = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, FarEnd)
        if value.__module__ == module.__name__ and "prefix" in vars(value)
    ]
    return {kind.prefix: kind for kind in sorted(kinds, key=lambda kind: kind.prefix)}
