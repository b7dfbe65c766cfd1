"""No request gets a reply that the server sent to another, on a connection that was kept."""

import asyncio
import json
import socket
from contextlib import suppress
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rxagent.events import TextDelta
from rxagent.models import AmazonBedrockModel, AnthropicModel, OpenAIModel, resolve
from rxagent.streams import each
from rxagent.testing.far_ends.bedrock import KEYS
from rxagent.testing.leaks import keepers

keepers["executor"] = lambda opened: isinstance(opened, Thread) and opened.name[:8] == "asyncio_"
"""An event loop keeps the threads on which clients look up hosts."""


def http(status, body):
    """Return a reply, after which the connection stays open."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class KeptServer:
    """A server that keeps its connections, and sends what was not asked for.

    Attributes:
        url: Its URL.
        connections: Those it has accepted.
        behind: What it sends in one piece with each reply, behind it.
    """

    def __init__(self, body_of):
        self._body_of = body_of
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.connections = []
        self.behind = b""
        self._threads = []
        self._start(self._accept)

    def answer_to(self, text):
        """Return the reply to a request."""
        return http("200 OK", json.dumps(self._body_of(f"The answer to {text}")).encode())

    def send(self, data):
        """Send bytes on each connection that is still open; they have arrived at the return."""
        for connection in self.connections:
            with suppress(OSError):
                connection.sendall(data)

    def close(self):
        """Close all."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _start(self, *call):
        thread = Thread(target=call[0], args=call[1:], daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections.append(connection)
                self._start(self._serve, connection)

    def _serve(self, connection):
        with connection, connection.makefile("rb") as reader, suppress(OSError):
            while line := reader.readline():
                length = 0
                while line.strip():
                    name, _, value = line.lower().partition(b":")
                    length = int(value) if name == b"content-length" else length
                    line = reader.readline()
                body = reader.read(length).decode()
                text = body[body.index("<") : body.index(">") + 1]
                connection.sendall(self.answer_to(text) + self.behind)


def chat(text):
    """Return a completion."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }


def response(text):
    """Return a response."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"type": "message", "id": "m", "role": "assistant", "content": content}
    return {"object": "response", "id": "r", "status": "completed", "output": [message]}


def message(text):
    """Return a message of Anthropic's."""
    content = [{"type": "text", "text": text}]
    return {
        "type": "message",
        "id": "m",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def converse(text):
    """Return a reply of Bedrock's."""
    message = {"role": "assistant", "content": [{"text": text}]}
    return {"output": {"message": message}, "stopReason": "end_turn"}


MODELS = {
    "chat": (chat, lambda url: OpenAIModel("m", api_base=url, api_key="k", stream=False)),
    "responses": (
        response,
        lambda url: OpenAIModel("m", api="responses", api_base=url, api_key="k", stream=False),
    ),
    "groq": (chat, lambda url: resolve("groq:m", api_base=url, api_key="k", stream=False)),
    "anthropic": (
        message,
        lambda url: AnthropicModel("m", api_base=url, api_key="k", stream=False),
    ),
    "boto3": (
        converse,
        lambda url: AmazonBedrockModel(
            "amazon.nova-pro-v1:0", client_kwargs={**KEYS, "endpoint_url": url}, stream=False
        ),
    ),
}


@pytest.fixture(params=MODELS)
def converse_with(request):
    """Return a function that runs a coroutine with a new server, and a way to ask its model."""
    name = request.param
    if name in ("anthropic", "boto3"):
        pytest.importorskip(name)
    body_of, model_of = MODELS[name]

    def converse_with(conversation):
        server = KeptServer(body_of)
        model = model_of(server.url)

        async def ask(text):
            return "".join([d.text async for d in each(model(text)) if isinstance(d, TextDelta)])

        try:
            asyncio.run(conversation(server, ask))
        finally:
            server.close()

    return converse_with


def test_a_connection_serves_several_requests(converse_with):
    """A connection on which nothing else came is kept."""

    async def conversation(server, ask):
        for number in range(3):
            assert f"The answer to <{number}>" == await ask(f"<{number}>")
        assert 1 == len(server.connections)

    converse_with(conversation)


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), turns=st.integers(0, 3))
def test_bytes_between_two_requests(converse_with, data, turns):
    """Whatever part of a reply comes unasked, read or unread, no request gets it."""

    async def conversation(server, ask):
        unasked = [server.answer_to("<Alice>"), http("408 Request Time-out", b""), b"HTTP", b"\0"]
        stray = data.draw(st.sampled_from(unasked))
        part = stray[: data.draw(st.integers(1, len(stray)))]
        assert "The answer to <Alice>" == await ask("<Alice>")
        server.send(part)
        for _ in range(turns):
            await asyncio.sleep(0)
        assert "The answer to <Bob>" == await ask("<Bob>")
        assert "The answer to <Carol>" == await ask("<Carol>")

    converse_with(conversation)


def test_a_reply_sent_twice_in_one_piece(converse_with):
    """A second reply right behind the first is that of no request."""

    async def conversation(server, ask):
        server.behind = server.answer_to("<Mallory>")
        for number in range(3):
            assert f"The answer to <{number}>" == await ask(f"<{number}>")

    converse_with(conversation)
