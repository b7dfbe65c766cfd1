"""A server that keeps its connections, and models of all kinds that ask it."""

import asyncio
import json
import socket
import struct
from contextlib import suppress
from importlib import import_module
from threading import Thread

import pytest

from rxagent.events import TextDelta
from rxagent.models import (
    AmazonBedrockModel,
    AnthropicModel,
    InferenceClientModel,
    LiteLLMModel,
    OpenAIModel,
    resolve,
)
from rxagent.streams import each
from rxagent.testing.far_ends.bedrock import KEYS


def http(status, body, headers=""):
    """Return a reply, after which the connection stays open."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n{headers}\r\n".encode() + body


class KeptServer:
    """A server that keeps its connections, and sends what was not asked for.

    Attributes:
        url: Its URL.
        connections: Those it has accepted.
        asked: The texts that were asked, in their order.
        requests: The heads of the requests, by the texts that they ask.
        ends: Says what the server sends before it closes a connection instead of replying: bytes,
            or `RESET`; None for a reply. It is called with how many replies the connection has
            had, and with the text.
        behind: What it sends in one piece with each reply, behind it.
        cookies: Whether each reply sets a cookie of the text that was asked.
    """

    def __init__(self, body_of):
        self._body_of = body_of
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.connections = []
        self.asked = []
        self.requests = {}
        self.ends = lambda replies, text: None
        self.behind = b""
        self.cookies = False
        self._threads = []
        self._start(self._accept)

    def answer_to(self, text):
        """Return the reply to a request."""
        cookie = f"Set-Cookie: asked={text[1:-1]}; Path=/\r\n" if self.cookies else ""
        body = json.dumps(self._body_of(f"The answer to {text}")).encode()
        return http("200 OK", body, cookie)

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
        replies = 0
        with connection, connection.makefile("rb") as reader, suppress(OSError):
            while line := reader.readline():
                length, head = 0, []
                while line.strip():
                    head.append(line.decode().lower())
                    name, _, value = line.lower().partition(b":")
                    length = int(value) if name == b"content-length" else length
                    line = reader.readline()
                body = reader.read(length).decode()
                text = body[body.index("<") : body.index(">") + 1]
                self.asked.append(text)
                self.requests[text] = head
                if (end := self.ends(replies, text)) is not None:
                    return _end(connection, end)
                connection.sendall(self.answer_to(text) + self.behind)
                replies += 1


RESET = object()
"""An end by which a server forgets a connection."""


def _end(connection, end):
    if end is RESET:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        connection.sendall(end)
        connection.shutdown(socket.SHUT_RDWR)


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


def over_httpx():
    """Return a client that does not use aiohttp."""
    return import_module("openai").DefaultAsyncHttpxClient()


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
    "hf": (chat, lambda url: InferenceClientModel("m", api_base=url, token="k", stream=False)),
    "httpx": (
        chat,
        lambda url: OpenAIModel(
            "m", api_base=url, api_key="k", stream=False, http_client=over_httpx
        ),
    ),
    "litellm": (
        chat,
        lambda url: LiteLLMModel("openai/m", api_base=url, api_key="k", stream=False),
    ),
}


def converse_with(name, conversation, host="127.0.0.1"):
    """Run a coroutine with a new server, and a way to ask its model.

    Args:
        name: The model's name.
        conversation: The coroutine.
        host: How the model calls the server's host.
    """
    if name in ("anthropic", "boto3", "litellm"):
        pytest.importorskip(name)
    body_of, model_of = MODELS[name]
    server = KeptServer(body_of)
    model = model_of(server.url.replace("127.0.0.1", host))

    def said(deltas):
        return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))

    async def ask(text):
        if name == "litellm":  # on the loop of the process: it leaves tasks on one that ends
            return await asyncio.to_thread(lambda: said(list(each(model(text)))))
        return said([delta async for delta in each(model(text))])

    try:
        asyncio.run(conversation(server, ask))
    finally:
        server.close()
