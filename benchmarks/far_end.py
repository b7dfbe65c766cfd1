"""The far end: the scripted server in a process of its own, apart from the client's CPU time.

Besides its scenarios it has `held-M-N`, which sends M words, waits for a request to `release`, then
sends N tokens as fast as it can; `converse-N` sends N tokens as Bedrock does, `messages-N` as
Anthropic does, and `responses-N` as OpenAI does by its Responses protocol.
"""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from itertools import cycle, islice
from urllib.parse import urlsplit

from rxagent.events import Delta, Finish, TextDelta, Usage
from rxagent.testing import ScriptedServer
from rxagent.testing.far_ends.anthropic import AnthropicFarEnd
from rxagent.testing.far_ends.anthropic_events import MessageRendering
from rxagent.testing.far_ends.bedrock import BedrockFarEnd
from rxagent.testing.far_ends.converse import ConverseRendering
from rxagent.testing.far_ends.http import Rendering
from rxagent.testing.far_ends.responses import ResponsesFarEnd
from rxagent.testing.far_ends.responses_events import ResponseRendering
from rxagent.testing.frames import Body, frame, text_chunk
from rxagent.testing.scenarios import Ending, Item
from rxagent.testing.scripts import SCRIPTS

__all__ = ["release", "serving"]

_WORDS = " the", " answer", " is", " 5", ",", " und", " Grüße", "."


@contextmanager
def serving() -> Iterator[str]:
    """Serve during the block, and yield the URL."""
    _allow_many_connections()
    command = [sys.executable, "-m", "benchmarks.far_end"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def release(url: str) -> None:
    """Release all held streams; blocks briefly."""
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.request("POST", "/v1/chat/completions", b'{"model": "release"}')
    connection.getresponse().read()
    connection.close()


def _allow_many_connections() -> None:
    with suppress(ImportError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class _Held:
    """The held streams."""

    def __init__(self) -> None:
        self._released = asyncio.Event()

    async def hold(self, body: Body, before: int, after: int) -> AsyncIterator[Item]:
        yield frame(body, text_chunk(" word")) * before
        await self._released.wait()
        for item in SCRIPTS["tokens-N"](body, after):
            yield item

    def release(self, _: Body) -> list[Item]:
        self._released.set()
        self._released = asyncio.Event()
        return []


def _said(rendering: Rendering, number: float, *last: Delta) -> Iterator[bytes]:
    """Say this many words in the form of a provider, at once."""
    frames = [*rendering.begin(), *rendering.delta(TextDelta("So"))]
    words = [frame for text in _WORDS for frame in rendering.delta(TextDelta(text))]
    frames += islice(cycle(words), int(number) - 1)
    frames += [frame for delta in (Finish("stop"), *last) for frame in rendering.delta(delta)]
    frames += rendering.end()
    for at in range(0, len(frames), 256):
        yield b"".join(frames[at : at + 256])


def _converse(_: Body, number: float) -> list[Item]:
    return [*_said(ConverseRendering(), number, Usage(10, int(number))), Ending.QUIET]


def _messages(_: Body, number: float) -> Iterator[Item]:
    return _said(MessageRendering([Usage(10, int(number))]), number)


def _responses(_: Body, number: float) -> Iterator[Item]:
    """Say this many words by the Responses protocol, at once."""
    rendering = ResponseRendering()
    frames = [*rendering.begin()]
    for word in islice(cycle(_WORDS), int(number)):
        frames += rendering.delta(TextDelta(word))
    frames += rendering.delta(Usage(10, int(number)))
    frames += rendering.end()
    for at in range(0, len(frames), 256):
        yield b"".join(frame for frame in frames[at : at + 256] if isinstance(frame, bytes))


def main() -> None:
    """Serve until the process is terminated, and print the URL first."""
    held = _Held()
    paths = *AnthropicFarEnd.paths, *BedrockFarEnd.paths, *ResponsesFarEnd.paths
    with ScriptedServer(paths=paths) as server:
        server.scenario("converse-N", _converse)
        server.scenario("messages-N", _messages)
        server.scenario("responses-N", _responses)
        server.scenario("held-M-N", held.hold)
        server.scenario("release", held.release)
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
