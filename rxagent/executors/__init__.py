"""Executors: where the code that a model wrote runs."""

from .process import ProcessExecutor
from .protocol import CodeResult, Executor, Functions, Limits, Session
from .sandbox import SandboxExecutor

__all__ = [
    "CodeResult",
    "Executor",
    "Functions",
    "Limits",
    "ProcessExecutor",
    "SandboxExecutor",
    "Session",
]
