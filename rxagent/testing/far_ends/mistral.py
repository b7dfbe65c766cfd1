"""The far end of Mistral's models, which is a host with more oddities than others."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, ClassVar

from ...models import Model, resolve
from ..frames import Body
from .openai import OpenAIFarEnd

__all__ = ["MistralFarEnd"]

_ID = re.compile("[a-zA-Z0-9]{9}")


class MistralFarEnd(OpenAIFarEnd):
    """The far end of `resolve("mistral:...")`."""

    prefix: ClassVar[str] = "mistral"

    def connect(self, name: str, /, **options: Any) -> Model:
        """Return a model of Mistral's, connected to the server."""
        return resolve(f"mistral:{name}", api_base=self.server.url, api_key="any", **options)

    def check(self, body: Body) -> None:
        """Check a request as OpenAI's, and what Mistral's server refuses."""
        super().check(body)
        if "stream_options" in body:
            raise AssertionError("stream_options: Extra inputs are not permitted")
        calls = [call for message in body["messages"] for call in message.get("tool_calls") or ()]
        ids = [call["id"] for call in calls]
        ids += [m["tool_call_id"] for m in body["messages"] if m["role"] == "tool"]
        if wrong := [id for id in ids if not _ID.fullmatch(id)]:
            raise AssertionError(f"Tool call id was {wrong[0]} but must be 9 of a-z, A-Z, 0-9")
        for role, following in pairwise(message["role"] for message in body["messages"]):
            if role == "tool" and following not in ("tool", "assistant"):
                raise AssertionError(f"Unexpected role '{following}' after role 'tool'")
