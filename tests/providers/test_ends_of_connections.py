"""A request whose kept connection the server has just closed is sent once more."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import ModelError

from ..laws import examples
from .kept_server import OURS, RESET, converse_with

ours = pytest.mark.parametrize("name", OURS)


@ours
@pytest.mark.parametrize("end", [b"", RESET])
def test_a_kept_connection_ends(name, end):
    """What was not answered by a byte is asked once more, on a new connection."""

    async def conversation(server, ask):
        server.ends = lambda replies, text: end if replies else None
        for text in ("<1>", "<2>", "<3>"):
            assert f"The answer to {text}" == await ask(text)
        assert ["<1>", "<2>", "<2>", "<3>", "<3>"] == server.asked

    converse_with(name, conversation)


@ours
def test_all_kept_connections_end(name):
    """Several requests at once find their connections closed, and none fails."""

    async def conversation(server, ask):
        for turn in range(3):
            texts = [f"<{turn}{letter}>" for letter in "abcd"]
            answers = await asyncio.gather(*map(ask, texts))
            assert [f"The answer to {text}" for text in texts] == answers
            server.ends = lambda replies, text: b"" if replies else None
        assert all(server.asked.count(text) <= 2 for text in server.asked)

    converse_with(name, conversation)


@ours
@pytest.mark.parametrize("end", [b"", RESET])
def test_a_new_connection_ends(name, end):
    """A request is sent no third time, and none is repeated that had a new connection."""

    async def conversation(server, ask):
        server.ends = lambda replies, text: end if text != "<1>" else None
        assert "The answer to <1>" == await ask("<1>")
        for text in ("<2>", "<3>"):
            with pytest.raises(ModelError):
                await ask(text)
        assert ["<1>", "<2>", "<2>", "<3>"] == server.asked

    converse_with(name, conversation)


@ours
@examples(4)
@given(data=st.data())
def test_a_reply_has_begun(name, data):
    """A request is never repeated when one byte of its reply has come."""

    async def conversation(server, ask):
        whole = server.answer_to("<2>")
        interim = b"HTTP/1.1 103 Early Hints\r\n\r\n"
        begun = data.draw(
            st.integers(1, len(whole) - 1).map(lambda size: whole[:size]) | st.just(interim)
        )
        server.ends = lambda replies, text: begun if replies else None
        assert "The answer to <1>" == await ask("<1>")
        with pytest.raises(ModelError):
            await ask("<2>")
        assert ["<1>", "<2>"] == server.asked

    converse_with(name, conversation)


@ours
def test_cancelled_while_it_is_sent_again(name):
    """It is left as any request, and sent no third time."""

    async def conversation(server, ask):
        loop, again = asyncio.get_running_loop(), asyncio.Event()

        def ends(replies, text):
            if text == "<2>" and not replies:
                loop.call_soon_threadsafe(again.set)
                server.connections[-1].recv(1)  # until the client closes
                return b""
            return b"" if replies else None

        server.ends = ends
        assert "The answer to <1>" == await ask("<1>")
        asking = asyncio.ensure_future(ask("<2>"))
        await again.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert ["<1>", "<2>", "<2>"] == server.asked

    converse_with(name, conversation)
