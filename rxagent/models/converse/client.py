"""The client: botocore makes and signs a request, and aiohttp sends it.

.. code-block:: text

    call ─▶ botocore's client, on a worker ─ before-send ─▶ signed request ─▶ aiohttp, on the loop
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from ..decoding import decoded, encodings_in
from ..reply_reader import until_silence
from .signing import intercept, make_client, signed

__all__ = ["BedrockClient", "body_of", "connect", "pieces_of"]

_MOST = 1 << 16
"""Bytes of an error's body that are read."""


def connect(client: Any, arguments: Mapping[str, Any]) -> BedrockClient:
    """Return a client, on a worker; the first call imports botocore and aiohttp.

    Args:
        client: A client of boto3 for `bedrock-runtime`, or None to make one.
        arguments: The arguments of the client to be made; `profile_name` is one more.

    Raises:
        ImportError: One of them is not installed.
        Exception: botocore's own; the client cannot be made.
    """
    from .. import kept_connections  # noqa: F401 - so that it is not imported on the loop

    return BedrockClient(make_client("bedrock-runtime", arguments) if client is None else client)


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
        intercept(client)

    async def sign(self, operation: str, call: Mapping[str, Any]) -> Any:
        """Return a request as botocore would send it.

        Raises:
            Exception: botocore's own; the call is none, or cannot be signed.
        """
        return await signed(getattr(self._client, operation), call)

    async def send(self, request: Any, silence: float | None) -> Any:
        """Send a signed request, and return aiohttp's response, whose body is still to come.

        Args:
            request: What `sign` returned.
            silence: The longest silence in seconds; None for that of boto3's configuration.
        """
        import aiohttp
        from yarl import URL

        from ..kept_connections import silent_session

        if self._session is None:
            self._session = silent_session(limit=0, ssl=self._tls)
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


def pieces_of(response: Any) -> AsyncIterator[bytes]:
    """Return the pieces of the body of a response."""
    header = ",".join(response.headers.getall("Content-Encoding", ()))
    return decoded(response.content.iter_any(), encodings_in(header))


async def body_of(response: Any) -> bytes:
    """Return the body of an error's reply, or its beginning; empty when it cannot be read."""
    body = b""
    with suppress(Exception):
        async for part in until_silence(pieces_of(response)):
            body += part
            if len(body) > _MOST:
                break
    return body


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
