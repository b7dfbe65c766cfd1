"""The client: botocore makes and signs a request, and aiohttp sends it.

.. code-block:: text

    call ─▶ botocore's client, on a worker ─ before-send ─▶ signed request ─▶ aiohttp, on the loop

botocore, on which boto3 stands, blocks a thread until a reply begins, and cannot be stopped there.
So its client does all but the sending: it checks the call by its service model, finds the endpoint
and the credentials, calls the handlers of its user, and signs. A handler of its event `before-send`
takes the request and answers it with nothing. Other calls of the same client are sent as always.
"""

import asyncio
import os
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import copy_context
from functools import cache, lru_cache, partial
from typing import Any, TypeVar

from ...errors import PoolExhausted
from ...streams.workers import Workers

__all__ = ["BedrockClient", "body_of", "connect", "environment", "make_client"]

_T = TypeVar("_T")

_SIGNERS = Workers(limit=8, name="rxagent-worker-signers")
"""Sign requests: credentials may have to be fetched from a server first."""

_NAMED = ("BOTO_CONFIG", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")
_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")

_MOST = 1 << 16
"""Bytes of an error's body that are read."""


def environment() -> dict[str, str]:
    """Return the variables that boto3 reads when a client is made."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("AWS_") or name in _NAMED or name.upper() in _PROXIES
    }


def connect(client: Any, arguments: Mapping[str, Any]) -> "BedrockClient":
    """Return a client, on a worker; the first call imports botocore and aiohttp.

    Args:
        client: A client of boto3 for `bedrock-runtime`, or None to make one.
        arguments: The arguments of the client to be made; `profile_name` is one more.

    Raises:
        ImportError: One of them is not installed.
        Exception: botocore's own; the client cannot be made.
    """
    import aiohttp  # noqa: F401 - so that it is not imported on the loop

    return BedrockClient(make_client("bedrock-runtime", arguments) if client is None else client)


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


class BedrockClient:
    """A client of boto3 whose calls are sent by aiohttp, on one event loop.

    Attributes:
        url: The server's address.

    Args:
        client: The client of boto3.
    """

    def __init__(self, client: Any) -> None:
        config = client.meta.config
        verify = getattr(client._endpoint.http_session, "_verify", True)  # known nowhere else
        self.url: str = client.meta.endpoint_url
        self._client = client
        self._timeouts = config.connect_timeout, config.read_timeout
        self._proxy = _proxy(self.url, config.proxies)
        self._tls = _tls(verify, config.client_cert) if self.url.startswith("https:") else True
        self._session: Any = None
        _intercept(client)

    async def sign(self, operation: str, call: Mapping[str, Any]) -> Any:
        """Return a request as botocore would send it.

        Raises:
            Exception: botocore's own; the call is none, or cannot be signed.
        """
        return await _on_worker(partial(_taken, getattr(self._client, operation), call))

    async def send(self, request: Any, silence: float | None) -> Any:
        """Send a signed request, and return aiohttp's response, whose body is still to come.

        Args:
            request: What `sign` returned.
            silence: The longest silence in seconds; None for that of boto3's configuration.
        """
        import aiohttp
        from yarl import URL

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._tls),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        connecting, reading = self._timeouts
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=connecting,
            sock_read=reading if silence is None else silence,
        )
        headers = {name: _text(value) for name, value in request.headers.items()}
        return await self._session.request(
            request.method,
            URL(request.url, encoded=True),
            data=request.body,
            headers={"Accept-Encoding": "identity", **headers},
            allow_redirects=False,
            proxy=self._proxy,
            timeout=timeout,
        )

    async def close(self) -> None:
        """Close the connections; a client of boto3 that was given stays open."""
        if self._session is not None:
            await self._session.close()


async def body_of(response: Any) -> bytes:
    """Return the body of an error's reply, or its beginning; empty when it cannot be read."""
    body = b""
    with suppress(Exception):
        async for part in response.content.iter_any():
            body += part
            if len(body) > _MOST:
                break
    return body


# What boto3 would send.

_asked = threading.local()


def _intercept(client: Any) -> None:
    for operation in ("Converse", "ConverseStream"):
        name = f"before-send.bedrock-runtime.{operation}"
        client.meta.events.register_last(name, _take, unique_id=f"rxagent-{operation}")


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


async def _on_worker(function: Callable[[], _T]) -> _T:
    """Return what a function returns on a worker; cancelling the wait leaves it alone."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()
    context = copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if not done.done():
            if error is None:
                done.set_result(value)
            else:
                done.set_exception(error)

    def answer(value: Any, error: BaseException | None) -> None:
        with suppress(RuntimeError):  # if the loop is closed
            loop.call_soon_threadsafe(settle, value, error)

    def job() -> None:
        try:
            value, error = context.run(function), None
        except Exception as raised:
            value, error = None, raised
        answer(value, error)

    def refused(error: PoolExhausted) -> None:
        answer(None, error)

    _SIGNERS.submit(job, "signing a request", refused)
    return await done


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _proxy(url: str, proxies: Mapping[str, str] | None) -> str | None:
    """Return the address of the proxy for a server, as botocore chooses it."""
    from botocore.httpsession import ProxyConfiguration
    from botocore.utils import get_environ_proxies

    known = get_environ_proxies(url) if proxies is None else proxies
    proxy: str | None = ProxyConfiguration(known).proxy_url_for(url)
    return proxy


@lru_cache(maxsize=4)
def _tls(verify: Any, certificate: Any) -> ssl.SSLContext:
    """Return the TLS context of what botocore's configuration says."""
    from botocore.httpsession import get_cert_path

    if verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context = ssl.create_default_context(cafile=get_cert_path(verify))
    if certificate:
        files = (certificate,) if isinstance(certificate, str) else certificate
        context.load_cert_chain(*files)
    return context
