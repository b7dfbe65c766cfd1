"""Agents: functions from a task to a run."""

from .tool_calling import Agent

__all__ = ["Agent"]
