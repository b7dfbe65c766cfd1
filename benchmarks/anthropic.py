"""Anthropic: the cost of a delta, beside its SDK's own loop."""

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

from rxagent.models import AnthropicModel

from .per_delta import Alone, OnALoop, compare
from .row import Row
from .sides import KEY, SETTINGS, TASK, Ours

__all__ = ["short"]


class Sdk(OnALoop):
    """The loop that the SDK's documentation shows, over the client it makes by default."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._client = self._runner.run(_connected(url))

    async def answer(self, model: str, /) -> None:
        """Read an answer on the loop."""
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
        super().close()


async def _connected(url: str) -> Any:
    from anthropic import AsyncAnthropic

    return AsyncAnthropic(base_url=url.removesuffix("/v1"), api_key=KEY, **SETTINGS)


def short(url: str, quick: bool) -> Iterator[Row]:
    """Compare the CPU time that a delta costs; without the SDK there is nothing to compare."""
    if find_spec("anthropic") is None:
        return
    alone = Alone(partial(AnthropicModel, api_base=url, api_key=KEY, client_kwargs=SETTINGS))
    agent = Ours(url, kind=AnthropicModel)
    yield from compare("Anthropic", "messages", 0.15, (alone, Sdk(url)), quick, agent=agent)
