"""No request gets a reply that the server sent to another, on a connection that was kept."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..laws import examples
from .kept_server import OURS, converse_with, http

watched = pytest.mark.parametrize("name", OURS)


@watched
def test_a_connection_serves_several_requests(name):
    """A connection on which nothing else came is kept."""

    async def conversation(server, ask):
        for number in range(3):
            assert f"The answer to <{number}>" == await ask(f"<{number}>")
        assert 1 == len(server.connections)

    converse_with(name, conversation)


@watched
@examples(4)
@given(data=st.data(), turns=st.integers(0, 3))
def test_bytes_between_two_requests(name, data, turns):
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

    converse_with(name, conversation)


@watched
def test_a_reply_sent_twice_in_one_piece(name):
    """A second reply right behind the first is that of no request."""

    async def conversation(server, ask):
        server.behind = server.answer_to("<Mallory>")
        for number in range(3):
            assert f"The answer to <{number}>" == await ask(f"<{number}>")

    converse_with(name, conversation)
