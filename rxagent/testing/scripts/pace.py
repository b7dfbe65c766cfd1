"""Pace: answers that are slow, that stop, or that are very long."""

import math
from collections.abc import Iterable
from functools import lru_cache
from itertools import count, cycle, islice

from rxagent.testing.frames import (
    Body,
    call_chunks,
    finish_chunk,
    frame,
    role_chunk,
    text_chunk,
    usage_chunk,
    wants_usage,
)
from rxagent.testing.scenarios import Item
from rxagent.testing.scripts.saying import (
    INPUT_TOKENS,
    paced,
    saying,
    scenario,
    using,
    words,
)

__all__ = ["tokens_text"]


@scenario("slow-MS")
def _slow_by(body: Body, pause: float) -> Iterable[Item]:
    """Count, with so many milliseconds before each number."""
    return saying(body, paced((text_chunk(f" {at}") for at in count(1)), pause / 1000))


@scenario("slow")
def _slow(body: Body) -> Iterable[Item]:
    """Count, with 20 ms before each number."""
    return _slow_by(body, 20)


@scenario("stall")
def _stall(body: Body) -> Iterable[Item]:
    """Say two words, then nothing."""
    return [text_chunk("Hello"), text_chunk(" from"), math.inf]


@scenario("stall-in-call")
def _stall_in_call(body: Body) -> Iterable[Item]:
    """Begin to call a tool, then say nothing."""
    return using(body, lambda call, _: [*call_chunks(0, *call)[:2], math.inf])


@scenario("stall-headers")
def _stall_headers(body: Body) -> Iterable[Item]:
    """Say nothing, not even that an answer begins."""
    return [math.inf]


_TOKENS = words(" the quick brown fox jumps over a lazy dog, and nobody minds it at all.")


def tokens_text(number: int) -> str:
    """Return the text that the scenario `tokens-N` says for N = number."""
    return "".join(islice(cycle(_TOKENS), number))


@lru_cache(maxsize=4)
def _frames(model: str, streamed: bool, reported: bool, number: int) -> tuple[bytes, ...]:
    options = {"include_usage": reported}
    body = {"model": model, "stream": streamed, "stream_options": options}
    tokens = [frame(body, text_chunk(token)) for token in _TOKENS]
    ends = [finish_chunk("stop"), usage_chunk(INPUT_TOKENS, number)][: 1 + wants_usage(body)]
    return (
        frame(body, role_chunk()),
        *islice(cycle(tokens), number),
        *(frame(body, end) for end in ends),
    )


def _tokens_frames(body: Body, number: float) -> tuple[bytes, ...]:
    return _frames(body["model"], bool(body.get("stream")), wants_usage(body), int(number))


@scenario("tokens-N")
def _tokens(body: Body, number: float) -> Iterable[Item]:
    """Say so many words, at once."""
    frames = _tokens_frames(body, number)
    for at in range(0, len(frames), 256):
        yield b"".join(frames[at : at + 256])


@scenario("tokens-N-every-MS")
def _tokens_paced(body: Body, number: float, pause: float) -> Iterable[Item]:
    """Say so many words, with so many milliseconds before each."""
    return paced(_tokens_frames(body, number), pause / 1000)
