"""Members: agents as the parts of a team, and the team as an agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from inspect import isclass
from typing import Annotated, Any, TypeAlias

from attrs import field, frozen
from reactivex import Observable

from ..arguments import shown, suggesting, text, valid
from ..events import Event
from ..messages import Image
from ..pickling import portable
from ..state import State
from ..tools import Given, Tool, Toolbox, tool
from .cold import ColdRun
from .hints import NOT_OF_RUNS
from .runnable import Runnable, agent_name, opening
from .script import Script, run_script

__all__ = ["Member", "Team", "name_of"]

Member: TypeAlias = Callable[..., Any]
"""An agent, or a function that takes a task and returns a run or an answer."""


@frozen(init=False, repr=False)
class Team(Runnable):
    """An agent that is made of several agents; `race`, `vote`, `relay` and `route` make one.

    A team is used as any agent: called, run, started, as a tool, and within another team. Each
    agent that it asks is a call of its run, with the agent's events as outputs. State, images and
    additional arguments are passed on to the agents.
    """

    name: str = field(validator=valid(agent_name))
    description: str | None = field(validator=valid(text, optional=True))
    agents: tuple[Member, ...]
    _combine: Callable[..., Team]
    _options: Mapping[str, Any] = field(hash=False)
    _script: Callable[[str], Script] = field(eq=False)
    _members: Toolbox = field(eq=False)

    def __init__(
        self,
        combine: Callable[..., Team],
        agents: tuple[Member, ...],
        script: Callable[[str], Script],
        name: str | None,
        description: str | None,
        **choosers: Any,
    ) -> None:
        how = combine.__name__
        asked = (*agents, *(one for one in choosers.values() if hasattr(one, "as_tool")))
        self.__attrs_init__(
            how if name is None else name,
            description,
            agents,
            combine,
            choosers,
            script,
            _members(how, asked),
        )

    def __repr__(self) -> str:
        return f"{self._combine.__name__}({', '.join(map(name_of, self.agents))})"

    def __reduce__(self) -> tuple[Any, ...]:
        owner = f"The team {self.name!r}"
        agents = [portable(owner, "one of its agents", agent) for agent in self.agents]
        choosers = {
            word: portable(owner, f"its {word}=", one) for word, one in self._options.items()
        }
        options = {"name": self.name, "description": self.description, **choosers}
        return _again, (self._combine, agents, options)

    @suggesting("A run", NOT_OF_RUNS)
    def __call__(
        self,
        task: str,
        *,
        state: State | None = None,
        images: Iterable[Image] = (),
        additional_args: Mapping[str, Any] | None = None,
    ) -> Observable[Event]:
        """Return the run of a task as a cold stream: subscribing starts it, disposing cancels it.

        Args:
            task: What to do.
            state: The state of an earlier run, to continue its conversation.
            images: Images for the agents.
            additional_args: Named values for the agents.

        Raises:
            NoAnswer: None of the agents that were asked answered; by `on_error`.
        """
        images = tuple(images)
        begun = opening(task, self.name, state, images, additional_args)
        how = {"state": state, "images": images, "additional_args": begun.given}
        given = {"how": {word: value for word, value in how.items() if value}}
        return ColdRun(run_script(partial(self._script, task), self._members, begun, given))


def _members(how: str, agents: tuple[Member, ...]) -> Toolbox:
    """Return agents as tools, each once."""
    if not agents:
        raise TypeError(f"No agent is given. Give one or more, as {how}(one, other).")
    kept: dict[str, Member] = {}
    for agent in agents:
        if isinstance(agent, str):
            raise TypeError(
                f"{agent!r} is no agent. Write Agent({agent!r}) if it is the name of a model."
            )
        if not callable(agent) or isclass(agent):
            raise TypeError(
                f"{shown(agent)} is no agent, which is called with a task. "
                f"Agents are given one by one: {how}(one, other)."
            )
        name = name_of(agent)
        agent_name("The name of an agent", name)
        if kept.setdefault(name, agent) is not agent:
            raise ValueError(
                f"Two agents of a team are named {name!r}. Give each a name of its own: name=."
            )
    return Toolbox(_asking(agent, name) for name, agent in kept.items())


def _asking(agent: Member, name: str) -> Tool:
    def ask(task: Annotated[str, "What to do."], how: Given[Any]) -> Any:
        return agent(task, **how)

    return tool(ask, name=name, description=getattr(agent, "description", None) or "Do a task.")


def name_of(agent: Any) -> str:
    """Return the name of an agent, or of a function that stands for one."""
    while isinstance(agent, partial):
        agent = agent.func
    found = getattr(agent, "name", None) or getattr(agent, "__name__", None)
    return found if isinstance(found, str) else type(agent).__name__


def _again(
    combine: Callable[..., Team], agents: Iterable[Member], options: Mapping[str, Any]
) -> Team:
    return combine(*agents, **options)
