"""Agent: a function from a task to a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from inspect import isclass, signature
from typing import Any, ClassVar

from attrs import evolve, field, frozen
from reactivex import Observable

from ..arguments import (
    did_you_mean,
    number,
    one_of,
    several,
    shown,
    suggesting,
    text,
    valid,
)
from ..events import Event
from ..frozen import frozen_mapping
from ..messages import Image, Message, Request, ToolSpec
from ..models import as_model
from ..models.resolve import usable
from ..pickling import portable
from ..runs.inbox import Inbox, Steer
from ..state import State
from ..streams.workers import Workers
from ..tools import FINAL_ANSWER, Toolbox
from ..tools.approval import asked_by
from .approval import Policy, check_policy
from .cold import ColdRun
from .hints import NOT_OF_AGENTS, NOT_OF_RUNS
from .loop import Before, Step, Turn, run_steps
from .memory import Memory, conversation, everything, is_memory, remembered
from .output import Output
from .planning import Planner, before_steps, check_planner, plan_request
from .prompts import PROMPTS, Prompts
from .runnable import Opening, Runnable, agent_name, opening
from .steering import SteeringOptions
from .tool_step import ToolStep

__all__ = ["Agent"]


def _policy(name: str, policy: Any) -> None:
    if policy is not None:
        check_policy(name, policy)


@suggesting("Agent", NOT_OF_AGENTS, {"model": usable})
@frozen(init=False, repr=False)
class Agent(Runnable):
    """A function from a task to a run: it requests model turns, calls tools, and answers.

    An agent holds no state of its runs, so one object serves any number of runs at once.

    Args:
        model: A model, its name (``"openai:gpt-5-mini"``), or a function that takes a request and
            returns or yields text, messages or deltas.
        tools: Tools, functions with annotations and a docstring, or other agents.
        instructions: Text to add to the system prompt.
        max_steps: The number of steps without an answer after which one closing step, without
            tools, must answer.
        name: The name in events and usage, by which other agents call it.
        description: What it can do; other agents read this.
        managed_agents: Agents that it may call; the same as listing them in `tools`.
        final_answer_checks: Functions ``check(value, state)``; FinalAnswer is emitted only after
            all have passed. One that raises or returns False sends the model back to work. The
            deltas of the text are emitted before any check.
        answer: ``"text"``: a reply without calls is the answer. ``"tool"``: only a call of
            final_answer is.
        output: The type of the answer: a dataclass, a class of attrs or pydantic, a TypedDict, a
            Literal, or a list or dict of them. The model writes it as JSON, by its provider's
            structured output or, where there is none, by a call of final_answer; the model reads
            what does not fit, and answers again.
        eager: Start a call once its arguments are complete, while the model still writes; True,
            or the names of the tools. Such a call may run again when a turn is retried.
        planning_interval: Let the model write a plan before the first step, and a new one each
            time so many steps have been done.
        planner: In place of `planning_interval`, a function ``planner(turn)`` that is called before
            each step. It returns the events of a plan, as `rxagent.agents.planning.plan` does, or
            None for no plan.
        memory: What the model reads of the conversation: a policy of `rxagent.agents.memory`, or
            any function from a `State` to messages. The state keeps all of it.
        approve: What decides whether a call may run: a decision or a policy of
            `rxagent.agents.approval`, or a function ``approve(call)`` that returns a decision, now
            or later. Calls made by code and by inner agents without a policy are asked about, too.
            By default every call runs.
        prompts: Templates of Jinja2 that replace the agent's own prompts, by name: closing,
            given, plan, system.
        options: Passed unchanged to the provider with every request.
        workers: The threads that run plain functions: its model, tools and checks. By default
            the 16 threads that the process shares.
    """

    name: str = field(validator=valid(agent_name))
    description: str | None = field(validator=valid(text, optional=True))
    instructions: str | None = field(validator=valid(text, optional=True))
    max_steps: int = field(validator=valid(number, least=0, whole=True, what="a number of steps"))
    options: Mapping[str, Any] = field(hash=False)
    planning_interval: int | None = field(
        validator=valid(number, least=1, whole=True, what="a number of steps", optional=True)
    )
    planner: Callable[[Turn], Observable[Event] | None] | None
    memory: Memory = field(validator=valid(is_memory))
    approve: Policy | None = field(validator=valid(_policy), hash=False)
    _prompts: Prompts
    _eager: bool | frozenset[str]
    _step: ToolStep

    _acts: ClassVar[str] = "call tools"
    _known_prompts: ClassVar[Mapping[str, frozenset[str]]] = PROMPTS

    def __init__(
        self,
        model: Any,
        tools: Iterable[Any] = (),
        *,
        instructions: str | None = None,
        max_steps: int = 20,
        name: str = "agent",
        description: str | None = None,
        managed_agents: Iterable[Any] = (),
        final_answer_checks: Iterable[Callable[..., Any]] = (),
        answer: str = "text",
        output: Any = None,
        eager: bool | Collection[str] = False,
        planning_interval: int | None = None,
        planner: Callable[[Turn], Observable[Event] | None] | None = None,
        memory: Memory = everything,
        approve: Policy | None = None,
        prompts: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        workers: Workers | None = None,
    ) -> None:
        if isinstance(model, list | tuple):
            kind = type(self).__name__
            raise TypeError(f"The model comes first. Write {kind}(model, tools=[...]).")
        one_of("answer", answer, ("text", "tool"))
        check_planner(planner, planning_interval)
        managed = several("managed_agents", managed_agents, "agents")
        toolbox = Toolbox((*several("tools", tools, "tools"), *managed))
        early = _eager(eager, toolbox)
        step = ToolStep(
            model=as_model(model, workers),
            tools=toolbox,
            request=self._request,
            checks=_checks(final_answer_checks),
            output=None if output is None else Output.of(output),
            text_answers=answer == "text",
            eager=_starting(early) if early else None,
            workers=_workers(workers),
        )
        Agent.__attrs_init__(
            self,
            name,
            description,
            instructions,
            max_steps,
            frozen_mapping("options", options),
            planning_interval,
            planner,
            memory,
            approve,
            Prompts(prompts, self._known_prompts),
            early,
            step,
        )

    @property
    def _takes_messages(self) -> bool:
        return True

    @property
    def model(self) -> Callable[[Request], Observable[Any]]:
        """The model, as a function from a request to a stream of deltas."""
        return self._step.model

    @property
    def tools(self) -> Toolbox:
        """The tools that it may call."""
        return self._step.tools

    @property
    def output(self) -> Any:
        """The type of its answer; None for any."""
        return None if self._step.output is None else self._step.output.kind

    def __repr__(self) -> str:
        tools = ", ".join(tool.name for tool in self.tools.tools)
        return f"{type(self).__name__}({self.model!r}, tools=[{tools}], name={self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        model = portable(f"The agent {self.name!r}", "its model", self.model)
        return _rebuilt, (type(self), model, self._arguments())

    def _arguments(self) -> dict[str, Any]:
        """Return the arguments that make this agent, without its model."""
        owner = f"The agent {self.name!r}"
        checks = tuple(portable(owner, "its check", check) for check in self._step.checks)
        return {
            "tools": self.tools.tools,
            "instructions": self.instructions,
            "max_steps": self.max_steps,
            "name": self.name,
            "description": self.description,
            "final_answer_checks": checks,
            "answer": "text" if self._step.text_answers else "tool",
            "output": portable(owner, "the type of its output", self.output),
            "eager": self._eager,
            "planning_interval": self.planning_interval,
            "planner": portable(owner, "its planner", self.planner),
            "memory": portable(owner, "its memory", self.memory),
            "approve": portable(owner, "its policy of approval", self.approve),
            "prompts": self._prompts.replaced,
            "options": self.options,
            "workers": self._step.workers,
        }

    @suggesting("A run", NOT_OF_RUNS)
    def __call__(
        self,
        task: str,
        *,
        state: State | None = None,
        images: Iterable[Image] = (),
        additional_args: Mapping[str, Any] | None = None,
        inbox: Observable[Any] | Inbox | None = None,
        steer: Steer = "concat",
        cancel_tools: bool = False,
    ) -> Observable[Event]:
        """Return the run of a task as a cold stream: subscribing starts it, disposing cancels it.

        To loop over it, or over a stream piped from it, write `each(agent(task))`.

        Args:
            task: What to do, or the next message of a conversation.
            state: The state of an earlier run, to continue its conversation.
            images: Images for the model, sent with the task.
            additional_args: Named values: the model reads all of them, and tools receive those
                that they declare as `Given`.
            inbox: A stream of messages, said to the run as they come. The run subscribes to it
                when it starts.
            steer: As for `start`.
            cancel_tools: As for `start`.

        Raises:
            ModelError: The model failed; emitted by `on_error`.
            NoAnswer: Neither the steps nor the closing step gave an answer; by `on_error`.
        """
        begun = opening(task, self.name, state, images, additional_args, self._prompts)
        if inbox is not None:
            begun = evolve(begun, steering=SteeringOptions(inbox, steer, cancel_tools))
        elif steer != "concat" or cancel_tools:
            raise TypeError("steer= and cancel_tools= say what messages do: give an inbox=, too.")
        events = self._begin(begun)
        return ColdRun(events if self.approve is None else asked_by(self.approve, events))

    def _begin(self, begun: Opening) -> Observable[Event]:
        """Return the run that begins like this."""
        return self._run_steps(self._step, begun)

    def _run_steps(self, step: Step, begun: Opening) -> Observable[Event]:
        return run_steps(
            step,
            self.max_steps,
            begun.started,
            begun.before,
            begun.given,
            self._before(),
            begun.steering,
        )

    def _before(self) -> Sequence[Before]:
        planner = self.planner
        if self.planning_interval is not None:
            planner = Planner(self.model, self.planning_interval, self._plan_request)
        return before_steps(self.memory, planner)

    def _plan_request(self, turn: Turn) -> Request:
        return plan_request(
            turn,
            system=self._system_prompt,
            memory=self.memory,
            prompts=self._prompts,
            tools=self.tools.specs,
            options=self.options,
        )

    def _request(self, state: State, closing: bool) -> Request:
        output = self._step.output
        final: tuple[ToolSpec, ...] = (FINAL_ANSWER if output is None else output.spec,)
        if output is not None and self._step.text_answers and not _has_failed(state):
            final = ()  # the text is the answer; a model that has failed may call it, too
        tools = () if closing else (*self.tools.specs, *final)
        schema = self._answer_schema if closing or self._step.text_answers else None
        return Request(self._messages(state, closing), tools, output=schema, options=self.options)

    @property
    def _answer_schema(self) -> Mapping[str, Any] | None:
        return None if self._step.output is None else self._step.output.schema

    def _messages(self, state: State, closing: bool) -> list[Message]:
        """Return what the model reads: the system prompt, and the conversation."""
        messages = conversation(self._system_prompt, remembered(self.memory, state))
        if closing:
            prompt = self._prompts.render("closing", limit=self.max_steps, what=self._acts)
            messages.append(Message("user", prompt))
        return messages

    @cached_property
    def _system_prompt(self) -> str:
        return self._system()

    def _system(self) -> str:
        """Return the system prompt; it is the same for all requests."""
        output = self._step.output
        return self._prompts.render(
            "system",
            name=self.name,
            tools=self.tools.specs,
            text_answers=self._step.text_answers,
            form=output.text_form if output else None,
            instructions=self.instructions,
        )


def _has_failed(state: State) -> bool:
    return bool(state.steps) and state.steps[-1].error is not None


def _rebuilt(kind: type[Agent], model: Any, fields: Mapping[str, Any]) -> Agent:
    made = kind.__new__(kind)
    made.__init__(model, **fields)  # type: ignore[misc]  # the class is that of the pickled agent
    return made


def _starting(eager: bool | frozenset[str]) -> Callable[[str], bool]:
    return (lambda _: eager) if isinstance(eager, bool) else eager.__contains__


def _eager(eager: bool | Collection[str], tools: Toolbox) -> bool | frozenset[str]:
    if isinstance(eager, bool):
        return eager
    names = frozenset(several("eager", eager, "tools' names", str))
    for name in names:
        if name not in tools:
            hint = did_you_mean(name, [tool.name for tool in tools])
            raise ValueError(f"eager names {name!r}, which is not a tool of this agent.{hint}")
    return names


def _workers(workers: Workers | None) -> Workers | None:
    if not isinstance(workers, Workers | None):
        raise TypeError(
            f"workers must be a pool of threads, as Workers(limit=32), not {shown(workers)}."
        )
    return workers


def _checks(checks: Iterable[Callable[..., Any]]) -> tuple[Callable[..., Any], ...]:
    given = several("final_answer_checks", checks, "functions", Callable)
    for check in given:
        if isclass(check):
            name = check.__name__
            raise TypeError(f"{name} is a class. Give the check as an instance: {name}(...).")
        with suppress(ValueError):  # its signature is not known
            takes = signature(check)
            try:
                takes.bind(None, None)
                _, second, third, *_ = (*takes.parameters, "", "", "")
            except TypeError:
                second, third = "memory", ""
            # That of smolagents, check(answer, memory, agent=None), rejects by None, too.
            if "memory" in second or third == "agent":
                raise TypeError(
                    f"{shown(check)} cannot be called as a check. Write check(value, state), with "
                    "the answer's value and the run's state; it rejects by raising an error or "
                    "returning False."
                )
    return given
