"""Eager calls of a turn that is retried: what is called again runs again."""

import asyncio

import pytest

from rxagent import Agent, tool
from rxagent import operators as ops
from rxagent.errors import ModelUnavailable
from rxagent.events import Finish, ToolCallDelta
from rxagent.models import as_model


@pytest.mark.parametrize("eager", [{"look"}, True, False])
@pytest.mark.parametrize("id", ["call_0", "call_1"], ids=["the same id", "another id"])
def test_a_call_with_the_id_of_one_that_was_retracted_runs(eager, id):
    """Servers count the ids of each reply from 0, so those of two attempts may be the same."""
    requests, ran = [], []

    @tool
    def look() -> str:
        """Look."""
        ran.append("look")
        return "looked"

    @tool
    def pay(amount: int) -> str:
        """Pay."""
        ran.append("pay")
        return f"paid {amount}"

    @as_model
    async def model(request):
        requests.append(request)
        if len(requests) == 1:
            yield ToolCallDelta(0, "call_0", "look", "{}")
            yield ToolCallDelta(1, "call_9", "pay", "{")
            while eager and not ran:
                await asyncio.sleep(0)
            raise ModelUnavailable("broke off")
        if len(requests) == 2:
            yield ToolCallDelta(0, id, "pay", '{"amount": 5}')
            yield Finish("tool_calls")
            return
        yield request.messages[-1].text

    again = model.pipe(ops.retry(2, delay=0, midstream=True))
    agent = Agent(again, [look, pay], eager=eager)

    assert "paid 5" == agent.run("Pay 5.")
    assert "pay" == ran[-1]
    assert (["look"] if eager else []) == ran[:-1]
