"""Clients: made off the loop, shared within it, bounded, closed when idle and with the loop."""

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
import traceback
import weakref
from contextlib import AsyncExitStack, closing, suppress
from time import monotonic

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent import operators as ops
from rxagent.errors import ModelRejected
from rxagent.events import TextDelta
from rxagent.models import OpenAIModel
from rxagent.models import clients as pools
from rxagent.models.clients import LIMIT, shared
from rxagent.streams import each
from rxagent.testing.scripts import PLAIN

from ..laws import examples


class Client:
    """A client that knows whether it was closed."""

    closed = False

    async def close(self):
        """Close it, after a turn of the loop."""
        await asyncio.sleep(0)
        self.closed = True


async def lent(*settings, make=Client):
    """Return the clients of these settings, each used for a moment."""
    clients = []
    for setting in settings:
        async with shared(setting, make, Client.close) as client:
            clients.append(client)
    return clients


def text(model):
    """Return the answer's text."""
    return "".join(delta.text for delta in each(model("Hi")) if isinstance(delta, TextDelta))


async def text_async(model):
    """Return the answer's text, read on the running loop."""
    return "".join([d.text async for d in each(model("Hi")) if isinstance(d, TextDelta)])


def test_shared_by_settings():
    """Equal settings share a client, and others do not."""
    one, other, again = asyncio.run(lent({"a": [1]}, {"a": [2]}, {"a": [1]}))

    assert one is again
    assert one is not other


def test_closed_with_the_loop():
    """Each loop has clients of its own, closed when it ends."""
    first, second = (asyncio.run(lent("same"))[0] for _ in range(2))

    assert first is not second
    assert (True, True) == (first.closed, second.closed)


class Making:
    """A slow making: it takes until the test lets it end."""

    def __init__(self, error=None):
        self.begun = self.calls = 0
        self.threads = set()
        self.go_on = threading.Event()
        self.error = error

    def __call__(self):
        """Return a client, or raise the error, as soon as it may."""
        self.calls += 1
        self.threads.add(threading.get_ident())
        assert self.go_on.wait(60)
        if self.error is not None:
            raise self.error
        return Client()


async def use(make, setting="same"):
    """Use a client for a moment, and return it."""
    async with shared(setting, make, Client.close) as client:
        return client


async def until(happened):
    """Give the loop back until something has happened."""
    async with asyncio.timeout(5):
        while not happened():
            await asyncio.sleep(0)


def test_made_off_the_loop():
    """A client is made by a worker, and the loop goes on meanwhile."""
    making = Making()

    async def main():
        using = asyncio.create_task(use(making))
        await until(lambda: making.calls)
        making.go_on.set()
        await using
        return threading.get_ident()

    assert asyncio.run(main()) not in making.threads


def test_made_once_for_all_waiters():
    """All requests that come while a client is made get that client."""
    making = Making()

    async def main():
        using = [asyncio.create_task(use(making)) for _ in range(50)]
        await until(lambda: making.calls)
        making.go_on.set()
        return await asyncio.gather(*using)

    assert 1 == len(set(asyncio.run(main())))
    assert 1 == making.calls


def test_a_cancelled_waiter_does_not_cancel_the_making():
    """A cancelled wait ends at once; the client is made for the other waiters."""
    making = Making()

    async def main():
        first, second, third = (asyncio.create_task(use(making)) for _ in range(3))
        await until(lambda: making.calls)
        first.cancel()
        await asyncio.wait([first])
        assert not making.go_on.is_set()
        second.cancel()
        making.go_on.set()
        return await third, await use(making)

    served, again = asyncio.run(main())
    assert served is again
    assert 1 == making.calls


def test_a_client_without_waiters_is_kept():
    """A client whose waiters were all cancelled is made, serves the next request and is closed."""
    making = Making()

    async def main():
        using = asyncio.create_task(use(making))
        await until(lambda: making.calls)
        using.cancel()
        await asyncio.wait([using])
        making.go_on.set()
        return await use(making)

    assert asyncio.run(main()).closed
    assert 1 == making.calls


def test_a_loop_ends_though_a_client_is_being_made():
    """`asyncio.run` does not wait for a client that has no waiter."""
    making = Making()

    async def main():
        using = asyncio.create_task(use(making))
        await until(lambda: making.calls)
        using.cancel()

    asyncio.run(main())
    assert not making.go_on.is_set()
    making.go_on.set()


