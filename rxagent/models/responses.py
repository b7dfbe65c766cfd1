"""OpenAI's Responses protocol, as a provider of its own: `responses:gpt-5-mini`."""

from __future__ import annotations

from functools import partial

from attrs import evolve

from . import openai

__all__ = ["PROVIDER", "responses_model"]

PROVIDER = evolve(
    openai.PROVIDER,
    prefix="responses",
    model=f"{__name__}:responses_model",
    note="OPENAI_BASE_URL may name another server of that protocol; its key may be any text",
)

responses_model = partial(openai.OpenAIModel, api="responses")
responses_model.__doc__ = openai.OpenAIModel.__doc__
