"""Disposing: at any moment, it closes the connection, and nothing follows."""

import asyncio
from threading import Event

import pytest

from rxagent.events import Finish, TextDelta
from rxagent.messages import Message, Request
from rxagent.models import OpenAIModel
from rxagent.streams import each

STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


class Watched:
    """A subscription that counts deltas, and keeps them."""

    def __init__(self, model, count=1):
        self.seen = []
        self.enough = Event()
        self._count = count
        self._subscription = model("Hi").subscribe(self._on_next, self._on_end, self._on_end)

    def _on_next(self, delta):
        self.seen.append(delta)
        if len(self.seen) == self._count:
            self.enough.set()

    def _on_end(self, signal=None):
        self.seen.append(signal)

    def dispose(self):
        """Dispose, and return what had come before."""
        self._subscription.dispose()
        return list(self.seen)


@STREAMED
def test_while_waiting_for_headers(server, stream):
    """A request that was not answered yet is given up."""
    watched = Watched(OpenAIModel("stall-headers", stream=stream))
    server.wait_request()
    watched.dispose()

    assert 0 == server.wait_hang_up().sent
    assert [] == watched.seen


@pytest.mark.parametrize(("name", "count"), [("slow-20", 1), ("slow-20", 3), ("stall", 2)])
def test_in_mid_stream(server, name, count):
    """The connection of a stream is closed, whether it sends or is silent."""
    watched = Watched(OpenAIModel(name), count)
    assert watched.enough.wait(60)
    before = watched.dispose()
    sent = server.wait_hang_up().sent

    assert before == watched.seen
    assert sent <= len(before) + 3


@pytest.mark.parametrize("count", range(1, 8))
def test_inside_a_delta(server, count):
    """Disposing while a delta is emitted lets no other one follow, at every place of the answer."""
    seen, ended = [], Event()

    def on_next(delta):
        seen.append(delta)
        if len(seen) == count:
            subscription.dispose()
            ended.set()

    async def main():
        nonlocal subscription
        subscription = OpenAIModel("plain")("Hi").subscribe(on_next)
        await asyncio.to_thread(ended.wait, 60)

    subscription = None
    asyncio.run(main())

    assert count == len(seen)


def test_at_once(server):
    """What is disposed as soon as it is subscribed sends no request, or closes it."""
    for _ in range(20):
        Watched(OpenAIModel("slow-20")).dispose()

    assert [TextDelta, Finish] == [type(delta) for delta in [*each(OpenAIModel("echo")("Hi"))][:2]]
    server.wait_until(lambda: all(exchange.ended.is_set() for exchange in server.exchanges))


def test_after_the_end(server):
    """Disposing what has ended does nothing."""
    watched = Watched(OpenAIModel("plain"), 7)
    assert watched.enough.wait(60)
    watched.dispose()
    watched.dispose()

    assert server.wait_request().ended.wait(60)
    assert server.exchanges[0].completed


def test_leaving_a_loop(server):
    """Leaving a `for` over an answer closes the connection."""
    for _ in each(OpenAIModel("slow-20")("Hi")):
        break

    assert server.wait_hang_up().sent < 10


def test_stop_closes_the_connection(server):
    """An answer that is cut at a stop, which the server did not keep to, is not paid for on."""
    request = Request((Message("user", "Hi"),), stop=(" 7",))
    text = "".join(
        delta.text for delta in each(OpenAIModel("slow-5")(request)) if isinstance(delta, TextDelta)
    )

    assert " 1 2 3 4 5 6" == text
    assert server.wait_hang_up().sent < 15


def test_twenty_at_once(server):
    """Twenty streams of one object do not mix, nor does giving half of them up harm the others."""
    model = OpenAIModel("echo")
    slow = [Watched(OpenAIModel("slow-20")) for _ in range(10)]
    texts = {}

    async def answer(number):
        pieces = [d.text async for d in each(model(f"{number} " * 50)) if isinstance(d, TextDelta)]
        texts[number] = "".join(pieces)

    async def main():
        await asyncio.gather(*map(answer, range(20)))

    for watched in slow:
        assert watched.enough.wait(60)
    for watched in slow[:5]:
        watched.dispose()
    asyncio.run(main())
    for watched in slow[5:]:
        watched.dispose()

    assert {number: " ".join([f"{number}"] * 50) for number in range(20)} == texts
    server.wait_hang_up(10)
