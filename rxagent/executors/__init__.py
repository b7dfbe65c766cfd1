"""Executors: where the code that a model wrote runs."""

from __future__ import annotations

from .process import BASE_MODULES, ProcessExecutor
from .protocol import CodeResult, Executor, Functions, Limits, Session
from .sandbox import SandboxExecutor

__all__ = [
    "BASE_MODULES",
    "CodeResult",
    "Executor",
    "Functions",
    "Limits",
    "ProcessExecutor",
    "SandboxExecutor",
    "Session",
]
