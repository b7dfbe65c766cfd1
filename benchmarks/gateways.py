"""Gateways: the cost of a delta through Hugging Face's SDK and LiteLLM, beside their own loops."""

import asyncio
import os
from abc import abstractmethod
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from rxagent.events import Delta
from rxagent.models import InferenceClientModel, LiteLLMModel, Model

from .row import Row
from .sides import KEY, TASK
from .turns import cpu, per, take_turns

__all__ = ["short"]

_MESSAGES = [{"role": "user", "content": TASK}]
_STREAMED: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


class _Side:
    """A reader of answers on a loop of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._runner = asyncio.Runner()

    def read(self, name: str) -> None:
        """Read an answer."""
        self._runner.run(self.answer(name))

    @abstractmethod
    async def answer(self, name: str) -> None:
        """Read an answer on the loop."""

    def close(self) -> None:
        """Close the loop, and with it the clients."""
        self._runner.close()


class _HubLoop(_Side):
    """The loop that the documentation of huggingface_hub shows."""

    async def answer(self, name: str) -> None:
        from huggingface_hub import AsyncInferenceClient

        async with AsyncInferenceClient(base_url=self.url, token=KEY) as client:
            create = client.chat.completions.create
            length = 0
            async for chunk in await create(model=name, messages=_MESSAGES, **_STREAMED):
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    length += len(text)


class _LiteLLMLoop(_Side):
    """The loop that the documentation of LiteLLM shows."""

    async def answer(self, name: str) -> None:
        from litellm import acompletion

        length = 0
        stream = await acompletion(
            f"openai/{name}", _MESSAGES, api_base=self.url, api_key=KEY, **_STREAMED
        )
        async for chunk in stream:
            if chunk.choices and (text := chunk.choices[0].delta.content):
                length += len(text)


class _Ours(_Side):
    """The model alone."""

    @abstractmethod
    def model(self, name: str) -> Model:
        """Return the model."""

    async def answer(self, name: str) -> None:
        ended = asyncio.get_running_loop().create_future()
        length = 0

        def add(delta: Delta) -> None:
            nonlocal length
            length += len(getattr(delta, "text", ""))

        deltas = self.model(name)(TASK)
        deltas.subscribe(add, ended.set_exception, lambda: ended.set_result(None))
        await ended


class _OurHub(_Ours):
    def model(self, name: str) -> Model:
        return InferenceClientModel(name, api_base=self.url, token=KEY)


class _OurLiteLLM(_Ours):
    def model(self, name: str) -> Model:
        return LiteLLMModel(f"openai/{name}", api_base=self.url, api_key=KEY)


def short(url: str, quick: bool) -> Iterator[Row]:
    """Compare the CPU time that a delta costs; without an SDK there is nothing to compare."""
    yield from _rows("Hugging Face", _OurHub(url), _HubLoop(url), quick, 7)
    if find_spec("litellm") is not None:
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        yield from _rows("LiteLLM", _OurLiteLLM(url), _LiteLLMLoop(url), quick, 3)


def _rows(name: str, ours: _Side, theirs: _Side, quick: bool, times: int) -> Iterator[Row]:
    for count in (2_000,) if quick else (2_000, 20_000):

        def read(side: _Side, count: int = count) -> float:
            return per(count, lambda: cpu(lambda: side.read(f"tokens-{count}")))()

        turns = take_turns(lambda: read(ours), lambda: read(theirs), 1 if quick else times)
        yield turns.row(f"CPU per delta, {name}, {count:,}", "µs", 1.10, "the model alone")
    ours.close()
    theirs.close()
