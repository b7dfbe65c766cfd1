"""LiteLLM: the models of any provider that it knows, through its SDK."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from typing import Any, ClassVar
from warnings import filterwarnings

from attrs import evolve

from ..arguments import text
from ..errors import ModelError
from ..finish_reasons import finish_of
from ..messages import Request
from .clients import shared
from .errors import ErrorFactory
from .hosts import HOSTS
from .litellm_sdk.clients import Clients
from .litellm_sdk.failures import error_of
from .litellm_sdk.lookups import asking, keep_off_loops, without_lookups
from .litellm_sdk.parts import drop_estimate
from .litellm_sdk.watch import Watch
from .litellm_sdk.whole import WholeBody
from .openai_chat.oddities import USUAL, Oddities, oddities_of
from .openai_chat.parsed import ParsedReply
from .openai_chat.request import chat_body, chat_messages
from .options import check_url, merged, origin_of
from .own_code import guarded
from .provider import Provider
from .remote import RemoteModel

__all__ = ["PROVIDER", "LiteLLMModel", "loaded"]

_KEEP_BOTH = {"azure", "openai"}
"""The providers that take a schema of the answer beside tools (November 2026)."""

_LOCAL = "LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"
"""Unless they are set, LiteLLM downloads the prices of all models, and names of headers."""

_REASONS = "received_finish_reason", "intermittent_finish_reason", "received_any_finish_reason"
"""Where LiteLLM keeps that a provider has sent a finish reason."""

_LITELLMS = frozenset({"fallbacks", "headers", "litellm_metadata", "metadata"})
"""Options that LiteLLM keeps to itself, and that may hold objects."""

_IN_A_BODY = (bool, int, float, bytes, set, list, tuple, Mapping)

_NOT_BEGUN = r"coroutine '\w+\.a(sync_)?(streaming|completion)\w*' was never awaited"
"""What Python says where a run is left while LiteLLM prepares its request on a thread: it makes a
coroutine there that nothing begins, so that nothing is sent.
"""

_importing = Lock()


def _list_models(_: float) -> tuple[str, tuple[str, ...]]:
    if find_spec("litellm") is None:
        raise PROVIDER.missing(ModuleNotFoundError("No module named 'litellm'"))
    return "the address of each provider", ()


PROVIDER = Provider(
    prefix="litellm",
    model=f"{__name__}:LiteLLMModel",
    sdk="LiteLLM",
    extra="litellm",
    requires="rxagent[litellm]",
    modules=("litellm",),
    docs="https://docs.litellm.ai/docs/providers",
    note="each provider of LiteLLM's has its own key",
    list_models=_list_models,
    naming="the provider and the model, such as anthropic/claude-sonnet-4-5",
)


class LiteLLMModel(RemoteModel):
    """A model of any provider that LiteLLM knows.

    Arguments that are missing are read from the environment, as LiteLLM does it: OPENAI_API_KEY,
    ANTHROPIC_API_KEY and so on. LiteLLM drops refusals, and its errors often have no status.

    Args:
        model_id: The provider, a slash, and the model: `anthropic/claude-sonnet-4-5`. With a
            router, the name of a group of its models.
        api_base: The server's URL.
        api_key: The key.
        router: A `litellm.Router`, which chooses among several models, and retries.
        stream: Whether the server streams its reply; the deltas are the same.
        options: Arguments of LiteLLM's `acompletion` with each request: `temperature`,
            `max_tokens`, `timeout`, anything. Options of a request replace them, and None
            removes one.
    """

    _declaration: ClassVar[Provider] = PROVIDER
    _held: ClassVar[Mapping[str, str]] = {**RemoteModel._held, "_router": "its router"}
    _beside: ClassVar[frozenset[str]] = RemoteModel._beside | _LITELLMS

    def __init__(
        self,
        model_id: str,
        *,
        api_base: str | None = None,
        api_key: str | None = None,
        router: Any = None,
        stream: bool = True,
        **options: Any,
    ) -> None:
        check_url("api_base", api_base)
        text("api_key", api_key, optional=True)
        if router is not None and not (api_base is None and api_key is None):
            raise TypeError(
                "LiteLLMModel takes no api_base and no api_key beside a router: "
                "each model of the router has its own."
            )
        super().__init__(model_id, client_kwargs=None, stream=stream, options=options)
        self._server = merged({"api_base": api_base, "api_key": api_key})
        self._router = router

    def _in_body(self, request: Request) -> dict[str, Any]:
        options = super()._in_body(request)  # others are clients, functions and classes
        return {name: value for name, value in options.items() if isinstance(value, _IN_A_BODY)}

    @property
    def _key_arguments(self) -> Mapping[str, Any]:
        return self._server

    def _client(self) -> AbstractAsyncContextManager[Any]:
        return shared(self.provider, partial(_connect, self._declaration), Clients.close)

    async def _send(
        self,
        client: Clients,
        request: Request,
        errors: ErrorFactory,
        opened: AsyncExitStack,
        sent: Callable[[], None],
    ) -> tuple[AsyncIterator[Any], ParsedReply[Any]]:
        origin = self._origin()
        call = self._call(request, origin)
        body = WholeBody()
        if not call.get("stream"):
            call["logger_fn"] = body.logger(call.get("logger_fn"))
        complete = (self._router or client.sdk).acompletion
        client.note()
        await client.close_dropped()
        sent()
        asking()
        try:
            reply = await complete(**call)
        except Exception as error:
            if body.failure is None:
                raise
            raise errors.reported(body.failure) from error
        finally:
            client.note()
            without_lookups()
        if body.failure is not None:
            raise errors.reported(body.failure)
        if hasattr(reply, "aclose"):
            opened.push_async_callback(reply.aclose)
        is_stream = hasattr(reply, "__anext__")
        # The stream of a router does not tell what the provider sent.
        is_open = is_stream and type(reply).__name__ == "CustomStreamWrapper"
        watch = Watch(reply)
        whole = _all_fields_of if is_stream else body.fields_of
        fields_of = partial(_fields_of, reply, watch) if is_open else whole
        items = _with_failures(reply, watch) if is_stream else _only(reply)
        return items, ParsedReply(errors, origin, fields_of, is_stream)

    def _call(self, request: Request, origin: str) -> dict[str, Any]:
        ours: dict[str, Any] = chat_body(self.model_id, request, keeps_both=self._keeps_both)
        if self._stream:
            ours["stream_options"] = {"include_usage": True}
        if self._router is None:
            ours |= {"max_retries": 0, "num_retries": 0}
        oddities = self._oddities(origin)
        call = {
            **merged(ours, self._server, self._options, request.options),
            "model": self.model_id,
            "messages": list(chat_messages(request.messages, origin, oddities, self.model_id)),
            "stream": self._stream,
        }
        return {name: guarded(_plain(value), name) for name, value in call.items()}

    @property
    def _keeps_both(self) -> bool:
        """Whether the provider takes a schema of the answer beside tools.

        For others LiteLLM makes it a tool that the model has to call, or passes it on.
        """
        provider = self.model_id.partition("/")[0] if "/" in self.model_id else "openai"
        return provider in _KEEP_BOTH and "api_base" not in self._server and self._router is None

    def _oddities(self, origin: str) -> Oddities:
        """Return what the provider demands of messages; LiteLLM signs calls itself."""
        host = HOSTS.get(self.model_id.partition("/")[0])
        declared = USUAL if host is None else evolve(host.oddities, signature="")
        return oddities_of(origin, self.model_id, declared)

    def _origin(self) -> str:
        """Return the origin of the answers: each provider has data of its own."""
        name = self.model_id.partition("/")[0]
        base = self._server.get("api_base", "")
        return f"{origin_of(self.provider, base, '')} {name}" if base else f"litellm {name}"

    def _error_of(self, errors: ErrorFactory, error: Exception) -> ModelError:
        return error_of(errors, error, "could not be reached")

    def _lost(self, errors: ErrorFactory, error: Exception) -> ModelError:
        return error_of(errors, error, "broke off before its reply was whole")


def _connect(declaration: Provider) -> Clients:
    """Return what keeps the clients of a loop; the first call imports LiteLLM.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        return Clients(loaded())
    except ImportError as error:
        raise declaration.missing(error) from error


