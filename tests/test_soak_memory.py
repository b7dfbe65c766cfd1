"""Runs within limits, with a ledger and approvals, leave nothing behind."""

import gc
from collections import Counter

import pytest
import reactivex as rx

from rxagent import Agent
from rxagent import operators as ops
from rxagent.agents.approval import Allow, by_decision, by_name
from rxagent.events import ApprovalAsked, Finish, TextDelta, ToolCallDelta, Usage
from rxagent.ledger import Ledger
from rxagent.models import as_model

BEFORE, RUNS = 1_000, 10_000
ROOM = 1_000
"""Objects that caches may add; one that each run left would be ten times as many."""


def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


@as_model
def model(request):
    """Call the tool, then answer."""
    if request.messages[-1].role == "tool":
        return rx.of(TextDelta("It is "), TextDelta("3."), Usage(10, 3), Finish("stop"))
    called = ToolCallDelta(0, "c1", "add", '{"a": 1, "b": 2}')
    return rx.of(called, Usage(10, 3), Finish("tool_calls"))


@pytest.fixture
def agent():
    """Return an agent with all that limits, counts and asks."""
    limited = model.pipe(
        ops.rate_limit(requests=1_000_000, per=0.001),
        ops.concurrency(8),
        ops.timeout(idle=60),
        ops.retry(2),
        ops.circuit_breaker(5, cooldown=30),
    )
    policy = by_name({"add": by_decision(), "*": Allow()})
    limit = ops.budget(tokens=10_000, ledger=Ledger(tokens=10**12))
    return Agent(limited, tools=[add], approve=policy).pipe(limit)


def decided(agent):
    """Run the agent once, and approve its call."""
    run = agent.start("Add.")
    for event in run:
        if isinstance(event, ApprovalAsked):
            run.decide(event.call.id, Allow())
    return run.result()


def kinds():
    """Return how many objects there are of each type."""
    gc.collect()
    return Counter(type(each).__qualname__ for each in gc.get_objects())


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_many_runs_leave_nothing(agent):
    """After ten thousand runs there are no more objects than after the first thousand."""
    for _ in range(BEFORE):
        decided(agent)
    before = kinds()
    for _ in range(RUNS):
        assert "It is 3." == decided(agent)
    more = kinds() - before

    assert more.total() < ROOM, more.most_common(5)