@pytest.mark.parametrize("error", [ValueError("no"), StopIteration("no"), SystemExit("no")])
def test_a_failed_making(error):
    """All waiters get its error, whose traceback does not grow; the next request tries again."""
    making = Making(error)

    async def main():
        using = [asyncio.create_task(use(making)) for _ in range(20)]
        await until(lambda: making.calls)
        making.go_on.set()
        failures = await asyncio.gather(*using, return_exceptions=True)
        making.error = None
        return failures, await use(making)

    failures, client = asyncio.run(main())
    assert isinstance(client, Client)
    assert {True} == {isinstance(failure, Exception) for failure in failures}
    assert {True} == {"no" in str(failure) for failure in failures}
    assert 20 > len(traceback.extract_tb(failures[0].__traceback__))
    assert 2 == making.calls


@examples(30)
@given(st.lists(st.integers(0, 2 * LIMIT), max_size=8 * LIMIT))
def test_bounded(turns):
    """However they are used: none closes while in use, and no more are kept than the limit."""
    made = []

    def make():
        made.append(Client())
        return made[-1]

    async def main():
        used, opened = {}, {}
        for setting in turns:  # each turn begins to use a client, or ends it
            if setting in opened:
                used.pop(setting)
                await opened.pop(setting).aclose()
            else:
                opened[setting] = AsyncExitStack()
                lent = shared(setting, make, Client.close)
                used[setting] = await opened[setting].enter_async_context(lent)
            for _ in range(4):
                await asyncio.sleep(0)
            assert not any(client.closed for client in used.values())
            assert max(LIMIT, len(used)) >= sum(not client.closed for client in made)
        for stack in opened.values():
            await stack.aclose()

    asyncio.run(main())
    assert all(client.closed for client in made)


def test_the_least_recently_used_is_closed():
    """A client beyond the limit closes the one that was used longest ago."""

    async def main():
        clients = await lent(*range(LIMIT), 0, "another")
        await until(lambda: clients[1].closed)
        return [client.closed for client in clients]

    assert [False, True, *[False] * LIMIT] == asyncio.run(main())


def test_closed_when_idle(monkeypatch):
    """A client that has not been in use for a while is closed, and the next is another."""
    monkeypatch.setattr(pools, "IDLE", 0.01)

    async def main():
        async with shared("busy", Client, Client.close) as busy:
            (idle,) = await lent("idle")
            await until(lambda: idle.closed)
            assert not busy.closed
        await until(lambda: busy.closed)
        return busy, *await lent("busy")

    busy, again = asyncio.run(main())
    assert busy is not again
    assert again.closed


def test_a_dropped_loop_is_collected():
    """A loop that is forgotten without being closed is collected, with its clients."""

    class Quiet(asyncio.SelectorEventLoop):
        def __del__(self):
            self.close()  # without a warning

    loop = Quiet()
    (client,) = loop.run_until_complete(lent("same"))
    dropped = weakref.ref(loop), weakref.ref(client)
    collected = threading.Event()
    weakref.finalize(loop, collected.set)
    del loop, client
    deadline = monotonic() + 5
    while not collected.wait(0.001) and monotonic() < deadline:  # until the worker is idle again
        gc.collect()

    assert [None, None] == [there() for there in dropped]


def test_one_model_on_many_loops(server):
    """One object serves loop after loop, and the process's own beside them."""
    model = OpenAIModel("plain")

    assert [PLAIN] * 4 == [
        asyncio.run(text_async(model)),
        text(model),
        asyncio.run(text_async(model)),
        text(model),
    ]


def run(program, **environment):
    """Run a program, and return what it prints; warnings and errors are not allowed."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (0, "") == (ran.returncode, ran.stderr)
    return ran.stdout.split()


@pytest.fixture
def run_at_once(warm, tmp_path):
    """Return a function that does the same in a process that has imported everything."""

    def run_at_once(program):
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(program), encoding="utf-8")
        process = warm.start(program=path)
        out, err = process.communicate(timeout=60)
        assert (0, b"") == (process.returncode, err)
        return out.decode().split()

    return run_at_once


COUNT = """
    import asyncio, os, sys
    from rxagent.models import OpenAIModel
    from rxagent.streams import each
    model = OpenAIModel("plain")

    async def count():
        return len([delta async for delta in each(model("Hi"))])