def loaded() -> Any:
    """Return LiteLLM's module, with all that its first request would load."""
    with _importing:
        is_first = "litellm" not in sys.modules
        unset = [name for name in _LOCAL if name not in os.environ]
        os.environ |= dict.fromkeys(unset, "True")
        try:
            sdk: Any = import_module("litellm")
            _load_headers_once()
        finally:
            for name in unset:
                os.environ.pop(name, None)
        if is_first:
            sdk.suppress_debug_info = True  # it prints advice to the standard output
            filterwarnings("ignore", _NOT_BEGUN, RuntimeWarning)
        _rehearse_once(sdk)
    return sdk


@cache
def _load_headers_once() -> None:
    """Load the names of Anthropic's headers, which LiteLLM would do on a loop."""
    with suppress(ImportError, AttributeError):
        import_module("litellm.anthropic_beta_headers_manager")._load_beta_headers_config()


@cache
def _rehearse_once(sdk: Any) -> None:
    """Load what the first request would load on its loop."""
    keep_off_loops()
    with suppress(ImportError):
        import_module("fastapi")  # LiteLLM imports it at the first failure, if it is there
    asyncio.run(_rehearse(sdk))


async def _rehearse(sdk: Any) -> None:
    """Read an answer that LiteLLM makes up; nothing is sent."""
    with suppress(Exception):
        stream = await sdk.acompletion(
            model="openai/rehearsal",
            messages=[{"role": "user", "content": "Hi"}],
            api_key="none",
            mock_response="Hi",
            stream=True,
            stream_options={"include_usage": True},
        )
        async for _ in stream:
            pass


