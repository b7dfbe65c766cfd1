"""Anthropic: the cost of a delta, beside its SDK's own loop."""

import asyncio
from collections.abc import Iterator
from importlib.util import find_spec
from statistics import median
from typing import Any

from rxagent.events import Delta, TextDelta
from rxagent.models import AnthropicModel

from .row import Row
from .sides import KEY, SETTINGS, TASK, Ours
from .turns import cpu, per, take_turns

__all__ = ["short"]


class Sdk:
    """The loop that the SDK's documentation shows, over the client it makes by default."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._client = self._runner.run(_connected(url))

    def read(self, model: str) -> None:
        """Read an answer."""
        self._runner.run(self._read(model))

    async def _read(self, model: str) -> None:
        stream = await self._client.messages.create(
            model=model,
            max_tokens=1024,
            messages=[{"role": "user", "content": TASK}],
            stream=True,
        )
        length = 0
        async for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                length += len(event.delta.text)

    def close(self) -> None:
        """Close the client and the loop."""
        self._runner.run(self._client.close())
        self._runner.close()


async def _connected(url: str) -> Any:
    from anthropic import AsyncAnthropic

    return AsyncAnthropic(base_url=url.removesuffix("/v1"), api_key=KEY, **SETTINGS)


class _Model:
    """The model alone, subscribed on a loop of its own."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._url = url
        self._models: dict[str, AnthropicModel] = {}

    def read(self, model: str) -> None:
        """Read an answer."""
        self._runner.run(self._read(model))

    async def _read(self, model: str) -> None:
        if model not in self._models:
            by = AnthropicModel(model, api_base=self._url, api_key=KEY, client_kwargs=SETTINGS)
            self._models[model] = by
        ended = asyncio.get_running_loop().create_future()
        length = 0

        def add(delta: Delta) -> None:
            nonlocal length
            if type(delta) is TextDelta:
                length += len(delta.text)

        deltas = self._models[model](TASK)
        deltas.subscribe(add, ended.set_exception, lambda: ended.set_result(None))
        await ended

    def close(self) -> None:
        """Close the loop, and with it the client."""
        self._runner.close()


def short(url: str, quick: bool) -> Iterator[Row]:
    """Compare the CPU time that a delta costs; without the SDK there is nothing to compare."""
    if find_spec("anthropic") is None:
        return
    ours, sdk, agent = _Model(url), Sdk(url), Ours(url, kind=AnthropicModel)
    for count, times in ((2_000, 15), (20_000, 7)):
        model = f"messages-{count}"

        def read(side: Ours | Sdk | _Model, model: str = model, count: int = count) -> float:
            return per(count, lambda: cpu(lambda: side.read(model)))()

        whole = take_turns(lambda: read(agent), lambda: read(sdk), 1 if quick else times // 4)
        turns = take_turns(lambda: read(ours), lambda: read(sdk), 3 if quick else times)
        note = f"the model alone; a whole agent with three viewers {median(whole.ours):.0f} µs"
        yield turns.row(f"CPU per delta, Anthropic, {count:,}", "µs", 0.15, note)
    for side in (ours, sdk, agent):
        side.close()