"""


@pytest.mark.parametrize(
    "program",
    [
        "print(len(list(each(model('Hi')))))",
        "print(asyncio.run(count()))",
    ],
    ids=["own loop", "asyncio.run"],
)
def test_no_warning_at_exit(server, program):
    """A program ends without a warning about open clients."""
    assert ["7"] == run(textwrap.dedent(COUNT) + program)


@pytest.mark.parametrize("http_client", ["None", "openai.DefaultAsyncHttpxClient"])
def test_a_closed_loop_closes_its_sockets(server, run_at_once, http_client):
    """A bare `loop.close()` closes the sockets of its clients, without a warning."""
    program = f"""
    import gc, openai
    from pathlib import Path
    model = OpenAIModel("plain", http_client={http_client})

    def sockets():
        there = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return sum(link.startswith("socket:") for link in there)

    before = sockets()
    for _ in range(2):
        loop = asyncio.new_event_loop()
        print(loop.run_until_complete(count()), sockets() > before)
        loop.close()
        print(sockets() == before)
        del loop
        gc.collect()
    """
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs a list of open files")
    printed = run_at_once(textwrap.dedent(COUNT) + textwrap.dedent(program))

    assert ["7", "True", "True"] * 2 == printed


def test_nothing_is_imported_on_the_loop(server):
    """In the first run of a process its loop's thread imports nothing, but a worker does."""
    program = """
    import threading
    from rxagent import Agent

    class Watch:
        def __init__(self):
            self.seen = {}

        def find_spec(self, name, path=None, target=None):
            self.seen.setdefault(threading.get_ident(), []).append(name)

    async def main():
        await Agent(model).start("Hi")
        return threading.get_ident()

    sys.meta_path.insert(0, watch := Watch())
    loop = asyncio.run(main())
    ours = [name for name in watch.seen.pop(loop, []) if not name.startswith("encodings")]
    print(ours, any("openai" in names for names in watch.seen.values()))
    """
    assert ["[]", "True"] == run(textwrap.dedent(COUNT) + textwrap.dedent(program))


def test_a_missing_sdk(server):
    """Without the SDK the error says so, and what to install."""
    program = """
    from rxagent.errors import MissingExtra

    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "openai":
                raise ModuleNotFoundError("No module named 'openai'")

    sys.meta_path.insert(0, Missing())
    try:
        list(each(model("Hi")))
    except MissingExtra as error:
        print(isinstance(error, ImportError), "pip" in str(error), "openai[aiohttp]" in str(error))
    """
    printed = run(textwrap.dedent(COUNT) + textwrap.dedent(program))

    assert ["True", "True", "True"] == printed


def test_each_model_is_named_by_its_own_error(monkeypatch):
    """Models that wait for the same client and get none fail each by its own name."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    names = [f"model-{number}" for number in range(5)]

    async def main():
        waiting = (text_async(OpenAIModel(name)) for name in names)
        return await asyncio.gather(*waiting, return_exceptions=True)

    failures = asyncio.run(main())
    assert {ModelRejected} == set(map(type, failures))
    assert names == [failure.model for failure in failures]
    assert [True] * 5 == [
        name in str(failure) for name, failure in zip(names, failures, strict=True)
    ]


def test_the_idle_clock_starts_when_the_request_is_sent(server):
    """A client that takes longer to make than a model may be silent causes no time-out."""
    idle, go_on = 0.25, threading.Event()

    def make():
        assert go_on.wait(60)
        return openai.DefaultAsyncHttpxClient()

    async def main():
        asyncio.get_running_loop().call_later(2 * idle, go_on.set)
        model = OpenAIModel("plain", http_client=make)
        return await text_async(lambda request: model(request).pipe(ops.timeout(idle=idle)))

    assert PLAIN == asyncio.run(main())


def test_dispose_while_the_client_is_made(server):
    """A run that is disposed while its client is made ends at once, and sends nothing."""
    begun, go_on = threading.Event(), threading.Event()

    def make():
        begun.set()
        assert go_on.wait(60)
        return openai.DefaultAsyncHttpxClient()

    async def main():
        waiting = asyncio.create_task(text_async(OpenAIModel("plain", http_client=make)))
        await until(begun.is_set)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        assert not go_on.is_set()
        go_on.set()

    asyncio.run(main())
    assert [] == list(server.requests)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork(server, run_at_once):
    """A forked child has clients of its own, and ending leaves those of its parent alone."""
    program = """
    print(len(list(each(model("Hi")))), flush=True)
    if child := os.fork():
        os.waitpid(child, 0)
    print(len(list(each(model("Hi")))), flush=True)
    """

    assert ["7", "7", "7"] == run_at_once(textwrap.dedent(COUNT) + textwrap.dedent(program))


def test_settings_from_the_environment(server, monkeypatch):
    """What changes in the environment applies to the next request."""
    model = OpenAIModel("plain")
    text(model)
    monkeypatch.setenv("OPENAI_API_KEY", "other")
    monkeypatch.setenv("OPENAI_ORG_ID", "acme")
    text(model)

    first, second = server.requests
    assert ["Bearer key", "Bearer other"] == [
        request.headers["authorization"] for request in (first, second)
    ]
    assert (None, "acme") == (
        first.headers.get("openai-organization"),
        second.headers["openai-organization"],
    )


def test_settings_given(server, monkeypatch):
    """What is given goes before the environment, `client_kwargs` before all."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    kwargs = {"default_headers": {"X-Test": "1"}, "project": "apollo"}
    model = OpenAIModel(
        "plain",
        api_base=server.url,
        api_key="given",
        organization="acme",
        project="gemini",
        client_kwargs=kwargs,
    )
    text(model)

    headers = server.requests[0].headers
    assert ("Bearer given", "acme", "apollo", "1") == (
        headers["authorization"],
        headers["openai-organization"],
        headers["openai-project"],
        headers["x-test"],
    )