def _all_fields_of(reply: Any) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = reply.model_dump(exclude_none=True)
    return fields


def _fields_of(stream: Any, watch: Watch, chunk: Any) -> Mapping[str, Any]:
    """Return the fields of a chunk, without what LiteLLM has made up.

    It counts the tokens itself where a provider reports no usage, and writes `stop` where the
    finish reason is missing, or is one that it does not know.
    """
    if watch.failure is not None:
        return {"error": watch.failure, "usage": _latest_usage(stream)}
    fields: dict[str, Any] = chunk.model_dump(exclude_none=True)
    if "usage" in fields and not _has_usage(stream):
        del fields["usage"]
    for choice in fields.get("choices") or ():
        watch.restore(choice)
        if choice.get("finish_reason"):
            reason = choice["finish_reason"]
            own = watch.reason(reason) if watch.is_open else _reason(stream, reason)
            choice["finish_reason"] = own
            if own and finish_of(own) is None:  # no later chunk is read
                fields.setdefault("usage", _latest_usage(stream))
    if watch.is_open and not watch.counts_thoughts:
        drop_estimate(fields)
    return fields


def _has_usage(stream: Any) -> bool:
    """Return whether a chunk of the provider's had the usage."""
    return getattr(stream, "chunks", None) is None or _latest_usage(stream) is not None


def _latest_usage(stream: Any) -> Mapping[str, Any] | None:
    """Return the usage that the provider has reported; the last chunk usually has it."""
    chunks = reversed(getattr(stream, "chunks", None) or ())
    found: Any = next((used for chunk in chunks if (used := getattr(chunk, "usage", None))), None)
    usage: Mapping[str, Any] | None = found
    if hasattr(found, "model_dump"):
        usage = found.model_dump(exclude_none=True)
    return usage


def _reason(stream: Any, reason: str) -> str | None:
    """Return the finish reason as the provider sent it, if it did, and in its word, if no table
    knows it."""
    received = [getattr(stream, name, reason) for name in _REASONS]
    if not any(received):
        return None
    strange = [word for word in received if isinstance(word, str) and finish_of(word) is None]
    return strange[0] if strange else reason


async def _with_failures(stream: Any, watch: Watch) -> AsyncIterator[Any]:
    """Yield the chunks of a stream, and its watch at an end after an error that the provider sent.

    LiteLLM drops such an error, or gives it a status of its own. One behind the finish reason is
    not raised there, since a whole answer cannot break.
    """
    try:
        async for chunk in stream:
            yield chunk
    except Exception:
        if watch.failure is None:
            raise
    if watch.failure is not None:
        yield watch


def _plain(value: Any) -> Any:
    """Return a value whose dicts and lists LiteLLM may change, as it does; keys are text."""
    if isinstance(value, dict):
        names = (str(name) if isinstance(name, int) else name for name in value)
        return dict(zip(names, map(_plain, value.values()), strict=True))
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value


async def _only(reply: Any) -> AsyncIterator[Any]:
    yield reply
