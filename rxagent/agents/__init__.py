"""Agents: functions from a task to a run."""

from .agent import Agent
from .code_agent import CodeAgent

__all__ = ["Agent", "CodeAgent"]
