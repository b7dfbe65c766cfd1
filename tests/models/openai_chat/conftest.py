"""What the tests of OpenAI's chat protocol share: reading a reply."""

import pytest
import reactivex as rx

from rxagent import operators as ops
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.streams.fairness import REST
from rxagent.testing.frames import DONE, sse


@pytest.fixture(scope="session")
def read():
    """Return a function that returns the deltas of a stream that comes in these pieces."""

    def read(*pieces):
        reply = ChatReply(ErrorFactory("openai", "m"))
        deltas = [delta for piece in pieces for delta in reply.feed(piece)] + list(reply.end())
        return [delta for delta in deltas if delta is not REST]

    return read


@pytest.fixture(scope="session")
def kept():
    """Return a function that returns the message of a reply from the origin `here`."""

    def kept(*parts):
        reply = ChatReply(ErrorFactory("openai", "m"), "here")
        fed = [delta for part in (*map(sse, parts), DONE) for delta in reply.feed(part)]
        deltas = rx.from_iterable([*fed, *reply.end()])
        return deltas.pipe(ops.normalise(), ops.accumulate(partial=False)).run()

    return kept
