"""Bedrock: the cost of a delta beside boto3's own loop, and how long until the server is left."""

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from statistics import median
from time import perf_counter
from typing import Any

from rxagent import Agent
from rxagent.events import TextDelta
from rxagent.models import AmazonBedrockModel
from rxagent.testing.far_ends import Endless, Silence, Waiting
from rxagent.testing.far_ends.bedrock import KEYS, BedrockFarEnd

from .per_delta import Alone, compare
from .row import Row
from .sides import TASK, VIEWERS, Watched, Watching

__all__ = ["hang_up", "short"]

CASES = {
    "while it speaks": Endless(TextDelta("more ")),
    "while it is silent": Silence(),
    "before its headers": Waiting(),
}
"""What the server does when the run is cancelled."""


def _arguments(url: str) -> dict[str, Any]:
    return {**KEYS, "endpoint_url": url.removesuffix("/v1")}


class _Sdk:
    """The loop that boto3's documentation shows."""

    def __init__(self, url: str) -> None:
        import boto3

        self._client = boto3.session.Session().client("bedrock-runtime", **_arguments(url))

    def read(self, model: str) -> None:
        """Read an answer."""
        messages = [{"role": "user", "content": [{"text": TASK}]}]
        length = 0
        for event in self._client.converse_stream(modelId=model, messages=messages)["stream"]:
            if "contentBlockDelta" in event:
                length += len(event["contentBlockDelta"]["delta"]["text"])

    def close(self) -> None:
        """Close the client."""
        self._client.close()


class _Watched:
    """A whole agent with three viewers."""

    def __init__(self, url: str) -> None:
        self._arguments = _arguments(url)

    def read(self, model: str) -> None:
        """Run the agent until all viewers have received the end."""
        agent = Agent(AmazonBedrockModel(model, client_kwargs=self._arguments))
        viewers = [Watching() for _ in range(VIEWERS)]
        Watched(agent.start(TASK, attach=viewers), viewers).wait()

    def close(self) -> None:
        """Do nothing: the clients close with their loop."""


def short(url: str, quick: bool) -> Iterator[Row]:
    """Compare the CPU time that a delta costs; without boto3 there is nothing to compare."""
    if find_spec("boto3") is None:
        return
    alone = Alone(partial(AmazonBedrockModel, client_kwargs=_arguments(url)))
    yield from compare("Bedrock", "converse", 1.1, (alone, _Sdk(url)), quick, agent=_Watched(url))


def hang_up(_: str, quick: bool) -> Iterator[Row]:
    """Measure with a server in this process; boto3's loop cannot be left from outside."""
    if find_spec("boto3") is None:
        return
    with BedrockFarEnd() as far_end:
        for case, item in CASES.items():
            taken = [_left(far_end, item) for _ in range(5 if quick else 20)]
            yield Row(
                f"hang-up seen, Bedrock, {case}",
                median(taken),
                "ms",
                "at most 10 ms",
                median(taken) <= 10,
                f"{max(taken):.1f} at most",
            )


def _left(far_end: BedrockFarEnd, item: Any) -> float:
    """Return after how many milliseconds the server saw that a run was cancelled."""
    model = far_end.serve(item)
    run = Agent(model).start(TASK)
    far_end.wait_call(model)
    began = perf_counter()
    run.cancel()
    far_end.wait_hang_up(model)
    return (perf_counter() - began) * 1e3
