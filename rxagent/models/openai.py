"""OpenAI, and every server that speaks its chat protocol."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, ClassVar

from ..arguments import mapping, one_of
from ..messages import Request
from .errors import ErrorFactory
from .hosts import declared_at
from .openai_chat.oddities import Oddities, oddities_of
from .openai_chat.reply import ChatReply
from .openai_chat.request import chat_body, chat_messages
from .openai_responses.reply import ResponseReply
from .openai_responses.request import response_body
from .options import check_url, merged, origin_of
from .provider import Provider
from .sdk import OF_THE_CALL, SdkModel, list_models
from .tokens import provided

__all__ = ["PROVIDER", "OpenAIModel"]

PROVIDER = Provider(
    prefix="openai",
    model=f"{__name__}:OpenAIModel",
    sdk="OpenAI's SDK",
    extra="openai",
    requires="openai[aiohttp]",
    docs="https://platform.openai.com/docs/models",
    variables=("OPENAI_API_KEY",),
    key_variable="OPENAI_API_KEY",
    url_variable="OPENAI_BASE_URL",
    note="OPENAI_BASE_URL may name any server of that protocol; its key may be any text",
    list_models=partial(list_models, "OpenAI"),
)

_CHAT, _RESPONSES = "chat", "responses"

_TOOLS_IN_RESPONSES = re.compile(r"gpt-(?:5\.(?:[6-9]|\d\d)|[6-9])(?!\d)")
"""The models that answer 400 to tools in the chat protocol, unless they are not to reason at all
(November 2026)."""

_PATHS = {_CHAT: "/chat/completions", _RESPONSES: "/responses"}

_OPTIONS = {"extra_headers": "headers", "extra_query": "params", "timeout": "timeout"}
"""The options for the SDK's call, by their names in its `post`."""

_KEY = {"security": {"bearer_auth": True}}
"""Which of its keys the SDK sends: never the administrator's."""


