"""What a server sets for one run stays in that run."""

import pytest

from .kept_server import MODELS, converse_with


@pytest.mark.parametrize("name", MODELS)
def test_cookies(name):
    """No request has the cookie of another, though a client serves both."""

    async def conversation(server, ask):
        server.cookies = True
        for text in ("<alice>", "<bob>"):
            assert f"The answer to {text}" == await ask(text)
        assert {"<alice>", "<bob>"} == server.requests.keys()
        sent = [line for head in server.requests.values() for line in head]
        assert [] == [line for line in sent if line.startswith("cookie:")]

    converse_with(name, conversation, "localhost")  # some clients keep no cookie of an address
