"""Agents: functions from a task to a run."""

from .agent import Agent
from .members import Team
from .team import race, relay, route, vote

__all__ = ["Agent", "Team", "race", "relay", "route", "vote"]
