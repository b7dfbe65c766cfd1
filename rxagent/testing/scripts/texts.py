"""Texts: answers that are said, and what is reported of their usage."""

from collections.abc import Iterable
from typing import Any

from rxagent.testing.asked import task
from rxagent.testing.frames import (
    Body,
    finish_chunk,
    reasoning_chunk,
    refusal_chunk,
    text_chunk,
    usage_chunk,
)
from rxagent.testing.scenarios import Item
from rxagent.testing.scripts.saying import (
    PLAIN,
    results,
    saying,
    scenario,
    texts,
    words,
)


@scenario("echo")
def _echo(body: Body) -> Iterable[Item]:
    """Say what the user said last."""
    return saying(body, texts(task(body)))


@scenario("empty")
def _empty(body: Body) -> Iterable[Item]:
    """Say nothing the first time, and answer when asked again."""
    return saying(body, []) if len(body["messages"]) < 3 else results(body)


@scenario("reasoning")
def _reasoning(body: Body) -> Iterable[Item]:
    """Think aloud in `reasoning_content`, then do as `plain`."""
    return saying(body, [*map(reasoning_chunk, words("Let me think.")), *texts(PLAIN)])


@scenario("reasoning-alt")
def _reasoning_alt(body: Body) -> Iterable[Item]:
    """Think aloud in `reasoning`, then do as `plain`."""
    thoughts = [reasoning_chunk(word, "reasoning") for word in words("Let me think.")]
    return saying(body, [*thoughts, *texts(PLAIN)])


@scenario("think-tags")
def _think_tags(body: Body) -> Iterable[Item]:
    """Think aloud between `<think>` tags in the text, then do as `plain`."""
    pieces = ["<th", "ink>", "Let me", " think.", "</", "think>", *words(PLAIN)]
    return saying(body, map(text_chunk, pieces))


@scenario("refusal")
def _refusal(body: Body) -> Iterable[Item]:
    """Refuse to help."""
    return saying(body, map(refusal_chunk, words("I cannot help with that.")))


@scenario("content-filter")
def _content_filter(body: Body) -> Iterable[Item]:
    """Say a little, cut short by the content filter."""
    return saying(body, texts("Here is how"), "content_filter")


@scenario("length-text")
def _length_text(body: Body) -> Iterable[Item]:
    """Say a little, cut short by the length limit."""
    return saying(body, texts("Hello from the"), "length")


# Usage.


@scenario("usage-last")
def _usage_last(body: Body) -> Iterable[Item]:
    """Say "Hi there", and report cached and reasoning tokens."""
    return [*texts("Hi there"), finish_chunk("stop"), usage_chunk(5, 6, cached=3, reasoning=2)]


@scenario("usage-with-content")
def _usage_with_content(body: Body) -> Iterable[Item]:
    """Say "Hi there", and report usage in a chunk with text."""
    return [text_chunk("Hi"), {**text_chunk(" there"), **_usage(5, 6)}, finish_chunk("stop")]


@scenario("usage-cumulative")
def _usage_cumulative(body: Body) -> Iterable[Item]:
    """Do as `plain`, and report the usage so far in every chunk."""
    said = [text_chunk(word, **_usage(5, at)) for at, word in enumerate(words(PLAIN), 1)]
    return [*said, {**finish_chunk("stop"), **_usage(5, len(said))}]


@scenario("usage-none")
def _usage_none(body: Body) -> Iterable[Item]:
    """Do as `plain`, and report no usage."""
    return [*texts(PLAIN), finish_chunk("stop")]


def _usage(input_tokens: int, output_tokens: int) -> dict[str, Any]:
    return {"usage": usage_chunk(input_tokens, output_tokens)["usage"]}
