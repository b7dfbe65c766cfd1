"""Gateways: the cost of a delta through Hugging Face's SDK and LiteLLM, beside their own loops."""

import os
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

from rxagent.models import InferenceClientModel, LiteLLMModel

from .per_delta import Alone, OnALoop, compare
from .row import Row
from .sides import KEY, TASK

__all__ = ["short"]

_MESSAGES = [{"role": "user", "content": TASK}]
_STREAMED: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


class _Loop(OnALoop):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url


class _HubLoop(_Loop):
    """The loop that the documentation of huggingface_hub shows."""

    async def answer(self, model: str, /) -> None:
        from huggingface_hub import AsyncInferenceClient

        async with AsyncInferenceClient(base_url=self.url, token=KEY) as client:
            create = client.chat.completions.create
            length = 0
            async for chunk in await create(model=model, messages=_MESSAGES, **_STREAMED):
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    length += len(text)


class _LiteLLMLoop(_Loop):
    """The loop that the documentation of LiteLLM shows."""

    async def answer(self, model: str, /) -> None:
        from litellm import acompletion

        length = 0
        stream = await acompletion(
            f"openai/{model}", _MESSAGES, api_base=self.url, api_key=KEY, **_STREAMED
        )
        async for chunk in stream:
            if chunk.choices and (text := chunk.choices[0].delta.content):
                length += len(text)


def short(url: str, quick: bool) -> Iterator[Row]:
    """Compare the CPU time that a delta costs; without an SDK there is nothing to compare."""
    ours = Alone(partial(InferenceClientModel, api_base=url, token=KEY))
    turns = {2_000: 1} if quick else {2_000: 7, 20_000: 7}
    yield from compare("Hugging Face", "tokens", 1.1, (ours, _HubLoop(url)), quick, turns=turns)
    if find_spec("litellm") is None:
        return
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    ours = Alone(lambda name: LiteLLMModel(f"openai/{name}", api_base=url, api_key=KEY))
    turns = {2_000: 1} if quick else {2_000: 3, 20_000: 3}
    yield from compare("LiteLLM", "tokens", 1.1, (ours, _LiteLLMLoop(url)), quick, turns=turns)
