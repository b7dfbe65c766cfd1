"""Executors: where the code that a model wrote runs."""

from .protocol import CodeResult, Executor, Functions, Limits, Session
from .sandbox import SandboxExecutor

__all__ = ["CodeResult", "Executor", "Functions", "Limits", "SandboxExecutor", "Session"]
