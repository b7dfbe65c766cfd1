"""Runs: streams that are owned once and watched by many."""

from .run import Run, launch

__all__ = ["Run", "launch"]
