"""CodeAgent: an agent that acts by writing Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, TypedDict, Unpack

from attrs import evolve, field, frozen
from reactivex import Observable

from ..arguments import extending, one_of, several, shown, suggesting
from ..events import Event
from ..executors import Executor, Limits
from ..executors.named import EXECUTORS
from ..messages import INTERPRETER, Message, Request
from ..models.resolve import usable
from ..pickling import portable
from ..state import State
from ..streams import operators as stream_ops
from ..streams import run_scoped
from ..streams.workers import Workers
from .agent import Agent
from .approval import Policy
from .code_blocks import Tags
from .code_functions import check_names
from .code_session import CodeSession, lost_variables
from .code_step import CodeStep
from .hints import NOT_OF_CODE_AGENTS
from .loop import Turn
from .memory import Memory
from .prompts import CODE_PROMPTS
from .runnable import Opening

__all__ = ["CodeAgent"]

_REPLY = {
    "title": "reply",
    "type": "object",
    "properties": {
        "thought": {"type": "string", "description": "What the code does, and why."},
        "code": {"type": "string", "description": "The code, in Python."},
    },
    "required": ["thought", "code"],
    "additionalProperties": False,
}


class _OfAgents(TypedDict, total=False):
    """The arguments that are those of `Agent`."""

    instructions: str | None
    max_steps: int
    name: str
    description: str | None
    managed_agents: Iterable[Any]
    final_answer_checks: Iterable[Callable[..., Any]]
    output: Any
    planning_interval: int | None
    planner: Callable[[Turn], Observable[Event] | None] | None
    memory: Memory
    approve: Policy | None
    prompts: Mapping[str, str] | None
    options: Mapping[str, Any] | None
    workers: Workers | None


@suggesting("CodeAgent", NOT_OF_CODE_AGENTS, {"model": usable})
@frozen(init=False, repr=False)
class CodeAgent(Agent):
    """An agent that writes Python: its code calls tools as functions, and gives the answer.

    In each step the model writes a thought and a block of code. The request is closed when the
    block ends. The code runs as a call of `python_interpreter`, and each tool that it calls is a
    call inside that call. `final_answer(value)` ends the run with the value. Variables remain for
    later steps, and for a run that continues from the state.

    Args:
        model: As for `Agent`.
        tools: As for `Agent`; code calls them by their names.
        executor: Where the code runs: ``"sandbox"``, ``"process"``, or an executor.
        additional_authorized_imports: Modules that the code may import, beside those that are
            always available; for an executor that is given by its name.
        max_print_outputs_length: How many printed characters of a step are emitted and read by
            the model, 50,000 by default. Another executor has its own limit.
        code_block_tags: The texts before and after code, or ``"markdown"``.
        structured: Request replies as JSON objects with the keys `thought` and `code`, from a
            model that supports it, instead of tags.
        eager: Run each statement once it is complete, while the model still writes the next one.
            Such a statement may run again when a turn is retried.
        of_agents: The other arguments of `Agent`, except `answer`. The prompts that `prompts`
            can replace are closing, code_system, code_task and plan.
    """

    executor: Executor = field(init=False)
    _tags: Tags = field(init=False)
    _structured: bool = field(init=False)
    _is_eager: bool = field(init=False)

    _acts: ClassVar[str] = "run code"
    _known_prompts: ClassVar[Mapping[str, frozenset[str]]] = CODE_PROMPTS

    @extending(Agent.__init__, without=["answer"])
    def __init__(
        self,
        model: Any,
        tools: Iterable[Any] = (),
        *,
        executor: str | Executor = "sandbox",
        additional_authorized_imports: Iterable[str] = (),
        max_print_outputs_length: int | None = None,
        code_block_tags: str | tuple[str, str] = ("<code>", "</code>"),
        structured: bool = False,
        eager: bool = False,
        **of_agents: Unpack[_OfAgents],
    ) -> None:
        one_of("structured", structured, (True, False))
        one_of("eager", eager, (True, False))
        if structured and eager:
            raise ValueError(
                "eager=True needs code between tags, because code in a JSON object is complete "
                "only with the object. Leave out structured=True or eager=True."
            )
        imports = several(
            "additional_authorized_imports", additional_authorized_imports, "modules' names", str
        )
        tags = Tags.of(code_block_tags)
        super().__init__(model, tools, **of_agents)
        check_names("a tool", {tool.name: tool for tool in self.tools}, {INTERPRETER: "the code"})
        fields = {
            "executor": _executor(executor, imports, max_print_outputs_length),
            "_tags": tags,
            "_structured": structured,
            "_is_eager": eager,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _arguments(self) -> dict[str, Any]:
        arguments = super()._arguments()
        del arguments["answer"]
        owner = f"The agent {self.name!r}"
        return {
            **arguments,
            "executor": portable(owner, "its executor", self.executor),
            "code_block_tags": (self._tags.opening, self._tags.closing),
            "structured": self._structured,
            "eager": self._is_eager,
        }

    def _begin(self, begun: Opening) -> Observable[Event]:
        """Return the run, with a session for its code."""
        state, given, started = begun.before, begun.given, begun.started
        check_names("an additional argument", given, {each.name: "a tool" for each in self.tools})
        variables = self._variables(given)
        handed = {name: value for name, value in given.items() if name not in variables}
        lost = lost_variables(state, self.executor)
        if given or lost:
            text = self._prompts.render(
                "code_task", task=started.task, given=variables, handed=handed, lost=lost
            )
            images = started.message.images if started.message else ()
            started = evolve(started, message=Message("user", text, images=images))

        def steps(session: CodeSession) -> Observable[Event]:
            return self._run_steps(self._step_in(session), evolve(begun, started=started))

        opened = stream_ops.using(lambda: CodeSession(self.executor, variables, state), steps)
        return run_scoped(opened, is_serial=True)

    def _variables(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values that code can hold; those that it cannot hold are for tools alone.

        Raises:
            TypeError: Code cannot hold a value, and no tool takes it.
        """
        if not given:
            return given
        taken = {name for tool in self.tools for name in tool.given}
        own = {name: value for name, value in given.items() if name not in taken}
        self.executor.open(own).close()
        held = dict(own)
        for name in given.keys() & taken:
            with suppress(TypeError):
                self.executor.open({name: given[name]}).close()
                held[name] = given[name]
        return held

    def _step_in(self, session: CodeSession) -> CodeStep:
        return CodeStep(
            model=self.model,
            tools=self.tools,
            request=self._request,
            checks=self._step.checks,
            output=self._step.output,
            workers=self._step.workers,
            tags=self._tags,
            structured=self._structured,
            eager=self._is_eager,
            session=session,
        )

    def _request(self, state: State, closing: bool) -> Request:
        messages = self._messages(state, closing)
        if closing:
            return Request(messages, output=self._answer_schema, options=self.options)
        if self._structured:
            return Request(messages, output=_REPLY, options=self.options)
        return Request(messages, stop=self._tags.stop, options=self.options)

    def _system(self) -> str:
        output = self._step.output
        return self._prompts.render(
            "code_system",
            name=self.name,
            tools=self.tools.tools,
            tags=self._tags,
            structured=self._structured,
            form=output.form if output else None,
            language=self.executor.language,
            instructions=self.instructions,
        )


def _executor(executor: Any, imports: tuple[str, ...], output: int | None) -> Executor:
    if isinstance(executor, str):
        one_of("executor", executor, tuple(EXECUTORS))
        limits = Limits() if output is None else Limits(output=output)
        return EXECUTORS[executor](imports, limits)
    if not callable(getattr(executor, "open", None)):
        raise TypeError(
            f"executor must be {', '.join(map(repr, EXECUTORS))}, or an executor, as "
            f"SandboxExecutor(), not {shown(executor)}."
        )
    for name, value in {
        "additional_authorized_imports": imports or None,
        "max_print_outputs_length": output,
    }.items():
        if value is not None:
            raise ValueError(
                f"{name} is for an executor that is given by its name. Give the executor its own: "
                "ProcessExecutor(authorized_imports=[...], limits=Limits(output=...))."
            )
    given: Executor = executor
    return given
