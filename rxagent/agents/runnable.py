"""What all agents share: a task becomes a blocking call, a hot run, or a call of another agent.

.. code-block:: text

    agent.run(task)       the answer
    agent.start(task)     a hot run
    agent.as_tool()       a tool of another agent
    agent.pipe(...)       an agent whose runs pass through operators
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from keyword import iskeyword
from typing import Annotated, Any

from attrs import frozen
from reactivex import Observable, abc

from ..arguments import mapping, number, several, shown, suggesting, text
from ..events import Event, RunStarted
from ..messages import Image, Message
from ..operators._operator import Operator, Place, applied, call_of, checked, is_sure
from ..pickling import Shared, portable
from ..runs import Run, launch
from ..runs.inbox import Inbox, Steer
from ..state import State
from ..streams import RunScheduler, daemon_loop, refuse_own_loop, run_scoped
from ..streams import operators as stream_ops
from ..streams.sink import Sink, lift
from ..tools import Tool, tool
from .cold import ColdRun
from .hints import NOT_OF_RUNS
from .prompts import Prompts
from .steering import SteeringOptions
from .uncalled import Uncalled

__all__ = ["Opening", "PipedAgent", "Runnable", "agent_name", "opening"]


class Runnable(Shared, Uncalled):
    """A function from a task to a run, with the ways to start one."""

    __slots__ = ()

    name: str
    description: str | None

    @property
    def _takes_messages(self) -> bool:
        """Whether `__call__` has the arguments `inbox`, `steer` and `cancel_tools`."""
        return False

    @abstractmethod
    def __call__(
        self,
        task: str,
        *,
        state: State | None = None,
        images: Iterable[Image] = (),
        additional_args: Mapping[str, Any] | None = None,
    ) -> Observable[Event]:
        """Return the run of a task as a cold stream."""

    @suggesting("A run", NOT_OF_RUNS)
    def run(
        self,
        task: str,
        *,
        timeout: float | None = None,
        state: State | None = None,
        images: Iterable[Image] = (),
        additional_args: Mapping[str, Any] | None = None,
    ) -> Any:
        """Block until a task is done, and return the answer's value.

        Args:
            task: What to do.
            timeout: Seconds after which the run is cancelled.
            state: The state of an earlier run.
            images: Images for the model.
            additional_args: Named values for the model and the tools.

        Raises:
            TimeoutError: The run took longer than `timeout`.
            RxAgentError: The run ended without an answer.
        """
        refuse_own_loop("Write `await agent.start(task)` instead.")
        number("timeout", timeout, least=0, optional=True)
        scheduler = RunScheduler(loop=daemon_loop())
        events = self(task, state=state, images=images, additional_args=additional_args)
        with launch(events, scheduler=scheduler) as run:
            return run.result(timeout)

    @suggesting("A run", NOT_OF_RUNS)
    def start(
        self,
        task: str,
        *,
        attach: Iterable[Any] = (),
        state: State | None = None,
        images: Iterable[Image] = (),
        additional_args: Mapping[str, Any] | None = None,
        inbox: Observable[Any] | None = None,
        steer: Steer = "concat",
        cancel_tools: bool = False,
    ) -> Run:
        """Start a hot run and return it at once.

        While it works, `run.say(message)` steers it.

        Args:
            task: What to do.
            attach: Observers to attach before the first event.
            state: The state of an earlier run.
            images: Images for the model.
            additional_args: Named values for the model and the tools.
            inbox: A stream of messages, which are said to the run as they come. `start` subscribes
                to it, until the run has ended; its error ends the run.
            steer: What a message does. ``"concat"``: the model reads it in the next step.
                ``"switch"``: it cuts the answer in mid-sentence, too.
            cancel_tools: Whether a message that cuts the answer also ends the calls that run;
                otherwise the next step waits until they end. Calls that have not started are not
                run in any case.
        """
        watching = several("attach", attach, "observers")
        given: dict[str, Any] = {"state": state, "images": images}
        given["additional_args"] = additional_args
        scheduler, box = RunScheduler(), Inbox() if self._takes_messages else None
        if box is not None:
            SteeringOptions(inbox or box, steer, cancel_tools)
            given |= {"inbox": box, "steer": steer, "cancel_tools": cancel_tools}
        elif inbox is not None or steer != "concat" or cancel_tools:
            raise TypeError(
                f"{self!r} takes no messages while it works, so it has no inbox=, steer= and "
                "cancel_tools=. Those of an Agent or a CodeAgent do."
            )
        events = self(task, **given)
        if box is not None and inbox is not None:
            box.follow(inbox, scheduler)
        return launch(events, attach=watching, before=state, scheduler=scheduler, inbox=box)

    def as_tool(self, *, name: str | None = None, description: str | None = None) -> Tool:
        """Return this agent as a tool of another one; its events are the tool's outputs.

        Args:
            name: The name by which a model calls it; by default the agent's own, which events
                and usage keep.
            description: What it can do; by default the agent's own description.
        """
        text("description", description, optional=True)
        described = description or self.description
        if not described:
            raise ValueError(
                f"The agent {self.name!r} has no description, so no other agent can know what it "
                "does. Give it a description=."
            )
        if name is not None:
            agent_name("name", name)
        return tool(self._ask, name=name or self.name, description=described)

    def pipe(self, *operators: Operator) -> PipedAgent:
        """Return the agent whose runs pass through operators, one after the other.

        An operator takes the events of a run and returns events, so that what it makes is a run
        again: called, started, and used as a tool. It is applied again to each run.

        Raises:
            TypeError: An operator cannot be piped to an agent; the message says where it can.
                By `on_error` if that is known only from what it emits.
        """
        return PipedAgent(self, checked(_AGENT, operators))

    def _ask(
        self, task: Annotated[str, "What to do, with all the information it needs."]
    ) -> Observable[Event]:
        return self(task)


@frozen(init=False, repr=False)
class PipedAgent(Runnable):
    """An agent whose runs pass through operators: its `operators`, and the `agent` that runs."""

    name: str
    description: str | None
    agent: Runnable
    operators: tuple[Operator, ...]

    def __init__(self, agent: Runnable, operators: tuple[Operator, ...]) -> None:
        self.__attrs_init__(agent.name, agent.description, agent, operators)

    @property
    def _takes_messages(self) -> bool:
        return self.agent._takes_messages

    def __repr__(self) -> str:
        return f"{self.agent!r}.pipe({', '.join(map(call_of, self.operators))})"

    def __reduce__(self) -> tuple[Any, ...]:
        owner = f"The agent {self.name!r}"
        operators = [portable(owner, "one of its operators", one) for one in self.operators]
        return PipedAgent, (portable(owner, "its agent", self.agent), tuple(operators))

    def __call__(self, task: str, **how: Any) -> Observable[Event]:
        """Return the run of a task as a cold stream; arguments as those of the agent."""
        events = self.agent(task, **how)
        is_known = all(map(is_sure, self.operators))

        def piped() -> Observable[Event]:
            made: Observable[Event] = applied(_AGENT, self.operators, events)
            return made if is_known else lift(_OnlyARun)(made)

        return ColdRun(run_scoped(stream_ops.defer(piped), is_serial=is_known))


_AGENT = Place("agent", "events", "agent(task)")


class _OnlyARun(Sink[Any, Event]):
    """Refuses what cannot be one run."""

    __slots__ = ("_has_started",)

    def __init__(self, observer: abc.ObserverBase[Event]) -> None:
        super().__init__(observer)
        self._has_started = False

    def on_next(self, value: Any) -> None:
        is_start = isinstance(value, RunStarted)
        if is_start and self._has_started:
            self.on_error(
                TypeError(
                    "An operator that is piped to an agent began its run again, so that its tools "
                    "would run twice. Pipe it to the model, `Agent(model.pipe(...))`, or to a "
                    "tool, `tool.pipe(...)`."
                )
            )
        elif isinstance(value, Event):
            self._has_started = self._has_started or is_start
            self.observer.on_next(value)
        else:
            self.on_error(
                TypeError(
                    f"An operator that is piped to an agent emitted {shown(value)} of type "
                    f"{type(value).__name__}, and a run consists of events. "
                    "Pipe it to the run: `agent(task).pipe(...)`."
                )
            )


def agent_name(argument: str, name: Any) -> None:
    """Check that an argument can be the name of an agent: code calls it like a function."""
    text(argument, name)
    if not (name.isascii() and name.isidentifier()) or iskeyword(name):
        raise ValueError(
            f"{argument} must be a Python identifier that is no keyword, as 'web_searcher', "
            f"not {shown(name)}, because models call an agent by its name."
        )


@frozen
class Opening:
    """The beginning of a run: its first event, the state before it, and the additional values.

    `steering` says how messages steer it; None if it takes none.
    """

    started: RunStarted
    before: State
    given: Mapping[str, Any]
    steering: SteeringOptions | None = None


def opening(
    task: str,
    agent: str,
    state: State | None,
    images: Iterable[Image],
    additional_args: Mapping[str, Any] | None,
    prompts: Prompts | None = None,
) -> Opening:
    """Return the beginning of a run.

    Args:
        task: What to do.
        agent: The name of the agent that does it.
        state: The state of an earlier run, whose conversation it continues.
        images: Images for the model.
        additional_args: Named values for the model and the tools.
        prompts: The prompts of the agent, if some are replaced.

    Raises:
        TypeError: One of them has another type.
    """
    text("task", task)
    if not isinstance(state, State | None):
        raise TypeError(
            "state must be a State, as run.state or State.from_messages([...]), "
            f"not {'a run' if isinstance(state, Run) else shown(state)}."
        )
    given = mapping("additional_args", additional_args)
    content = (prompts or Prompts()).render("given", task=task, given=given) if given else task
    message = Message("user", content, images=images)
    started = RunStarted(task, agent, message if given or message.images else None)
    return Opening(started, state or State(), given)
