"""Serve runs as server-sent events, with FastAPI."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated
from uuid import uuid4

from fastapi import Body, FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse

from rxagent import Agent, Run
from rxagent.errors import BufferOverflow, describe
from rxagent.events import Event, RunFailed, Stamped
from rxagent.runs import Following
from rxagent.wire import dumps

BEHIND = 256
"""How many events may wait for one tab."""

PART = 65_536
"""How many characters of a message are sent at once."""

UNDELAYED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def create_app(agent: Agent | None = None, kept: float = 600.0) -> FastAPI:
    """Return an application that serves an agent's runs.

    Args:
        agent: The agent that answers; by default one without tools.
        kept: How many seconds a run is kept after its end.
    """
    agent = agent or Agent("openai:gpt-5-mini")
    app = FastAPI()
    runs: dict[str, Run] = {}
    app.state.runs = runs  # for further routes

    def found(name: str) -> Run:
        if name not in runs:
            raise HTTPException(404, f"There is no run {name!r}.")
        return runs[name]

    @app.post("/runs", status_code=201)
    async def start(task: Annotated[str, Body(embed=True)]) -> dict[str, str]:
        name = uuid4().hex
        run = runs[name] = agent.start(task)
        loop = asyncio.get_running_loop()

        def forget(*_: object) -> None:
            loop.call_soon_threadsafe(lambda: loop.call_later(kept, runs.pop, name, None))

        run.subscribe(on_error=forget, on_completed=forget)
        return {"run": name}

    @app.get("/runs/{name}")
    async def watch(
        name: str, since: int = 0, last_event_id: Annotated[int | None, Header()] = None
    ) -> StreamingResponse:
        if last_event_id is not None:
            since = last_event_id
        try:
            lines = messages_of(name, found(name), since)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        return StreamingResponse(lines, headers=UNDELAYED, media_type="text/event-stream")

    @app.delete("/runs/{name}", status_code=204)
    async def stop(name: str) -> None:
        found(name).cancel("stopped")

    return app


def messages_of(name: str, run: Run, since: int) -> AsyncIterator[str]:
    """Yield a run's events from a position on, as server-sent messages.

    Each message holds the events that arrived together; its id is the position after them.
    """

    def follow(since: int) -> Following:
        return run.follow(since=since, buffer=BEHIND, overflow="fail")

    following = follow(since)

    async def messages() -> AsyncIterator[str]:
        nonlocal following
        seq, is_over = since, False
        while not is_over:
            lines, is_over = "", True
            async with following:
                try:
                    async for event in following:
                        lines += line(event, seq + lines.count("\n"))
                        if following.seq > seq:
                            seq = following.seq
                            for part in parts(f"id: {seq}\n{lines}\n"):
                                yield part
                            lines = ""
                except BufferOverflow:  # the tab is behind; the run still has what it missed
                    following, is_over = follow(seq), False
                except Exception as error:  # the error that ended the run
                    failed = RunFailed(type(error).__name__, describe(error))
                    yield f"{line(failed, seq)}\n"

    def line(event: Event, number: int) -> str:
        return f"data: {dumps(Stamped(name, number, time.time(), event))}\n"

    def parts(message: str) -> Iterator[str]:
        return (message[at : at + PART] for at in range(0, len(message), PART))

    return messages()
