"""The agent that acts by calling tools."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Annotated, Any

from attrs import field, frozen
from reactivex import Observable

from ..events import Event, RunStarted
from ..messages import Image, Message, Request
from ..models import as_model
from ..runs import Run, launch
from ..state import State
from ..streams import Home, daemon_loop, refuse_own_loop
from ..tools import FINAL_ANSWER, Tool, Toolbox, tool
from .loop import Loop
from .prompts import render

__all__ = ["Agent"]

_DROPPED = {
    "stream_outputs": "Everything streams: subscribe to agent(task).",
    "step_callbacks": "Attach subscribers to a run: agent.start(task, attach=[...]).",
    "verbosity_level": "Nothing is printed unless asked: attach rxagent.subscribers.Console().",
    "logger": "Attach rxagent.subscribers.Console() or Log() to a run.",
    "add_base_tools": "List the tools you want in tools=[...].",
    "prompt_templates": "Say what the agent should heed in instructions=.",
    "system_prompt": "Say what the agent should heed in instructions=.",
    "grammar": "Pass what the provider takes in options={...}.",
    "max_tool_threads": "Calls of one step run side by side on a pool all runs share.",
    "provide_run_summary": "Use agent.start(task).state.messages(summary=True).",
    "return_full_result": "Use run = agent.start(task); run.result(); run.state.",
}


@frozen(init=False)
class Agent:
    """A function from a task to a run: it asks a model, calls tools, and answers.

    An agent holds no state of its runs, so one object serves any number of them at once.

    Args:
        model: A model, the name of one (``"openai:gpt-5-mini"``), or any function that takes a
            request and returns or yields text, messages or deltas.
        tools: Tools, functions with annotations and a docstring, or other agents.
        instructions: What the agent should heed, added to its system prompt.
        max_steps: After how many steps without an answer it must give the best one it can.
        name: Its name in events and usage; other agents call it by this name.
        description: What other agents are told it can do.
        managed_agents: More agents it may call; the same as listing them among the tools.
        final_answer_checks: Functions ``check(value, state)``; an answer is told to nobody before
            all have passed. One that raises or returns False sends the model back to work.
        answer: ``"text"``: a reply without calls is the answer. ``"tool"``: only a call of
            final_answer is.
        eager: Start a call once its arguments are complete, while the model still speaks; True,
            or the names of the tools. Such a call may run more than once when a turn is retried.
        options: What every request passes to the provider as it stands.
    """

    model: Callable[[Request], Observable[Any]]
    name: str
    description: str | None
    instructions: str | None
    max_steps: int
    options: Mapping[str, Any] = field(hash=False)
    tools: Toolbox
    _text_answers: bool = field(repr=False)
    _loop: Loop = field(repr=False)

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
        eager: bool | Collection[str] = False,
        options: Mapping[str, Any] | None = None,
        **dropped: Any,
    ) -> None:
        for word in dropped:
            raise TypeError(f"Agent takes no {word!r}. {_DROPPED.get(word, _known())}")
        if answer not in ("text", "tool"):
            raise ValueError(f"answer is 'text' or 'tool', not {answer!r}.")
        if max_steps < 0:
            raise ValueError(f"max_steps is a number of steps, 0 or more, not {max_steps}.")
        toolbox = Toolbox((*tools, *managed_agents))
        text_answers = answer == "text"
        loop = Loop(
            model=as_model(model),
            tools=toolbox,
            request=self._request,
            max_steps=max_steps,
            checks=tuple(final_answer_checks),
            text_answers=text_answers,
            eager=_eager(eager) if eager else None,
        )
        self.__attrs_init__(
            loop.model,
            name,
            description,
            instructions,
            max_steps,
            dict(options or {}),
            toolbox,
            text_answers,
            loop,
        )

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
            task: What is to be done, or the next thing said in a conversation.
            state: The state of an earlier run, to continue its conversation.
            images: Images the model looks at with the task.
            additional_args: Values given beside the task: the model reads them, and tools that
                ask for one receive it as it is.

        Raises:
            ModelError: The model failed; by `on_error`, as all that the agent cannot survive.
            NoAnswer: The steps were used up, and the closing step brought no answer.
        """
        given = dict(additional_args or {})
        pictures = tuple(images)
        text = render("given", task=task, given=given) if given else task
        message = Message("user", text, images=pictures) if given or pictures else None
        started = RunStarted(task, self.name, message)
        return self._loop.run(started, state or State(), given)

    def run(self, task: str, *, timeout: float | None = None, **options: Any) -> Any:
        """Block until a task is done, and return the answer's value.

        Args:
            task: As for a call.
            timeout: Seconds after which the run is cancelled.
            options: What a call takes.

        Raises:
            TimeoutError: The time is over.
            RxAgentError: What ended the run without an answer.
        """
        refuse_own_loop("Write `await agent.start(task)` instead.")
        home = Home(loop=daemon_loop())
        with launch(self(task, **options), home=home) as run:
            return run.result(timeout)

    def start(self, task: str, *, attach: Iterable[Any] = (), **options: Any) -> Run:
        """Start a run that goes on by itself, watched by whom you attach; returns at once."""
        return launch(self(task, **options), attach=attach, before=options.get("state"))

    def as_tool(self) -> Tool:
        """Return this agent as a tool of another one; its events are the tool's outputs."""
        if not self.description:
            raise ValueError(
                f"Whoever is to call the agent {self.name!r} must be told what it can do. "
                "Give it a description=."
            )

        def ask(
            task: Annotated[str, "What is to be done, with all that must be known for it."],
        ) -> Observable[Event]:
            return self(task)

        ask.__doc__ = self.description
        return tool(ask, name=self.name)

    def _request(self, state: State, closing: bool) -> Request:
        told = state.messages()
        prompt = render(
            "system",
            name=self.name,
            tools=self.tools.specs,
            text_answers=self._text_answers,
            instructions=self.instructions,
        )
        before = [message.text for message in told if message.role == "system"]
        said = [message for message in told if message.role != "system"]
        messages = [Message("system", "\n\n".join((prompt, *before))), *said]
        if closing:
            messages.append(Message("user", render("closing", limit=self.max_steps)))
        tools = () if closing else (*self.tools.specs, FINAL_ANSWER)
        return Request(messages, tools, options=self.options)


def _eager(eager: bool | Collection[str]) -> Callable[[str], bool]:
    if isinstance(eager, bool):
        return lambda name: eager
    names = frozenset(eager)
    return names.__contains__


def _known() -> str:
    return "See help(rxagent.Agent) for what it takes."
