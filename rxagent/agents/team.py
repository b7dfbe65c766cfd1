"""Teams: agents that are made of several agents.

.. code-block:: text

    race    all at once; the first answer wins
    vote    all at once; most answers agree, or a judge chooses
    relay   one after another; each continues the work of the one before
    route   one of them, which a model or a function picks
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import Any

from reactivex import Observable

from ..arguments import shown
from ..errors import ParseError
from ..events import FinalAnswer
from ..tools.result_text import result_text
from .choosing import called, choose, chooser_of, is_agent
from .members import Member, Team, name_of
from .prompts import render
from .script import Round, Script

__all__ = ["race", "relay", "route", "vote"]


# Race


def race(*agents: Member, name: str | None = None, description: str | None = None) -> Team:
    """Return an agent that asks several agents at once; the first answer is its answer.

    The runs of the others are disposed then; the tokens that they had reported count. An agent
    that fails is out of the race.

    .. marbles:: team/race

    Args:
        agents: The agents.
        name: Its name in events and usage; by default ``"race"``.
        description: What it can do; other agents read this.
    """
    names = tuple(map(name_of, agents))

    def script(task: str) -> Script:
        (answer,) = yield Round(names, task, only_first=True)
        return answer

    return Team(race, agents, script, name, description)


# Vote


def vote(
    *agents: Member,
    judge: Any = None,
    name: str | None = None,
    description: str | None = None,
) -> Team:
    """Return an agent that asks several agents at once, and answers what most of them answer.

    Answers agree if they are equal and of one type, texts without the space around them; of
    several that are equally frequent, the one of the earliest agent is chosen. An agent that fails
    has no vote. One agent may vote several times: ``vote(agent, agent, agent)``.

    .. marbles:: team/vote

    Args:
        agents: The agents.
        judge: Who chooses instead of the majority: a function of the list of answers that returns
            the answer, as `max` or `statistics.median`; or a model, or an agent, that reads the
            task and the answers and replies with the number of the best one.
        name: Its name in events and usage; by default ``"vote"``.
        description: What it can do; other agents read this.
    """
    names = tuple(map(name_of, agents))
    chooser = None if judge is None else chooser_of("judge", judge)

    def script(task: str) -> Script:
        answers = yield Round(names, task)
        if chooser is None:
            return _majority(answers)
        if not is_agent(chooser):
            return (yield called(partial(chooser, answers), "the judge"))
        if len(answers) == 1:
            return answers[0]
        question = render("judge", task=task, answers=list(map(result_text, answers)))
        number = yield from choose(name_of(chooser), question, partial(_number, len(answers)))
        return answers[number - 1]

    return Team(vote, agents, script, name, description, judge=chooser)


def _majority(answers: list[Any]) -> Any:
    ballots = [FinalAnswer(one.strip() if isinstance(one, str) else one) for one in answers]
    return answers[max(range(len(ballots)), key=lambda index: ballots.count(ballots[index]))]


def _number(most: int, said: Any) -> int:
    written = _NUMBER.findall(result_text(said))
    numbers = {int(one) if one.isdecimal() and len(one) < 20 else 0 for one in written}
    if len(numbers) != 1 or not 1 <= (number := numbers.pop()) <= most:
        raise ParseError(
            f"The judge replied {shown(said)}, which is not the number of an answer. "
            f"Reply with one number from 1 to {most}."
        )
    return number


_NUMBER = re.compile(r"(?:(?<!\w)[-−])?\d+(?:[.,]\d+)*")
"""A number as it is written, with its sign and its decimals."""


# Relay


def relay(*agents: Member, name: str | None = None, description: str | None = None) -> Team:
    """Return an agent that asks one agent after another, and answers what the last one answers.

    Each reads the task and the answer of the one before; the first one reads the task. If one
    fails, the run ends with NoAnswer.

    .. marbles:: team/relay

    Args:
        agents: The agents, in their order.
        name: Its name in events and usage; by default ``"relay"``.
        description: What it can do; other agents read this.
    """
    names = tuple(map(name_of, agents))

    def script(task: str) -> Script:
        answer, asked = None, task
        for agent in names:
            (answer,) = yield Round((agent,), asked)
            asked = render("relay", task=task, agent=agent, answer=result_text(answer))
        return answer

    return Team(relay, agents, script, name, description)


# Route


def route(
    *agents: Member, by: Any, name: str | None = None, description: str | None = None
) -> Team:
    """Return an agent that passes a task on to one of several agents.

    .. marbles:: team/route

    Args:
        agents: The agents.
        by: What picks one: a function of the task that returns an agent or its name; or a model,
            or an agent, that reads the task and the descriptions and replies with a name.
        name: Its name in events and usage; by default ``"route"``.
        description: What it can do; other agents read this.
    """
    names = tuple(map(name_of, agents))
    chooser = chooser_of("router", by)
    if is_agent(chooser):
        for agent in agents:
            if not getattr(agent, "description", None):
                raise ValueError(
                    f"{name_of(agent)} has no description, so a model cannot know when to pick it. "
                    "Give it a description=."
                )

    def script(task: str) -> Script:
        if is_agent(chooser):
            question = render("router", task=task, agents=agents)
            picked = yield from choose(name_of(chooser), question, partial(_named, names))
        else:
            picked = _picked(
                (yield called(partial(_name_picked, chooser, task), "the router")), names
            )
        (answer,) = yield Round((picked,), task)
        return answer

    return Team(route, agents, script, name, description, by=chooser)


def _named(names: tuple[str, ...], said: Any) -> str:
    words = set(re.findall(r"\w+", result_text(said)))
    found = [name for name in dict.fromkeys(names) if name in words]
    if len(found) != 1:
        raise ParseError(
            f"The router replied {shown(said)}, which is not the name of one agent. "
            f"Reply with one of these names: {', '.join(names)}."
        )
    return found[0]


def _name_picked(pick: Callable[[str], Any], task: str) -> Any:
    """Call a function; an agent that it returns looks awaitable, so return its name instead."""

    async def awaited(picked: Awaitable[Any]) -> Any:
        return named(await picked)

    def named(picked: Any) -> Any:
        return name_of(picked) if is_agent(picked) else picked

    picked = named(pick(task))
    is_stream = isinstance(picked, Observable)  # which can be awaited, too
    return awaited(picked) if isawaitable(picked) and not is_stream else picked


def _picked(chosen: Any, names: tuple[str, ...]) -> str:
    name = name_of(chosen) if callable(chosen) else chosen
    if name not in names:
        raise ValueError(
            f"The function in by= returned {shown(chosen)}, which is not an agent of this team. "
            f"Return one of them, or its name: {', '.join(names)}."
        )
    return name
