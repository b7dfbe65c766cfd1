"""A scripted OpenAI-compatible server on 127.0.0.1, for tests, benchmarks and first steps.

`python -m rxagent.testing.server` runs it until Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from . import leaks
from .frames import Body
from .scenarios import Performance, Scenario, Scenarios, Script
from .scripts import SCRIPTS, failure

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["Exchange", "ReceivedRequest", "ScriptedServer"]

_log = logging.getLogger("rxagent.testing")


@frozen
class ReceivedRequest:
    """A request: its path with query, its headers in lower case, its parsed body."""

    path: str
    headers: Mapping[str, str]
    body: Body


@define(eq=False)
class Exchange:
    """A request and its outcome; it changes while the server answers, until it has `ended`.

    `sent` counts the chunks that were written, without `[DONE]`.
    `outcome` is None while the exchange is open, then one of completed, hung up (by the client),
    aborted (by the scenario), failed (the scenario raised), closed (with the server).
    """

    request: ReceivedRequest
    sent: int = 0
    outcome: str | None = None
    ended: threading.Event = field(factory=threading.Event, repr=False)

    @property
    def completed(self) -> bool:
        """Whether all was sent while the client was connected."""
        return self.outcome == "completed"

    @property
    def hung_up(self) -> bool:
        """Whether the client closed the connection before all was sent."""
        return self.outcome == "hung up"


class ScriptedServer:
    """An OpenAI-compatible server; the name of the model chooses a scenario.

    It runs in its own thread and loop, from `start` to `close`, or in a `with` block. `url` is
    the base URL for a client, `azure_endpoint` the endpoint for an Azure client; there the name of
    the deployment chooses the scenario. The scenarios `slow` and `stall` never end.

    Args:
        port: The port; a free one by default.
        paths: More paths that accept requests, for other protocols whose replies are streams; a
            part `{name}` is the name of the model. Their scenarios yield bytes, not chunks.
    """

    def __init__(self, port: int = 0, paths: Sequence[str] = ()) -> None:
        self.port = port
        self._paths = paths
        self.exchanges: list[Exchange] = []
        self._name = f"scripted server {id(self)}"
        self._scenarios = Scenarios(SCRIPTS)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._error: BaseException | None = None

    @property
    def url(self) -> str:
        """The base URL, `/v1` included."""
        return f"{self.azure_endpoint}/v1"

    @property
    def azure_endpoint(self) -> str:
        """The URL without a path.

        Raises:
            RuntimeError: The server has not been started, so its port is not known yet.
        """
        if not self.port:
            raise RuntimeError(
                "The server has no URL before it starts: write `with ScriptedServer() as "
                "server:`, or call `server.start()`."
            )
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The requests in order of arrival."""
        return [exchange.request for exchange in self.exchanges]

    def scenario(self, name: str, scenario: Scenario) -> None:
        """Add a scenario; `rxagent.testing.scenarios` describes them."""
        self._scenarios.add(name, scenario)

    def start(self) -> ScriptedServer:
        """Start to serve, and return when clients can connect."""
        if self._thread is not None:
            raise RuntimeError("The server is already started.")
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(ready,), name="rxagent-scripted-server", daemon=True
        )
        self._thread.start()
        ready.wait()
        if self._error is not None:
            self.close()
            raise self._error
        leaks.probes[self._name] = self._open_exchanges
        leaks.keepers[self._name] = self._keeps
        return self

    def close(self) -> None:
        """Close all connections, and return when the server has ended."""
        thread, self._thread = self._thread, None
        leaks.probes.pop(self._name, None)
        leaks.keepers.pop(self._name, None)
        if thread is not None:
            if self._error is None and self._loop is not None and self._closing is not None:
                self._loop.call_soon_threadsafe(self._closing.set)
            thread.join()

    def __enter__(self) -> ScriptedServer:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def wait_until(self, condition: Callable[[], bool], timeout: float = 20.0) -> None:
        """Block until a condition holds; it is checked after each change of an exchange.

        Under asyncio call it by `asyncio.to_thread`, so that it does not block the client.

        Raises:
            TimeoutError: The condition does not hold in time; the error lists the exchanges.
        """
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"Not within {timeout:g} s; there was: {self.exchanges}")

    def wait_request(self, count: int = 1, timeout: float = 20.0) -> Exchange:
        """Block until this many requests arrived, and return the exchange of the last."""
        self.wait_until(lambda: len(self.exchanges) >= count, timeout)
        return self.exchanges[count - 1]

    def wait_sent(self, count: int, timeout: float = 20.0) -> Exchange:
        """Block until the latest exchange has sent this many chunks, and return it."""
        self.wait_until(lambda: bool(self.exchanges) and self.exchanges[-1].sent >= count, timeout)
        return self.exchanges[-1]

    def wait_hang_up(self, count: int = 1, timeout: float = 20.0) -> Exchange:
        """Block until clients closed this many requests, and return the exchange of the last."""
        self.wait_until(lambda: sum(ex.hung_up for ex in self.exchanges) >= count, timeout)
        return [exchange for exchange in self.exchanges if exchange.hung_up][count - 1]

    def _open_exchanges(self) -> list[str]:
        with self._changed:
            return [
                f"an open exchange with {exchange.request.body.get('model')!r}"
                for exchange in self.exchanges
                if exchange.outcome is None
            ]

    def _keeps(self, opened: leaks.Opened) -> bool:
        """Idle connections are no leak; the probe reports open exchanges."""
        match opened:
            case asyncio.Task():
                return opened.get_loop() is self._loop
            case leaks.Socket():
                return ("127.0.0.1", self.port) in (opened.local, opened.remote)
        return False

    # The server's thread.

    def _run(self, ready: threading.Event) -> None:
        self._error = None
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:
            self._error = error
        finally:
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        from aiohttp import web

        app = web.Application(client_max_size=64 * 1024**2)
        for root in ("/v1", "/openai/v1"):
            app.router.add_post(root + "/chat/completions", self._complete)
            app.router.add_get(root + "/models", self._list_models)
        app.router.add_post("/openai/deployments/{name}/chat/completions", self._complete)
        for path in self._paths:
            app.router.add_post(path, self._stream)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1)
        await runner.setup()
        assert runner.server is not None
        loop = asyncio.get_running_loop()
        try:
            listening = await loop.create_server(runner.server, "127.0.0.1", self.port)
            self.port = listening.sockets[0].getsockname()[1]
            self._loop, self._closing = loop, asyncio.Event()
            ready.set()
            await self._closing.wait()
            await _stop_listening(listening)
            for connection in runner.server.connections:
                if (transport := connection.transport) is not None:
                    transport.abort()
        finally:
            await runner.cleanup()

    @property
    def _is_closing(self) -> bool:
        return self._closing is not None and self._closing.is_set()

    async def _list_models(self, request: web.Request) -> web.Response:
        from aiohttp import web

        about = {"object": "model", "created": 1_700_000_000, "owned_by": "rxagent"}
        models = [{"id": name, **about} for name in self._scenarios]
        return web.json_response({"object": "list", "data": models})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, is_stream=True)

    async def _answer(self, request: web.Request, is_stream: bool = False) -> web.StreamResponse:
        from aiohttp import web

        try:
            body = await request.json()
        except ValueError as error:
            body = str(error)
        if not isinstance(body, dict):
            what = {"message": f"The body is no JSON object: {body!r:.80}"}
            return web.json_response({"error": what}, status=400)
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = ReceivedRequest(request.path_qs, headers, body)
        exchange, outcome = Exchange(received), "failed"
        is_stream = is_stream or bool(body.get("stream"))
        performance = Performance(request, body, is_stream, partial(self._count, exchange))
        with self._changed:
            self.exchanges.append(exchange)
            self._changed.notify_all()
        try:
            response = await performance.give(self._script(request, received))
            outcome = "aborted" if performance.aborted else "completed"
            return response
        except (asyncio.CancelledError, ConnectionError) as error:
            outcome = "closed" if self._is_closing else "hung up"
            if isinstance(error, asyncio.CancelledError):
                raise
            return performance.response or web.Response()  # It is not sent any more.
        except Exception as error:
            name = body.get("model")
            _log.error("The scenario %r raised an exception", name, exc_info=error)
            error.__traceback__ = None  # It would grow if the scenario raises this error again.
            return performance.fail(failure(500))
        finally:
            with self._changed:
                exchange.outcome = outcome
                exchange.ended.set()
                self._changed.notify_all()

    def _count(self, exchange: Exchange, chunks: int) -> None:
        with self._changed:
            exchange.sent += chunks
            self._changed.notify_all()

    def _script(self, request: web.Request, received: ReceivedRequest) -> Script:
        named = request.match_info.get("name")
        is_azure = "/openai/deployments/" in request.path
        if is_azure and not {"api-key", "authorization"} & set(received.headers):
            return [failure(401)]
        scenario = self._scenarios.find(named or received.body.get("model", ""))
        return [failure(404)] if scenario is None else scenario(received.body)


async def _stop_listening(listening: asyncio.Server) -> None:
    """Close a listening server after all accepted sockets have become connections.

    asyncio would leave the others open, and log a failed assertion.
    """
    for socket in listening.sockets:
        with suppress(NotImplementedError):  # on Windows, where this is not necessary
            asyncio.get_running_loop().remove_reader(socket.fileno())
    for _ in range(5):
        await asyncio.sleep(0)
    listening.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM, and print the URL first."""
    parser = argparse.ArgumentParser(prog="python -m rxagent.testing.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ScriptedServer(parser.parse_args(arguments).port) as server:
        print(server.url, flush=True)
        while not stop.wait(1.0):  # An endless wait would not notice Ctrl-C on Windows.
            pass


if __name__ == "__main__":
    main()
