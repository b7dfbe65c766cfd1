"""Executors: where the code that a model wrote runs."""

from .protocol import CodeResult, Executor, Functions, Limits, Session

__all__ = ["CodeResult", "Executor", "Functions", "Limits", "Session"]
