"""Waits: how long until the first event, and how long a step with a tool takes."""

import asyncio
import json
from collections.abc import Iterator
from statistics import median
from time import perf_counter, process_time

from rxagent import tool

from .row import Row
from .sides import TASK, VIEWERS, Ours, Sdk, Watching
from .turns import take_turns

__all__ = ["first", "step"]

MANY = 200


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


def first(url: str, quick: bool) -> Iterator[Row]:
    """Compare the time from the request to the first piece of the answer, alone and in a crowd."""
    ours, sdk, model = Ours(url), Sdk(url), "tokens-20"

    async def read(side: Ours | Sdk, times: int = 1) -> float:
        began, received = perf_counter(), []

        async def wait() -> None:
            heard: list[float] = []
            await side.open(model, lambda: heard.append(perf_counter()))
            received.append(heard[0])

        await asyncio.gather(*(wait() for _ in range(times)))
        return (median(received) - began) * 1e3

    turns = take_turns(
        lambda: sdk.run(read(ours)), lambda: sdk.run(read(sdk)), 40 if quick else 200, warm=20
    )
    yield turns.row("first event", "ms", 1.0, "until the first piece of text, on the event loop")
    turns = take_turns(
        lambda: sdk.run(read(ours, MANY)), lambda: sdk.run(read(sdk, MANY)), 3 if quick else 10
    )
    yield turns.row(f"first event, {MANY} runs begun at once", "ms", 1.0, "the median run's")
    sdk.close()


def step(url: str, quick: bool) -> Iterator[Row]:
    """Compare the time of a run in which a tool is called with a loop written by hand."""
    ours, sdk, model = Ours(url, [add]), Sdk(url), "tools"
    spent: dict[str, list[float]] = {ours.name: [], sdk.name: []}

    async def read_ours() -> None:
        viewers = [Watching() for _ in range(VIEWERS)]
        await ours.agent(model).start(TASK, attach=viewers)

    def timed(side: Ours | Sdk) -> float:
        began, before = perf_counter(), process_time()
        sdk.run(read_ours() if side is ours else _by_hand(sdk, model))
        spent[side.name].append((process_time() - before) * 1e3)
        return (perf_counter() - began) * 1e3

    turns = take_turns(lambda: timed(ours), lambda: timed(sdk), 40 if quick else 200, warm=20)
    cpu = " and ".join(f"{median(taken):.1f}" for taken in spent.values())
    yield turns.row("a tool step", "ms", 0.6, f"two requests and a call; {cpu} ms of CPU")
    sdk.close()


async def _by_hand(sdk: Sdk, model: str) -> str:
    """Send a request, call the tools, and send another."""
    parameters = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    }
    function = {"name": "add", "description": add.description, "parameters": parameters}
    tools = [{"type": "function", "function": function}]
    messages: list[dict[str, object]] = [{"role": "user", "content": TASK}]
    while True:
        text, calls = "", {}
        async for chunk in await sdk.ask(model, messages, tools=tools):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                for piece in choice.delta.tool_calls or ():
                    call = calls.setdefault(piece.index, {"id": piece.id, "name": "", "json": ""})
                    call["name"] += piece.function.name or ""
                    call["json"] += piece.function.arguments or ""
        if not calls:
            return text
        made = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["json"]},
            }
            for call in calls.values()
        ]
        messages.append({"role": "assistant", "content": text or None, "tool_calls": made})
        for call in calls.values():
            result = await asyncio.to_thread(_sum, **json.loads(call["json"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": str(result)})


def _sum(a: int, b: int) -> int:
    return a + b
