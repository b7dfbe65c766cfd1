"""The far end of OpenAI's models, through the chat protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...messages import Request
from ...models import Model, OpenAIModel
from ..frames import Body
from ..scenarios import Reply
from .checking import check_type
from .http import HttpFarEnd, Rendering
from .items import Item, Rejected
from .openai_chat import FINISH_WORDS, ChatRendering, chat_rejection, read_chat

__all__ = ["OpenAIFarEnd"]


class OpenAIFarEnd(HttpFarEnd):
    """The far end of `OpenAIModel`."""

    prefix: ClassVar[str] = "openai"
    finish_words: ClassVar[Mapping[str, str]] = FINISH_WORDS

    def connect(self, name: str, /, **options: Any) -> Model:
        """Return a model of OpenAI's, connected to the server."""
        return OpenAIModel(name, api_base=self.server.url, api_key="any", **options)

    def rejection(self, rejected: Rejected, /) -> Reply:
        """Return an error as OpenAI sends it."""
        return chat_rejection(rejected)

    def rendering(self, body: Body, items: Sequence[Item], /) -> Rendering:
        """Return what renders deltas as chunks."""
        return ChatRendering()

    def check(self, body: Body) -> None:
        """Check a request against the SDK's parameters of `chat.completions.create`."""
        from openai.types.chat import completion_create_params as params

        streams = bool(body.get("stream"))
        check_type(
            params.CompletionCreateParamsStreaming
            if streams
            else params.CompletionCreateParamsNonStreaming,
            body,
        )

    def read(self, body: Body) -> Request:
        """Return what OpenAI understands by a request."""
        return read_chat(body)
