"""Clients: shared within a loop, closed with it."""

import asyncio
import os
import subprocess
import sys
import textwrap
from contextlib import closing, suppress

import openai
import pytest

from rxagent.events import TextDelta
from rxagent.models import OpenAIModel
from rxagent.models.clients import shared
from rxagent.streams import each
from rxagent.testing.scripts import PLAIN


class Client:
    """A client that knows whether it was closed."""

    closed = False

    async def close(self):
        """Close it, after a turn of the loop."""
        await asyncio.sleep(0)
        self.closed = True


async def asked(*settings):
    """Return the clients of these settings."""
    return [await shared(setting, Client, Client.close) for setting in settings]


def text(model):
    """Return the answer's text."""
    return "".join(delta.text for delta in each(model("Hi")) if isinstance(delta, TextDelta))


async def text_async(model):
    """Return the answer's text, read on the running loop."""
    return "".join([d.text async for d in each(model("Hi")) if isinstance(d, TextDelta)])


def test_shared_by_settings():
    """Equal settings share a client, and others do not."""
    one, other, again = asyncio.run(asked({"a": [1]}, {"a": [2]}, {"a": [1]}))

    assert one is again
    assert one is not other


def test_closed_with_the_loop():
    """Each loop has clients of its own, closed when it ends."""
    first, second = (asyncio.run(asked("same"))[0] for _ in range(2))

    assert first is not second
    assert (True, True) == (first.closed, second.closed)


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
def test_nothing_is_said_at_exit(server, program):
    """A program ends without a word about clients that were not closed."""
    assert ["7"] == run(textwrap.dedent(COUNT) + program)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork(server):
    """A forked child has clients of its own, and ending leaves those of its parent alone."""
    program = """
    print(len(list(each(model("Hi")))), flush=True)
    if child := os.fork():
        os.waitpid(child, 0)
    print(len(list(each(model("Hi")))), flush=True)
    """

    assert ["7", "7", "7"] == run(textwrap.dedent(COUNT) + textwrap.dedent(program))


def test_settings_from_the_environment(server, monkeypatch):
    """What changes in the environment is heeded by the next request."""
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
            told = await text_async(model)
            assert not client.is_closed
            return told

    assert PLAIN == asyncio.run(main())
    assert "1" == server.requests[0].headers["x-mine"]


def test_http_client_left_open(server):
    """It is left open by the loop's end, too."""
    client = openai.DefaultAsyncHttpxClient(headers={"Connection": "close"})
    asyncio.run(text_async(OpenAIModel("plain", http_client=client)))
    assert not client.is_closed
    asyncio.run(client.aclose())


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
            told = [await text_async(model) for _ in range(3)]
            for writer in connections:
                writer.close()
            return told

    assert ["Hi", "Hi", "Hi"] == asyncio.run(main())
    assert (1, 3) == (len(connections), len(requests))
