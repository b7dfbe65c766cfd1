"""What the tests of OpenAI's Responses protocol share: reading a reply."""

import json

import pytest

from rxagent.draft import Draft, grow
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.streams.fairness import REST

HERE = "responses"


@pytest.fixture(scope="session")
def read():
    """Return a function that returns the deltas of a reply that comes in these pieces."""

    def read(*pieces, origin=None):
        reply = ResponseReply(ErrorFactory("openai", "m"), origin)
        deltas = [delta for piece in pieces for delta in reply.feed(piece)] + list(reply.end())
        return [delta for delta in deltas if delta is not REST]

    return read


@pytest.fixture(scope="session")
def kept(read):
    """Return a function that returns the message of a whole reply with this output."""

    def kept(*output, origin=HERE):
        response = {"object": "response", "status": "completed", "output": output}
        draft = Draft()
        for delta in read(json.dumps(response).encode(), origin=origin):
            draft = grow(draft, delta)
        return draft.message

    return kept
