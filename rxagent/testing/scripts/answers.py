"""Scripts of answers: texts, their usage, and their pace."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from itertools import count, cycle, islice

from ..frames import (
    INPUT_TOKENS,
    Body,
    Chunk,
    finish_chunk,
    frame,
    reasoning_chunk,
    refusal_chunk,
    role_chunk,
    said_by,
    saying,
    task,
    text_chunk,
    texts,
    usage_chunk,
    wants_usage,
    words,
)
from ..scenarios import Item, paced, scenario, scripted

__all__ = ["PLAIN", "plain", "results", "tokens_text"]

PLAIN = "Hello from the scripted model."
"""The text of the scenario `plain`, in five pieces."""


@scenario("plain")
def plain(body: Body) -> Iterable[Chunk]:
    """Say "Hello from the scripted model.", a word at a time."""
    return saying(body, texts(PLAIN))


def results(body: Body) -> Iterable[Item]:
    """Answer with the results of the tools."""
    returned = said_by(body, "tool")
    return saying(body, texts(f"The answer is {', '.join(returned)}." if returned else PLAIN))


@scenario("echo")
def _echo(body: Body) -> Iterable[Item]:
    """Repeat the last message of the user."""
    return saying(body, texts(task(body)))


@scenario("empty")
def _empty(body: Body) -> Iterable[Item]:
    """Say nothing the first time, and answer the second request."""
    return saying(body, []) if len(body["messages"]) < 3 else results(body)


_THOUGHT = words("Let me think.")

scripted(
    "reasoning",
    "Think in `reasoning_content`, then do as `plain`.",
    [*map(reasoning_chunk, _THOUGHT), *texts(PLAIN)],
)
scripted(
    "reasoning-alt",
    "Think in `reasoning`, then do as `plain`.",
    [*(reasoning_chunk(word, "reasoning") for word in _THOUGHT), *texts(PLAIN)],
)
scripted(
    "think-tags",
    "Think between `<think>` tags in the text, then do as `plain`.",
    map(text_chunk, ["<th", "ink>", "Let me", " think.", "</", "think>", *words(PLAIN)]),
)
scripted("refusal", "Refuse to help.", map(refusal_chunk, words("I cannot help with that.")))
scripted(
    "content-filter",
    "Say a little, cut short by the content filter.",
    texts("Here is how"),
    "content_filter",
)
scripted(
    "length-text",
    "Say a little, cut short by the length limit.",
    texts("Hello from the"),
    "length",
)

# Usage.


def _usage(input_tokens: int, output_tokens: int) -> Chunk:
    return {"usage": usage_chunk(input_tokens, output_tokens)["usage"]}


_CUMULATIVE = [{**part, **_usage(5, at)} for at, part in enumerate(texts(PLAIN), 1)]

scripted(
    "usage-last",
    'Say "Hi there", and report cached and reasoning tokens.',
    [*texts("Hi there"), finish_chunk("stop"), usage_chunk(5, 6, cached=3, reasoning=2)],
    None,
)
scripted(
    "usage-with-content",
    'Say "Hi there", and report usage in a chunk with text.',
    [text_chunk("Hi"), text_chunk(" there", **_usage(5, 6)), finish_chunk("stop")],
    None,
)
scripted(
    "usage-cumulative",
    "Do as `plain`, and report the usage so far in every chunk.",
    [*_CUMULATIVE, {**finish_chunk("stop"), **_usage(5, len(_CUMULATIVE))}],
    None,
)
scripted(
    "usage-none",
    "Do as `plain`, and report no usage.",
    [*texts(PLAIN), finish_chunk("stop")],
    None,
)

# Slow, stalled and long answers.


@scenario("slow-MS")
def _slow_by(body: Body, pause: float) -> Iterable[Item]:
    """Count, with this many milliseconds before each number."""
    return saying(body, paced((text_chunk(f" {at}") for at in count(1)), pause / 1000))


@scenario("slow")
def _slow(body: Body) -> Iterable[Item]:
    """Count, with 20 ms before each number."""
    return _slow_by(body, 20)


scripted("stall", "Say two words, then nothing.", [*texts("Hello from"), math.inf], None)
scripted("stall-headers", "Send nothing, not even headers.", [math.inf], None)

_TOKENS = words(" the quick brown fox jumps over a lazy dog, and none minds it at all.")


def tokens_text(number: int) -> str:
    """Return the text of the scenario `tokens-N` for N = number."""
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
    """Say this many words, at once."""
    frames = _tokens_frames(body, number)
    for at in range(0, len(frames), 256):
        yield b"".join(frames[at : at + 256])


@scenario("tokens-N-every-MS")
def _tokens_paced(body: Body, number: float, pause: float) -> Iterable[Item]:
    """Say this many words, with this many milliseconds before each."""
    return paced(_tokens_frames(body, number), pause / 1000)
