"""RemoteModel: a model on a server, called through its provider's SDK.

.. code-block:: text

    request ─▶ client (made on a worker, shared) ─▶ send ─▶ items ─▶ ReplyReader ─▶ deltas
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, ClassVar

from reactivex import Observable

from ..arguments import mapping
from ..errors import ModelError, RxAgentError
from ..events import Delta
from ..messages import Message, Request
from ..operators import stop_at
from ..streams import from_batches
from ..streams.sources import preparing
from .errors import ErrorFactory
from .json_options import check_json
from .keys import check_keys
from .options import check_options
from .own_code import error_of_own, own_code
from .provider_model import ProviderModel
from .reply_reader import ReplyReader, read_reply
from .sendable import sendable
from .urls import shown_url

__all__ = ["RemoteModel"]


class RemoteModel(ProviderModel):
    """A model on a server.

    Disposing the subscription cancels the task that runs `read_reply`, which closes the response.
    A subclass says how a client is lent, how a request is sent, and what the errors of its SDK
    mean.

    Args:
        model_id: The model's name.
        client_kwargs: More arguments for the SDK's client.
        stream: Whether the server streams its reply; the deltas are the same.
        options: Passed to the provider with each request.
    """

    _held: ClassVar[Mapping[str, str]] = {
        "_client_kwargs": "an argument of its client",
        **ProviderModel._held,
    }
    _beside: ClassVar[frozenset[str]] = frozenset({"extra_headers", "extra_query", "timeout"})
    """The options that are no part of the body of a request."""

    _other_types: ClassVar[tuple[type, ...]] = ()
    """The types of options that the SDK sends in its own way, beside those of JSON."""

    def __init__(
        self,
        model_id: str,
        *,
        client_kwargs: Mapping[str, Any] | None,
        stream: bool,
        options: dict[str, Any],
    ) -> None:
        super().__init__(model_id, options)
        self._client_kwargs = mapping("client_kwargs", client_kwargs)
        self._stream = stream

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shown_url(self.model_id)!r})"

    def __call__(self, request: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        """Return the deltas of an answer; each subscription sends the request again."""
        whole = sendable(Request.of(request))
        errors = ErrorFactory(self.provider, shown_url(self.model_id))
        deltas = preparing(
            lambda sent: from_batches(
                lambda: read_reply(self._reply_to(whole, errors, sent), partial(self._lost, errors))
            )
        )
        return deltas.pipe(stop_at(whole.cuts)) if whole.cuts else deltas

    @asynccontextmanager
    async def _reply_to(
        self, request: Request, errors: ErrorFactory, sent: Callable[[], None]
    ) -> AsyncIterator[tuple[AsyncIterator[Any], ReplyReader[Any]]]:
        """Send a request, and give the items of its reply and their reader."""
        check_options(request, errors)
        check_json(self._in_body(request), errors, self._other_types)
        check_keys(self._key_arguments, self._key_variable, errors)
        try:
            async with AsyncExitStack() as opened:
                with own_code("what its client calls", Exception):
                    client = await opened.enter_async_context(self._client())
                    reply = await self._send(client, request, errors, opened, sent)
                yield reply
        except RxAgentError:
            raise
        except Exception as error:
            raise error_of_own(errors, error) or self._error_of(errors, error) from error

    def _in_body(self, request: Request) -> dict[str, Any]:
        """Return the options that go into the body of a request."""
        options = {**self._options, **request.options}
        return {name: value for name, value in options.items() if name not in self._beside}

    @property
    def _key_arguments(self) -> Mapping[str, Any]:
        """The arguments among which the keys are."""
        return self._client_kwargs

    @property
    def _key_variable(self) -> str | None:
        """The environment variable of the key, if the SDK takes it from there as it is."""
        return self._declaration.key_variable

    @abstractmethod
    def _client(self) -> AbstractAsyncContextManager[Any]:
        """Lend a client."""

    @abstractmethod
    async def _send(
        self,
        client: Any,
        request: Request,
        errors: ErrorFactory,
        opened: AsyncExitStack,
        sent: Callable[[], None],
    ) -> tuple[AsyncIterator[Any], ReplyReader[Any]]:
        """Send a request, and return the items of its reply and their reader.

        Args:
            client: What `_client` lends.
            request: The request.
            errors: Makes the errors.
            opened: Closes what is entered here when the reply has been read, or is left.
            sent: To be called right before the request is sent.
        """

    @abstractmethod
    def _error_of(self, errors: ErrorFactory, error: Exception) -> RxAgentError:
        """Return what an error of the SDK means."""

    def _lost(self, errors: ErrorFactory, error: Exception) -> ModelError:
        """Return what an error of the SDK means that comes while a reply is read."""
        return errors.lost("broke off before its reply was whole", error)
