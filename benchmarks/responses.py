"""OpenAI's Responses protocol: the cost of a delta, beside the SDK's own loop."""

import asyncio
from collections.abc import Iterator
from statistics import median

from rxagent.events import Delta, TextDelta
from rxagent.models import Model
from rxagent.models.responses import responses_model

from . import sides
from .row import Row
from .sides import KEY, SETTINGS, TASK, Ours
from .turns import cpu, per, take_turns

__all__ = ["short"]


class _Sdk(sides.Sdk):
    """The loop that the SDK's documentation shows, over the client it makes by default."""

    async def read_all(self, model: str, times: int) -> None:
        """Read an answer."""
        length = 0
        async for event in await self.client.responses.create(model=model, input=TASK, stream=True):
            if event.type == "response.output_text.delta":
                length += len(event.delta)


class _Model:
    """The model alone, subscribed on a loop of its own."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._url = url
        self._models: dict[str, Model] = {}

    def read(self, model: str) -> None:
        """Read an answer."""
        self._runner.run(self._read(model))

    async def _read(self, model: str) -> None:
        if model not in self._models:
            by = responses_model(model, api_base=self._url, api_key=KEY, client_kwargs=SETTINGS)
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
    """Compare the CPU time that a delta costs."""
    ours, sdk, agent = _Model(url), _Sdk(url), Ours(url, kind=responses_model)
    for count, times in ((2_000, 15), (20_000, 7)):
        model = f"responses-{count}"

        def read(side: Ours | _Sdk | _Model, model: str = model, count: int = count) -> float:
            return per(count, lambda: cpu(lambda: side.read(model)))()

        whole = take_turns(lambda: read(agent), lambda: read(sdk), 1 if quick else times // 4)
        turns = take_turns(lambda: read(ours), lambda: read(sdk), 3 if quick else times)
        note = f"the model alone; a whole agent with three viewers {median(whole.ours):.0f} µs"
        yield turns.row(f"CPU per delta, Responses, {count:,}", "µs", 0.15, note)
    for side in (ours, sdk, agent):
        side.close()
