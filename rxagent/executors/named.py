"""Named executors: those that `CodeAgent(executor=)` takes by a name."""

from __future__ import annotations

from collections.abc import Callable

from .process import ProcessExecutor
from .protocol import Executor, Limits
from .sandbox import SandboxExecutor

__all__ = ["EXECUTORS"]


def _sandbox(imports: tuple[str, ...], limits: Limits) -> Executor:
    return SandboxExecutor(limits, additional_authorized_imports=imports)


def _process(imports: tuple[str, ...], limits: Limits) -> Executor:
    return ProcessExecutor(authorized_imports=imports, limits=limits)


EXECUTORS: dict[str, Callable[[tuple[str, ...], Limits], Executor]] = {
    "sandbox": _sandbox,
    "process": _process,
}
"""Makes an executor from the modules that code may import and its limits, by its name."""
