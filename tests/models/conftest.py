"""What the tests of models share: a scripted server."""

from collections.abc import Iterator
from threading import Thread

import pytest

from rxagent.testing.leaks import keepers
from rxagent.testing.server import ScriptedServer

keepers["executor"] = lambda opened: isinstance(opened, Thread) and opened.name[:8] == "asyncio_"
"""An event loop keeps the threads on which the SDK looks up the platform, once for each client."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A scripted server, which the environment names as OpenAI's."""
    with ScriptedServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "key")
        yield server
