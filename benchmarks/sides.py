"""The two sides: the SDK's own loop, and a whole agent with three viewers.

Both keep their objects, so all but the first answer are read by warm clients.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from attrs import frozen
from openai import AsyncOpenAI

from rxagent import Agent, Run
from rxagent.agents.runnable import Runnable
from rxagent.events import Event, TextDelta
from rxagent.models import Model, OpenAIModel

__all__ = ["Ours", "Sdk", "Side", "Watched", "Watching"]

TASK = "How much is 2 + 3?"
KEY = "none"
VIEWERS = 3
SETTINGS: dict[str, Any] = {"max_retries": 0, "timeout": 120}
"""The client's time-out on both sides; machines may be busy."""


class Side(Protocol):
    """A reader of answers."""

    name: str

    def read(self, model: str, times: int = 1) -> None:
        """Read as many answers at once."""

    def close(self) -> None:
        """Close what is open."""


class Sdk:
    """The loop that the SDK's documentation shows, over the client it makes by default.

    Args:
        url: The server's.
        http_client: Makes another client's transport.
    """

    def __init__(
        self, url: str, http_client: Callable[[], Any] | None = None, name: str = "SDK"
    ) -> None:
        self.name = name
        self._runner = asyncio.Runner()
        self.run = self._runner.run
        self.client = self.run(_connected(url, http_client))

    def read(self, model: str, times: int = 1) -> None:
        """Read as many answers at once."""
        self.run(self.read_all(model, times))

    async def read_all(self, model: str, times: int) -> None:
        """Read as many answers at once."""
        await asyncio.gather(*(self.open(model, _nothing) for _ in range(times)))

    async def open(self, model: str, tell: Callable[[], Any]) -> None:
        """Read an answer, and call `tell` for each piece."""
        async for chunk in await self.ask(model, [{"role": "user", "content": TASK}]):
            if chunk.choices and chunk.choices[0].delta.content:
                tell()

    async def ask(self, model: str, messages: Sequence[Any], **options: Any) -> Any:
        """Return the stream of an answer."""
        return await self.client.chat.completions.create(
            model=model,
            messages=messages,
            stream=True,
            stream_options={"include_usage": True},
            **options,
        )

    def close(self) -> None:
        """Close the client and the loop."""
        self.run(self.client.close())
        self._runner.close()


async def _connected(url: str, http_client: Callable[[], Any] | None) -> AsyncOpenAI:
    transport = {} if http_client is None else {"http_client": http_client()}
    return AsyncOpenAI(base_url=url, api_key=KEY, **SETTINGS, **transport)


class Ours:
    """A whole agent: its loop, its memory, and three viewers attached to each run."""

    name = "rxagent"

    def __init__(
        self, url: str, tools: Iterable[Any] = (), kind: Callable[..., Model] = OpenAIModel
    ) -> None:
        self._kind = kind
        self._url = url
        self._tools = tuple(tools)
        self._agents: dict[str, Runnable] = {}

    def agent(self, model: str) -> Runnable:
        """Return the agent for a model, always the same one."""
        if model not in self._agents:
            by = self._kind(model, api_base=self._url, api_key=KEY, client_kwargs=SETTINGS)
            self._agents[model] = self.make(by)
        return self._agents[model]

    def make(self, model: Model) -> Runnable:
        """Return an agent with a model."""
        return Agent(model, self._tools)

    def read(self, model: str, times: int = 1) -> None:
        """Run the agent as many times at once, until all viewers have received the end."""
        for started in [self.start(model) for _ in range(times)]:
            started.wait()

    async def open(self, model: str, tell: Callable[[], Any]) -> None:
        """Run the agent on this loop with three viewers, and call `tell` for each piece."""
        run = self.start(model).run
        run.subscribe(lambda event: tell() if type(event) is TextDelta else None)
        await run

    def start(self, model: str) -> "Watched":
        """Start a run with viewers."""
        viewers = [Watching() for _ in range(VIEWERS)]
        return Watched(self.agent(model).start(TASK, attach=viewers), viewers)

    def close(self) -> None:
        """Do nothing: the clients close with their loop."""


@frozen
class Watched:
    """A run and its viewers."""

    run: Run
    viewers: "list[Watching]"

    def wait(self) -> Any:
        """Block until all viewers have received the end, and return the answer."""
        answer = self.run.result(timeout=120)
        for viewer in self.viewers:
            viewer.wait()
        return answer


class Watching:
    """A viewer that counts the pieces of the answer."""

    def __init__(self) -> None:
        self.count = 0
        self._open = threading.Lock()
        self._open.acquire()

    def on_next(self, event: Event) -> None:
        """Count a piece."""
        if type(event) is TextDelta:
            self.count += 1

    def on_error(self, error: Exception) -> None:
        """Record the end."""
        self._open.release()

    def on_completed(self) -> None:
        """Record the end."""
        self._open.release()

    def wait(self) -> None:
        """Block until the end has arrived."""
        self._open.acquire(timeout=60)


def _nothing() -> None:
    pass
