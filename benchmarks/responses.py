"""OpenAI's Responses protocol: the cost of a delta, beside the SDK's own loop."""

from collections.abc import Iterator
from functools import partial

from rxagent.models.responses import responses_model

from . import sides
from .per_delta import Alone, compare
from .row import Row
from .sides import KEY, SETTINGS, TASK, Ours

__all__ = ["short"]


class _Sdk(sides.Sdk):
    """The loop that the SDK's documentation shows, over the client it makes by default."""

    async def read_all(self, model: str, times: int) -> None:
        """Read an answer."""
        length = 0
        async for event in await self.client.responses.create(model=model, input=TASK, stream=True):
            if event.type == "response.output_text.delta":
                length += len(event.delta)


def short(url: str, quick: bool) -> Iterator[Row]:
    """Compare the CPU time that a delta costs."""
    alone = Alone(partial(responses_model, api_base=url, api_key=KEY, client_kwargs=SETTINGS))
    agent = Ours(url, kind=responses_model)
    yield from compare("Responses", "responses", 0.15, (alone, _Sdk(url)), quick, agent=agent)
