"""The public surface as type checkers see it: mypy and basedpyright check it, nothing runs it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

from reactivex import Observable
from reactivex import operators as rxo

from rxagent import (
    Agent,
    CodeAgent,
    Image,
    Message,
    Request,
    Run,
    State,
    Tool,
    ToolCall,
    each,
    fold,
    launch,
)
from rxagent import operators as ops
from rxagent.agents import Team, race, relay, route, vote
from rxagent.agents.loop import Turn
from rxagent.agents.memory import budget, everything, summarise, window
from rxagent.agents.planning import plan
from rxagent.events import Delta, Event, Planned, StepStarted, TextDelta, Usage
from rxagent.executors import CodeResult, Executor, Functions, SandboxExecutor, Session
from rxagent.models import Model, OpenAIModel, as_model, resolve
from rxagent.runs import Viewer
from rxagent.subscribers import Console, Metrics
from rxagent.tools import tool


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


@tool(name="other")
async def named(a: int) -> str:
    """Return a number as text."""
    return str(a)


def shout(request: Request) -> Iterator[str]:
    """Answer in capital letters."""
    yield request.messages[-1].text.upper()


async def stream(request: Request) -> AsyncIterator[Delta]:
    """Answer with one delta."""
    yield TextDelta(request.messages[-1].text)


def shorter(deltas: Observable[Delta]) -> Observable[Delta]:
    """Emit ten deltas."""
    return deltas.pipe(rxo.take(10))


def accepted(request: Request, message: Message) -> bool:
    """Judge a draft."""
    return len(message.text) > len(request.messages)


piped = resolve("openai:gpt-5").pipe(ops.retry(2), shorter, ops.circuit_breaker(5, cooldown=30))
assert_type(piped("Hi"), Observable[Delta])
assert_type(ops.draft(piped, as_model(shout), accept=accepted)(Request.of("Hi")), Observable[Delta])
assert_type(add.pipe(ops.timeout(total=3))(1, 2), int)
assert_type(Agent(piped).pipe(ops.settle())("Hi"), Observable[Event])
assert_type(Agent(piped).pipe(ops.settle()).start("Hi"), Run)


def is_short(value: Any, state: State) -> bool:
    """Check an answer."""
    return len(str(value)) < 10 and state.answer is None


async def is_polite(value: Any, state: State) -> None:
    """Check an answer, asynchronously."""


async def check_tools() -> None:
    """A tool is still the function that it was made of."""
    assert_type(add(1, 2), int)
    assert_type(await named(1), str)
    assert_type(Agent(shout).as_tool(), Tool)
    assert_type(CodeAgent(shout, [add], eager=True, max_steps=3, name="coder").as_tool(), Tool)


def check_executors(functions: Functions) -> None:
    """The sandbox is an executor, its session a session."""
    executor: Executor = SandboxExecutor()
    session: Session = executor.open({"x": 1})
    assert_type(session.run("x", functions), Observable[str | Event | CodeResult])


def check_models() -> None:
    """Whatever answers a request is a model."""
    assert_type(as_model(shout), Model)
    assert_type(as_model(stream), Model)
    assert_type(resolve("openai:gpt-5-mini"), Model)
    assert_type(as_model(shout)("Hi"), Observable[Delta])
    assert_type(OpenAIModel("gpt-5-mini")([Message("user", "Hi")]), Observable[Delta])
    assert_type(ops.fallback(as_model(shout), as_model(stream))(Request([])), Observable[Delta])


def check_agents() -> None:
    """An agent makes streams of events, runs and answers."""
    agent = Agent(
        shout,
        tools=[add, named],
        final_answer_checks=[is_short, is_polite],
        managed_agents=[Agent(stream, name="inner", description="Say it again.")],
    )
    assert_type(agent("Go"), Observable[Event])
    assert_type(agent.start("Go", attach=[Console(), Metrics(), print]), Run)
    assert_type(agent.as_tool(), Tool)
    agent("Look", images=[Image("https://example.org/cat.png")], state=State())


def check_teams() -> None:
    """A team is an agent, and a state can be shown."""
    one, other = Agent(shout, name="one"), Agent(shout, name="other")
    team = vote(one, race(one, other), relay(one, other), judge=max)
    assert_type(team, Team)
    assert_type(team("Go"), Observable[Event])
    assert_type(route(one, other, by=lambda task: one).start("Go"), Run)
    assert_type(team.as_tool(name="ask", description="Answers."), Tool)
    assert_type(State().events(), list[Event])
    State().replay(Console())


def plan_once(turn: Turn) -> Observable[Event] | None:
    """Plan before the first step."""
    return plan(shout, turn.state.messages()) if turn.step == 1 else None


def latest(state: State) -> list[Message]:
    """Show the latest messages."""
    return state.messages(summary=True)[-turn_count(state) :]


def turn_count(state: State) -> int:
    """Return the number of passages."""
    return len(state.passages)


def check_plans_and_memory() -> None:
    """Planners and policies are functions."""
    for memory in (everything, window(3), budget(500), summarise(shout, over=500), latest):
        Agent(shout, planning_interval=3, memory=memory, prompts={"plan": "Plan."})
    events = Agent(shout, planner=plan_once)("Go")
    assert_type(events.pipe(ops.of_type(Planned)), Observable[Planned])


def check_pipes() -> None:
    """Operators of ours and of ReactiveX keep the types of what they emit."""
    events = Agent(shout)("Go")
    assert_type(events.pipe(ops.text()), Observable[str])
    assert_type(events.pipe(ops.usage()), Observable[Usage])
    assert_type(events.pipe(ops.of_type(StepStarted)), Observable[StepStarted])
    assert_type(events.pipe(ops.tool_calls()), Observable[ToolCall])
    assert_type(events.pipe(ops.text(), rxo.map(len)), Observable[int])
    assert_type(as_model(shout)("Hi").pipe(ops.timeout(idle=20), ops.retry(2)), Observable[Delta])


def check_loops() -> None:
    """Loops give what the stream emits."""
    for piece in each(Agent(shout)("Go").pipe(ops.text())):
        assert_type(piece, str)
    for event in Agent(shout).start("Go"):
        assert_type(event, Event)


async def check_asyncio() -> None:
    """Asynchronous loops do the same."""
    async for piece in each(Agent(shout)("Go").pipe(ops.text())):
        assert_type(piece, str)
    async for event in Agent(shout).start("Go").follow(since=3):
        assert_type(event, Event)


def check_runs(run: Run) -> None:
    """A run is watched, owned and folded."""
    assert_type(run.attach(print), Viewer)
    assert_type(run.attach(Console(), overflow="block", since=3), Viewer)
    assert_type(run.state, State)
    assert_type(run.pipe(ops.text()), Observable[str])
    assert_type(launch(Agent(shout)("Go"), attach=[print]), Run)
    assert_type(fold(State(), TextDelta("Hi")), State)
    with run:
        run.cancel("enough")