class OpenAIModel(SdkModel):
    """A model of OpenAI, or of any server that speaks its chat protocol.

    Arguments that are missing are read from the environment, as the SDK does it: OPENAI_API_KEY,
    OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID. Retries are left to the operator `retry`.

    With `api="responses"` OpenAI sends summaries of its reasoning, and takes the reasoning back,
    encrypted, in each later request. OpenAI is asked not to store the replies: the option `store`
    is False unless you set it.

    Args:
        model_id: The model's name.
        api: The protocol: `"chat"`, which many servers speak, or `"responses"`. By default chat,
            but Responses for models of OpenAI's own server that take tools there alone.
        api_base: The server's URL, `/v1` included.
        api_key: The key; any text, when the server needs none. A function, sync or async, that
            returns it is called before each request; a sync one on a worker thread.
        organization: The organization that is billed.
        project: The project that is billed.
        client_kwargs: More arguments for the SDK's `AsyncOpenAI`.
        http_client: The SDK's HTTP client, instead of its client over aiohttp: a client of yours,
            which is left open and keeps the cookies that servers set, or a function that makes
            one for each event loop, on a worker thread; that one keeps no cookies of replies, and
            is closed when it is idle, and with the loop.
        stream: Whether the server streams its reply; the deltas are the same.
        options: Passed to the provider with each request: `temperature`, `max_tokens`, anything.
            Options of a request replace them, and None removes one. `timeout` is the longest
            silence in seconds; `extra_headers`, `extra_query` and `extra_body` are the SDK's.
    """

    _declaration: ClassVar[Provider] = PROVIDER
    _sdk_client: ClassVar[str] = "AsyncOpenAI"
    _environment: ClassVar[tuple[str, ...]] = (
        "AZURE_OPENAI_AD_TOKEN",
        "AZURE_OPENAI_API_KEY",
        "AZURE_OPENAI_ENDPOINT",
        "OPENAI_API_KEY",
        "OPENAI_API_VERSION",
        "OPENAI_BASE_URL",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
    )
    _usual_server: ClassVar[str] = "https://api.openai.com/v1"
    _refused: ClassVar[frozenset[str]] = frozenset()
    """Fields that the server refuses, though OpenAI's has them; a user may still give them."""
    _oddities: ClassVar[Oddities | None] = None
    """What the server demands of messages; None where its address decides."""

    def __init__(
        self,
        model_id: str,
        *,
        api: str | None = None,
        api_base: str | None = None,
        api_key: str | Callable[[], Any] | None = None,
        organization: str | None = None,
        project: str | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        http_client: Any = None,
        stream: bool = True,
        **options: Any,
    ) -> None:
        one_of("api", api or _CHAT, known=(_CHAT, _RESPONSES))
        check_url("api_base", api_base)
        named = {
            "base_url": api_base,
            "api_key": api_key,
            "organization": organization,
            "project": project,
        }
        super().__init__(
            model_id,
            http_client=http_client,
            client_kwargs=merged(named) | mapping("client_kwargs", client_kwargs),
            stream=stream,
            options=options,
        )
        self._api = api or self._usual_api()

    def _usual_api(self) -> str:
        is_elsewhere = "base_url" in self._client_kwargs or os.environ.get("OPENAI_BASE_URL")
        return _CHAT if is_elsewhere or not _TOOLS_IN_RESPONSES.match(self.model_id) else _RESPONSES

    def __repr__(self) -> str:
        protocol = "" if self._api == _CHAT else f", api={self._api!r}"
        return f"{super().__repr__()[:-1]}{protocol})"

    def _arguments(self) -> Mapping[str, Any]:
        given = super()._arguments()
        key = given.get("api_key")
        own = {"api_key": partial(provided, "api_key", key)} if callable(key) else {}
        return {**given, **own}

    def _import_rest(self, client: Any) -> None:
        from openai import AsyncStream  # noqa: F401

    async def _response(self, client: Any, call: dict[str, Any], opened: AsyncExitStack) -> Any:
        """Send a request by the SDK's `post`: its `create` takes a body apart for its types."""
        from openai import AsyncStream

        kind: Any = AsyncStream[object]
        stream = await client.post(
            _PATHS[self._api], cast_to=object, stream=True, stream_cls=kind, **call
        )
        opened.push_async_callback(stream.response.aclose)
        return stream.response

    def _origin(self, client: Any) -> str:
        name = self.provider if self._api == _CHAT else f"{self.provider}-{self._api}"
        return origin_of(name, str(client.base_url), self._usual_server)

    def _reader(self, errors: ErrorFactory, origin: str) -> ChatReply | ResponseReply:
        reader = ResponseReply if self._api == _RESPONSES else ChatReply
        return reader(errors, origin)

    def _call(self, request: Request, origin: str) -> dict[str, Any]:
        if self._api == _RESPONSES:
            return self._call_of_responses(request, origin)
        usage = {"stream_options": {"include_usage": True}} if self._stream else {}
        options = self._options, request.options
        ours = merged(
            usage,
            chat_body(self.model_id, request, keeps_both=self._keeps_both(origin)),
            dict.fromkeys(self._refused),
        )
        body = merged(ours, *options)
        call = {name: body.pop(name) for name in OF_THE_CALL & body.keys()}
        declared = self._oddities or declared_at(origin.partition(" ")[2])
        oddities = oddities_of(origin, self.model_id, declared)
        messages = list(chat_messages(request.messages, origin, oddities, self.model_id))
        ours = {"model": self.model_id, "stream": self._stream, "messages": messages}
        return _sent(call, {**ours, **body})

    def _keeps_both(self, origin: str) -> bool:
        """Return whether the server takes a schema of the answer beside tools, as OpenAI's does."""
        return origin == self.provider

    @property
    def _served_as(self) -> str:
        """The name by which the server finds the model, where its address does not hold it."""
        return self.model_id

    def _call_of_responses(self, request: Request, origin: str) -> dict[str, Any]:
        options = self._options, request.options
        body = response_body(self.model_id, request, options, origin)
        call = {name: body.pop(name) for name in OF_THE_CALL & body.keys()}
        return _sent(call, {"model": self._served_as, "stream": self._stream, **body})


def _sent(call: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the SDK's `post`.

    Args:
        call: The options for the SDK's call.
        body: The body.
    """
    options = {_OPTIONS[name]: call[name] for name in _OPTIONS.keys() & call.keys()}
    return {"body": {**body, **call.get("extra_body", {})}, "options": _KEY | options}
