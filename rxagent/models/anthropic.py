"""Anthropic, and every server that speaks its Messages protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, ClassVar

from ..arguments import mapping, one_of
from ..messages import Request
from .anthropic_messages.cache import CACHES, mark
from .anthropic_messages.output_schema import Inexpressible, output_schema
from .anthropic_messages.preserved import without_refusals
from .anthropic_messages.reply import MessageReply
from .anthropic_messages.request import message_body
from .errors import ErrorFactory
from .options import check_url, merged, origin_of
from .provider import Provider
from .sdk import OF_THE_CALL, SdkModel, list_models

__all__ = ["PROVIDER", "AnthropicModel"]

PROVIDER = Provider(
    prefix="anthropic",
    model=f"{__name__}:AnthropicModel",
    sdk="Anthropic's SDK",
    extra="anthropic",
    requires="rxagent[anthropic]",
    modules=("anthropic",),
    docs="https://platform.claude.com/docs/en/models/overview",
    variables=("ANTHROPIC_API_KEY",),
    key_variable="ANTHROPIC_API_KEY",
    url_variable="ANTHROPIC_BASE_URL",
    note="ANTHROPIC_AUTH_TOKEN may hold a token instead of the key",
    list_models=partial(list_models, "Anthropic", sdk="anthropic"),
)

_USUAL_SERVER = "https://api.anthropic.com"

_HEADERS = {"user_profile_id", "workspace_id"}
"""Options that the SDK's call sends as headers."""

_UNKNOWN_LIMIT = 8_192
_LIMITS = (
    (r"claude-3-(haiku|opus|sonnet)", 4_096),
    (r"claude-3-5-(haiku|sonnet)", 8_192),
    (r"claude-opus-4(-[01])?", 32_000),
    (r"claude-3-7-sonnet|claude-sonnet-4(-0)?|claude-(haiku|opus|sonnet)-4-5", 64_000),
    (r"claude-(opus|sonnet)-4-[678]|claude-mythos-preview", 128_000),
    (r"claude-(fable|haiku|mythos|opus|sonnet)-5(-\d)?", 128_000),
)
"""The most tokens that a model can write (platform.claude.com, November 2026)."""

_DATED = re.compile(r"[-@]\d{8}.*|-latest")


class AnthropicModel(SdkModel):
    """A model of Anthropic, or of any server that speaks its Messages protocol.

    Arguments that are missing are read from the environment, as the SDK does it: ANTHROPIC_API_KEY
    or ANTHROPIC_AUTH_TOKEN, ANTHROPIC_BASE_URL. Retries are left to the operator `retry`.

    Anthropic demands `max_tokens`. Where the option is missing, it is the most that the model can
    write, as Anthropic's documentation said in November 2026, and 8,192 for other models.

    Args:
        model_id: The model's name.
        api_base: The server's URL, with `/v1` or without it.
        api_key: The key; any text, when the server needs none.
        cache: Whether requests are marked so that Anthropic caches their beginnings, and for how
            long: `True` for its usual five minutes, `"5m"` or `"1h"`. Marked are the system
            prompt, or the tools if there is none, the last message, and the user's before it.
        client_kwargs: More arguments for the SDK's `AsyncAnthropic`.
        http_client: As for `OpenAIModel`.
        stream: Whether the server streams its reply; the deltas are the same.
        options: Passed to the provider with each request: `max_tokens`, `temperature`,
            `thinking={"type": "adaptive"}`, `output_config={"effort": "low"}`, anything. Options
            of a request replace them, and None removes one. `timeout` is the longest silence in
            seconds; `extra_headers`, `extra_query` and `extra_body` are the SDK's.
    """

    _declaration: ClassVar[Provider] = PROVIDER
    _sdk: ClassVar[str] = "anthropic"
    _sdk_client: ClassVar[str] = "AsyncAnthropic"
    _sdk_error: ClassVar[str] = "AnthropicError"
    _no_key: ClassVar[str | None] = "Could not resolve authentication method"
    _environment: ClassVar[tuple[str, ...]] = (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_CONFIG_DIR",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_FEDERATION_RULE_ID",
        "ANTHROPIC_IDENTITY_TOKEN",
        "ANTHROPIC_IDENTITY_TOKEN_FILE",
        "ANTHROPIC_ORGANIZATION_ID",
        "ANTHROPIC_PROFILE",
        "ANTHROPIC_SCOPE",
        "ANTHROPIC_SERVICE_ACCOUNT_ID",
        "ANTHROPIC_WORKSPACE_ID",
    )

    def __init__(
        self,
        model_id: str,
        *,
        api_base: str | None = None,
        api_key: str | None = None,
        cache: bool | str = False,
        client_kwargs: Mapping[str, Any] | None = None,
        http_client: Any = None,
        stream: bool = True,
        **options: Any,
    ) -> None:
        check_url("api_base", api_base)
        if api_base is not None:  # the SDK adds /v1 itself
            api_base = api_base.rstrip("/").removesuffix("/v1")
        one_of("cache", cache, known=CACHES)
        super().__init__(
            model_id,
            http_client=http_client,
            client_kwargs=merged({"base_url": api_base, "api_key": api_key})
            | mapping("client_kwargs", client_kwargs),
            stream=stream,
            options=options,
        )
        self._cache = cache

    def _import_rest(self, client: Any) -> None:
        _ = client.messages.with_streaming_response.create

    async def _response(self, client: Any, call: Mapping[str, Any], opened: AsyncExitStack) -> Any:
        if self._origin(client) == self.provider:  # gateways may not know the header
            call = without_refusals(call, client.default_headers)
        sending = client.messages.with_streaming_response.create(**call)
        return (await opened.enter_async_context(sending)).http_response

    def _origin(self, client: Any) -> str:
        return origin_of(self.provider, str(client.base_url), _USUAL_SERVER)

    def _reader(self, errors: ErrorFactory, origin: str) -> MessageReply:
        return MessageReply(errors, origin, signs=origin == self.provider)

    def _call(self, request: Request, origin: str) -> dict[str, Any]:
        body = message_body(request, origin)
        mark(body, self._cache)
        messages = {"messages": body.pop("messages")}
        body = merged(body, self._options, request.options)
        body.setdefault("max_tokens", _limit(self.model_id))
        if request.output is not None:
            wanted = {"format": {"type": "json_schema", "schema": self._schema(request.output)}}
            body["output_config"] = {**wanted, **body.get("output_config", {})}
        call = {name: body.pop(name) for name in (OF_THE_CALL | _HEADERS) & body.keys()}
        return {
            **call,
            "model": self.model_id,
            "max_tokens": 1,  # the SDK refuses a whole reply that might be long
            "messages": (),  # here it would take them apart, which is much of its work
            "stream": self._stream,
            "extra_body": {**messages, **body, **call.get("extra_body", {})},
        }

    def _schema(self, output: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return output_schema(output)
        except Inexpressible as error:
            raise ErrorFactory(self.provider, self.model_id).rejected(
                f"cannot be made to keep to this JSON Schema: {error}. "
                "Let it answer by a tool with that argument, as an agent does."
            ) from None


def _limit(model_id: str) -> int:
    """Return the most tokens that a model can write, by its name."""
    name = _DATED.sub("", model_id.lower().rpartition("/")[2])
    found = (limit for pattern, limit in _LIMITS if re.fullmatch(pattern, name))
    return next(found, _UNKNOWN_LIMIT)
