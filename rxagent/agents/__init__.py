"""Agents: functions from a task to a run."""

from __future__ import annotations

from .agent import Agent
from .code_agent import CodeAgent
from .members import Team
from .team import race, relay, route, vote

__all__ = ["Agent", "CodeAgent", "Team", "race", "relay", "route", "vote"]
