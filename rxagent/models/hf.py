"""Hugging Face: Inference Providers, Inference Endpoints, and servers such as TGI.

The SDK finds the provider and sends the request; the bytes of the reply are read here, as those
of every server that speaks OpenAI's chat protocol.

.. code-block:: text

    session (made on a worker, shared) ─▶ one AsyncInferenceClient a request ─▶ response ─▶ bytes

An AsyncInferenceClient keeps all its responses open until it is closed itself, so each request
has one of its own. It costs nothing: the connections belong to the session.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Any, ClassVar

from attrs import evolve

from ..arguments import mapping, text
from ..errors import ModelError
from ..messages import Request
from .clients import shared
from .decoding import body_of
from .errors import ErrorFactory
from .listing import names_in
from .openai_chat.oddities import oddities_of
from .openai_chat.reply import ChatReply
from .openai_chat.request import chat_body, chat_messages
from .options import check_url, merged, origin_of
from .provider import Provider
from .remote import RemoteModel
from .reply_reader import until_silence

__all__ = ["PROVIDER", "InferenceClientModel"]

_USUAL_SERVER = "https://router.huggingface.co/v1"

_ENVIRONMENT = "HF_ENDPOINT", "HF_TOKEN", "SSL_CERT_DIR", "SSL_CERT_FILE"

_SILENCE = 600.0
"""Seconds; the SDK itself would wait forever."""

_READ = 1 << 16
"""How many bytes of the description of an error are read."""


def _list_models(timeout: float) -> tuple[str, list[str]]:
    """Return the address of the router, and the models of all providers behind it."""
    import huggingface_hub as sdk

    if not sdk.get_token():
        raise LookupError("There is no token: set HF_TOKEN, or run `hf auth login`.")
    url = f"{_USUAL_SERVER}/models"
    response = sdk.get_session().get(url, timeout=timeout)
    response.raise_for_status()
    return _USUAL_SERVER, names_in(url, response.content)[0]


PROVIDER = Provider(
    prefix="hf",
    model=f"{__name__}:InferenceClientModel",
    sdk="Hugging Face's SDK",
    extra="huggingface_hub",
    requires="huggingface_hub",
    docs="https://huggingface.co/docs/inference-providers",
    key_variable="HF_TOKEN",
    note="HF_TOKEN is the token; `hf auth login` keeps one, too",
    list_models=_list_models,
)


class InferenceClientModel(RemoteModel):
    """A model of Hugging Face's Inference Providers, or of a server of your own such as TGI.

    A token that is missing is read from HF_TOKEN, or from what `hf auth login` has kept.

    Args:
        model_id: The model's name, such as `Qwen/Qwen3-32B`, or the URL of an Inference Endpoint.
        provider: The provider, such as `together` or `hf-inference`; by default Hugging Face
            chooses one.
        token: The token, or the provider's own key.
        api_key: Another name of `token`.
        bill_to: The organization that is billed.
        api_base: The URL of a server of your own, which is called instead of a provider.
        timeout: The longest silence in seconds.
        client_kwargs: More arguments for the SDK's `AsyncInferenceClient`.
        stream: Whether the server streams its reply; the deltas are the same.
        options: Passed to the provider with each request: `temperature`, `max_tokens`, anything.
            Options of a request replace them, and None removes one. `timeout`, `extra_headers`
            and `extra_body` are taken from a request, too.
    """

    _declaration: ClassVar[Provider] = PROVIDER

    def __init__(
        self,
        model_id: str,
        *,
        provider: str | None = None,
        token: str | None = None,
        api_key: str | None = None,
        bill_to: str | None = None,
        api_base: str | None = None,
        timeout: float | None = _SILENCE,
        client_kwargs: Mapping[str, Any] | None = None,
        stream: bool = True,
        **options: Any,
    ) -> None:
        check_url("api_base", api_base)
        text("provider", provider, optional=True)
        if token is not None and api_key is not None:
            raise TypeError(
                "InferenceClientModel takes token=... or api_key=..., which mean the same, "
                "and not both."
            )
        named = {
            "provider": provider,
            "token": token if api_key is None else api_key,
            "bill_to": bill_to,
            "base_url": api_base,
            "timeout": timeout,
        }
        super().__init__(
            model_id,
            client_kwargs=merged(named) | mapping("client_kwargs", client_kwargs),
            stream=stream,
            options=options,
        )

    @property
    def _key_variable(self) -> str | None:
        return None  # the SDK strips what it reads there

    def _client(self) -> AbstractAsyncContextManager[Any]:
        environment = [os.environ.get(name) for name in _ENVIRONMENT]
        model = self.model_id if "provider" in self._client_kwargs else None
        settings = self.provider, self._client_kwargs, model, environment
        return shared(settings, self._connect, _disconnect)

    def _connect(self) -> Any:
        """Return a new session, after a rehearsal that does all that may block.

        The SDK asks its hub which name a provider has for a model, once, and waits for the answer.

        Raises:
            MissingExtra: The SDK is not installed.
            MissingKey: There is no token.
            Exception: The SDK's own; no request can be sent, for another reason.
        """
        try:
            import anyio
            import huggingface_hub as sdk
        except ImportError as error:
            raise self._declaration.missing(error) from error
        from .cookies import take_no_cookies
        from .kept_httpx import watch_connections

        anyio.run(anyio.sleep, 0)  # loads what the first request would load on its loop
        client = self._sdk_client(_Rehearsal(), {})
        try:
            with suppress(_Ready):
                asyncio.run(
                    client.chat.completions.create(messages=[], model=self.model_id, stream=True)
                )
        except ValueError as error:
            if "api_key" in str(error):
                raise _MissingKey(str(error)) from error
            raise
        session = _own_reading(sdk.get_async_session())
        take_no_cookies(session)
        watch_connections(session)
        return session

    def _sdk_client(self, session: Any, call: Mapping[str, Any]) -> Any:
        """Return a client of the SDK that sends through a session."""
        import huggingface_hub as sdk

        client = sdk.AsyncInferenceClient(**{**self._client_kwargs, **call})
        # The SDK has one way only to give it a session, and that is for the whole process.
        client._async_client = session
        return client

    async def _send(
        self,
        client: Any,
        request: Request,
        errors: ErrorFactory,
        opened: AsyncExitStack,
        sent: Callable[[], None],
    ) -> tuple[AsyncIterator[bytes], ChatReply]:
        session = _OneReply(client)
        body = self._body(request)
        call = {"timeout": body.pop("timeout")} if "timeout" in body else {}
        more, headers = body.pop("extra_body", {}), body.pop("extra_headers", {})
        if headers:
            call["headers"] = {**self._client_kwargs.get("headers", {}), **headers}
        sdk_client = self._sdk_client(session, call)
        opened.push_async_callback(sdk_client.close)
        origin = self._origin()
        oddities = oddities_of(origin, self.model_id)
        messages = list(chat_messages(request.messages, origin, oddities, self.model_id))
        sent()
        try:
            await sdk_client.chat.completions.create(
                messages=messages,
                model=self.model_id,
                stream=True,  # so that it reads nothing of the reply, also of one in one piece
                extra_body={**body, "stream": self._stream, **more},
            )
        except Exception:
            if session.status < 300:
                raise
        reply = session.reply
        if session.status >= 300:
            raise errors.reported(await _described(reply), session.status, reply.headers)
        return body_of(reply), ChatReply(evolve(errors, headers=reply.headers), origin)

    def _body(self, request: Request) -> dict[str, Any]:
        usage = {"stream_options": {"include_usage": True}} if self._stream else {}
        return merged(
            usage,
            chat_body(self.model_id, request, keeps_both=False),
            self._options,
            request.options,
        )

    def _origin(self) -> str:
        """Return the origin of the answers: each provider has data of its own."""
        given = self._client_kwargs
        origin = origin_of(self.provider, given.get("base_url", _USUAL_SERVER), _USUAL_SERVER)
        return f"{origin} {given['provider']}" if "provider" in given else origin

    def _error_of(self, errors: ErrorFactory, error: Exception) -> ModelError:
        """Return what an error of the SDK, or of its transport, means."""
        if isinstance(error, _MissingKey):
            return errors.rejected(
                "cannot be called without a token. Set HF_TOKEN, run `hf auth login`, or in a "
                f"program write InferenceClientModel({self.model_id!r}, token=...). "
                "`rxagent demo` shows an agent without one."
            )
        reply: Any = getattr(error, "response", None)
        if (status := getattr(reply, "status_code", 0)) >= 400:
            return errors.reported(str(error), status, reply.headers)
        if type(error).__name__ == "LocalProtocolError":  # its text holds the header
            return errors.rejected("cannot be called with a header that HTTP does not allow.")
        if isinstance(error, TypeError | ValueError):
            return errors.rejected(f"cannot be called by Hugging Face's client: {error}")
        return errors.lost(f"could not be reached{_where(error)}", error)


class _MissingKey(ValueError):
    """A request cannot be sent without a token."""


class _Ready(Exception):
    """A request was prepared, and would be sent now."""


class _Rehearsal:
    """A session that sends nothing."""

    def stream(self, *_: Any, **__: Any) -> Any:
        """Report that a request would be sent."""
        raise _Ready


class _OneReply:
    """A session for one request, which keeps the reply.

    Attributes:
        reply: The reply, as the HTTP library has it; None before it has begun.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self.reply: Any = None

    @property
    def status(self) -> int:
        """The status of the reply; 0 before it has begun."""
        return 0 if self.reply is None else int(self.reply.status_code)

    @asynccontextmanager
    async def stream(self, *arguments: Any, **options: Any) -> AsyncIterator[Any]:
        """Send the request."""
        async with self._session.stream(*arguments, **options) as reply:
            self.reply = reply
            yield reply


def _own_reading(session: Any) -> Any:
    """Return a session without the SDK's hook that reads the body of a failed reply.

    If that cannot be read, its status would be lost.
    """
    hooks = session.event_hooks
    others = [hook for hook in hooks["response"] if not hook.__module__.startswith("huggingface")]
    session.event_hooks = {**hooks, "response": others}
    return session


async def _disconnect(session: Any) -> None:
    await session.aclose()


async def _described(reply: Any) -> Any:
    """Return the description in the body of a failed reply, or None if it cannot be read."""
    body = b""
    with suppress(Exception):
        async for piece in until_silence(body_of(reply)):
            body += piece
            if len(body) > _READ:
                break
    with suppress(ValueError, RecursionError):
        return json.loads(body)
    return body.decode(errors="replace") or None


def _where(error: Exception) -> str:
    """Return to which server a request was sent, if an error knows it."""
    with suppress(Exception):
        url = error.request.url  # type: ignore[attr-defined]  # if it has one
        return f" at {url.scheme}://{url.netloc.decode()}"
    return ""
