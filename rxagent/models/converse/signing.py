"""Signing: what a client of botocore would send, without sending it.

botocore, on which boto3 stands, blocks a thread until a reply begins, and cannot be stopped there.
So its client does all but the sending: it checks the call by its service model, finds the endpoint
and the credentials, calls the handlers of its user, and signs. A handler of its event `before-send`
takes the request and answers it with nothing. Other calls of the same client are sent as always.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from ...streams.workers import Workers
from ..on_worker import on_worker

__all__ = ["environment", "intercept", "make_client", "signed"]

_SIGNERS = Workers(limit=8, name="rxagent-worker-signers")
"""Sign requests: credentials may have to be fetched from a server first."""

_NAMED = ("BOTO_CONFIG", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")
_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")


def environment() -> dict[str, str]:
    """Return the variables that boto3 reads when a client is made."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("AWS_") or name in _NAMED or name.upper() in _PROXIES
    }


def make_client(service: str, arguments: Mapping[str, Any]) -> Any:
    """Return what `boto3.client` returns, at a fraction of its memory if it is not the first."""
    from botocore.session import Session

    given = dict(arguments)
    session = Session(profile=given.pop("profile_name", None))
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    return session.create_client(service, **given)


@cache
def _loader(path: str | None) -> Any:
    """Return what reads the service models, which else take 8 MB of each client."""
    from botocore.loaders import create_loader

    return create_loader(path)


def intercept(client: Any) -> None:
    """Let `signed` take the requests of a client; to do it again changes nothing."""
    for operation in ("Converse", "ConverseStream"):
        name = f"before-send.bedrock-runtime.{operation}"
        client.meta.events.register_last(name, _take, unique_id=f"rxagent-{operation}")


async def signed(call: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Return the request that a call of an intercepted client would send, signed on a worker.

    Raises:
        Exception: botocore's own; the call is none, or cannot be signed.
    """
    return await on_worker(_SIGNERS, partial(_taken, call, arguments), "signing a request")


_asked = threading.local()


def _take(request: Any, **_: Any) -> Any:
    """Take a request that is to be sent, if `_taken` runs in this thread."""
    if getattr(_asked, "requests", None) is None:
        return None
    from botocore.awsrequest import AWSResponse

    _asked.requests.append(request)
    return AWSResponse(request.url, 200, {}, _Nothing())


def _taken(call: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call a method of a client, and return the request that it would have sent."""
    _asked.requests = []
    try:
        call(**arguments)
        if not _asked.requests:
            raise RuntimeError("a handler of the client has answered the request in its place")
        return _asked.requests[-1]
    finally:
        _asked.requests = None


class _Nothing:
    """The body of the answer to a request that was taken."""

    def stream(self) -> tuple[bytes, ...]:
        """Return no pieces."""
        return ()

    def close(self) -> None:
        """Do nothing."""
