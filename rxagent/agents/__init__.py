"""Agents: functions from a task to a run."""

from .agent import Agent

__all__ = ["Agent"]