def test_http_client(server):
    """A client of the user's is used, and left open."""

    async def main():
        async with openai.DefaultAsyncHttpxClient(headers={"X-Mine": "1"}) as client:
            model = OpenAIModel("plain", http_client=client)
            answer = await text_async(model)
            assert not client.is_closed
            return answer

    assert PLAIN == asyncio.run(main())
    assert "1" == server.requests[0].headers["x-mine"]


def test_http_client_left_open(server):
    """It is left open by the loop's end, too."""
    client = openai.DefaultAsyncHttpxClient(headers={"Connection": "close"})
    asyncio.run(text_async(OpenAIModel("plain", http_client=client)))
    assert not client.is_closed
    asyncio.run(client.aclose())


def test_http_client_left_open_by_the_limit(server):
    """It is left open when many other clients are used after it."""

    async def main():
        async with openai.DefaultAsyncHttpxClient() as client:
            await text_async(OpenAIModel("plain", http_client=client))
            for number in range(LIMIT + 1):
                await text_async(OpenAIModel("plain", api_key=f"key-{number}"))
            return await text_async(OpenAIModel("plain", http_client=client))

    assert PLAIN == asyncio.run(main())


def test_http_client_factory(server):
    """A function that makes one is called once for each loop, which closes it."""
    made = []

    def make():
        made.append(openai.DefaultAsyncHttpxClient())
        return made[-1]

    model = OpenAIModel("plain", http_client=make)

    async def main():
        return [await text_async(model), await text_async(model)]

    assert [[PLAIN] * 2] * 2 == [asyncio.run(main()), asyncio.run(main())]
    assert [True, True] == [client.is_closed for client in made]


async def serve_counting(connections, requests):
    """Serve a short answer to each request, as many as come over a connection."""
    answer = b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\n'
    answer += b"data: [DONE]\n\n"
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    async def handle(reader, writer):
        connections.append(writer)
        with closing(writer), suppress(asyncio.IncompleteReadError):
            while header := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in header.lower().splitlines()
                    if line.startswith(b"content-length")
                )
                await reader.readexactly(length)
                requests.append(length)
                writer.write(head + b"%x\r\n%s\r\n" % (len(answer), answer))
                await writer.drain()
                await asyncio.sleep(0.005)
                writer.write(b"0\r\n\r\n")

    return await asyncio.start_server(handle, "127.0.0.1", 0)


def test_connections_are_used_again(monkeypatch):
    """A stream is read to its end, so that its connection serves the next request."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    connections, requests = [], []

    async def main():
        async with await serve_counting(connections, requests) as server:
            port = server.sockets[0].getsockname()[1]
            model = OpenAIModel("plain", api_base=f"http://127.0.0.1:{port}/v1")
            answer = [await text_async(model) for _ in range(3)]
            for writer in connections:
                writer.close()
            return answer

    assert ["Hi", "Hi", "Hi"] == asyncio.run(main())
    assert (1, 3) == (len(connections), len(requests))
