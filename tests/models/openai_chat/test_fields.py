"""The fields of chunks: usage, finish reasons, indexes, ids and cut characters."""

import json
from functools import reduce

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import (
    MalformedReply,
)
from rxagent.events import (
    Finish,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from rxagent.models.openai_chat.fields import Usages
from rxagent.testing.frames import (
    DONE,
    chunk,
    finish_chunk,
    sse,
    text_chunk,
    usage_chunk,
)


def test_wrong_finish(read):
    """A finish reason that is none does not end the reply as if it were one."""
    with pytest.raises(MalformedReply):
        read(sse(chunk({}, {"why": "stop"})))


def test_whole_counts(read):
    """Tokens may be counted in floats, as long as they are whole."""
    assert [Finish("stop"), Usage(5, 6, model="m")] == read(
        sse(finish_chunk("stop")), sse(usage_chunk(5.0, 6.0)), DONE
    )


COUNTS = [2.25, "x", -1, True, [], {}, float("nan"), float("inf")]


@pytest.mark.parametrize("count", COUNTS, ids=repr)
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_odd_usage(read, name, count):
    """A report that makes no sense is unknown, and takes no text with it."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2, name: count}
    last = {**chunk({"content": "Hi"}, "stop"), "usage": usage}

    assert [TextDelta("Hi"), Finish("stop")] == read(b"data: %s\n\n" % json.dumps(last).encode())


@pytest.mark.parametrize("details", [5, "x", [], {"cached_tokens": "x"}, {"cached_tokens": -1}])
def test_odd_details(read, details):
    """A detail that makes no sense takes no other number with it."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": details}

    assert [Finish("stop"), Usage(5, 2, model="m")] == read(
        sse(finish_chunk("stop")), sse({"usage": usage})
    )


CACHED = [
    # OpenAI, OpenRouter
    {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}},
    {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}},
    # LiteLLM, which repeats Anthropic's fields
    {
        "prompt_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_creation_tokens": 3},
        "cache_read_input_tokens": 4,
        "cache_creation_input_tokens": 3,
    },
    # Qwen
    {
        "prompt_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_creation_input_tokens": 3},
    },
    # Anthropic, and proxies before it
    {"input_tokens": 2, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 3},
    {"prompt_tokens": 2, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 3},
]


@pytest.mark.parametrize("report", CACHED, ids=lambda report: ", ".join(report))
def test_caches(report):
    """The input has what was read from a cache and written to one, in the words of any server."""
    added = Usages("big").add({**report, "output_tokens": 5})

    assert Usage(9, 5, cached_tokens=4, cache_write_tokens=3, model="big") == added


@pytest.mark.parametrize(
    "report",
    [
        {"prompt_tokens": 9, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5},
        {"prompt_tokens": 9, "cached_tokens": 4},
    ],
    ids=["DeepSeek", "Moonshot"],
)
def test_caches_that_are_only_read(report):
    """Where writing to a cache is no matter, nothing was written."""
    assert Usage(9, 0, cached_tokens=4) == Usages(None).add(report)


LEFT_OUT = [
    # xAI's example, its Responses protocol, and a long answer with few thoughts
    ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135}, 94, 103),
    ({"input_tokens": 32, "output_tokens": 9, "total_tokens": 135}, 94, 103),
    ({"prompt_tokens": 32, "completion_tokens": 900, "total_tokens": 1026}, 94, 994),
    # without a total, and where the total leaves them out as well, as Perplexity's
    ({"prompt_tokens": 32, "completion_tokens": 9}, 94, 103),
    ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 41}, 94, 103),
    # nothing but thoughts, from a proxy before Gemini
    ({"prompt_tokens": 21, "completion_tokens": 0, "total_tokens": 81}, 60, 60),
    # Gemini's thoughts without their number
    ({"prompt_tokens": 20, "completion_tokens": 424, "total_tokens": 1016}, 0, 996),
]
WITHIN = [
    ({"prompt_tokens": 32, "completion_tokens": 103, "total_tokens": 135}, 94, 103),
    ({"prompt_tokens": 500, "completion_tokens": 500, "total_tokens": 1000}, 500, 500),
    ({"prompt_tokens": 32, "completion_tokens": 103}, 94, 103),
    ({"prompt_tokens": 32, "completion_tokens": 103, "total_tokens": 0}, 94, 103),
    ({"prompt_tokens": 32, "completion_tokens": 103, "total_tokens": "x"}, 94, 103),
    # a total that counts what a cache took part in twice
    ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 48, "cached_tokens": 7}, 0, 9),
]


@pytest.mark.parametrize(("report", "thought", "made"), LEFT_OUT + WITHIN)
def test_reasoning_is_part_of_the_output(report, thought, made):
    """The output has the reasoning, whether the server counts it so or beside."""
    prefix = "completion" if "completion_tokens" in report else "output"
    details = {f"{prefix}_tokens_details": {"reasoning_tokens": thought}}
    added = Usages(None).add({**report, **details})

    assert (made, thought) == (added.output_tokens, added.reasoning_tokens)


counts = st.integers(0, 1000)
partial_reports = st.dictionaries(
    st.sampled_from(
        [
            "prompt_tokens",
            "input_tokens",
            "output_tokens",
            "cached_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "reasoning_tokens",
            "total_tokens",
        ]
    ),
    counts | st.none() | st.just("x"),
)


@given(st.lists(partial_reports))
def test_a_part_is_no_more_than_the_whole(reports):
    """Whatever is reported, the input holds what was cached, the output what was thought, and no
    number falls."""
    usages = Usages("big")
    added = [usage for report in reports if (usage := usages.add(report)) is not None]
    total = reduce(Usage.sum, added, None)

    assert all(min(attrs.astuple(usage)[:5]) >= 0 for usage in added)
    assert total is None or total.input_tokens >= total.cached_tokens
    assert total is None or total.output_tokens >= total.reasoning_tokens
    assert total is None or total.model == "big"


def test_usage_in_the_choice(read):
    """A report within the choice counts, once."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    choice = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage}

    assert {Finish("stop"), Usage(5, 2, model="m")} == set(
        read(sse({"choices": [choice], "usage": usage}))
    )


@pytest.mark.parametrize("beside", [{}, {"usage": {"prompt_tokens": 5, "completion_tokens": 2}}])
def test_usage_of_groq(read, beside):
    """A report in Groq's own object counts, once."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_time": 0.1}
    last = {**finish_chunk("stop"), "x_groq": {"id": "req_1", "usage": usage}, **beside}

    assert [Finish("stop"), Usage(5, 2, model="m")] == read(sse(last), DONE)


@given(st.text(alphabet='aü🎈"\\\n', max_size=12), st.data())
def test_halves(read, text, data):
    """Pieces that cut a character in two are joined, and none holds a half."""
    units = text.encode("utf-16-le")
    at = 2 * data.draw(st.integers(0, len(units) // 2))
    halves = [part.decode("utf-16-le", "surrogatepass") for part in (units[:at], units[at:])]
    for make in (text_chunk, lambda piece: chunk({"reasoning_content": piece})):
        frames = [b"data: %s\n\n" % json.dumps(make(half)).encode() for half in halves]

        assert text == "".join(
            delta.text for delta in read(*frames, DONE) if hasattr(delta, "text")
        )


def test_a_lone_half(read):
    """A half that stays alone is replaced, at the end and in the middle."""
    alone = b"data: %s\n\n" % json.dumps(text_chunk("a\ud83d")).encode()

    assert "a\ufffd" == "".join(delta.text for delta in read(alone, DONE))
    assert "a\ufffdb" == "".join(d.text for d in read(alone, sse(text_chunk("b")), DONE))


@pytest.mark.parametrize(("id", "text"), [(5, "5"), (1.5, "1.5"), (["a"], '["a"]'), (None, None)])
def test_ids_of_other_types(read, id, text):
    """An id of another type is taken as text."""
    function = {"name": "add", "arguments": "{}"}
    part = chunk({"tool_calls": [{"index": "1", "id": id, "function": function}]})

    assert [ToolCallDelta(1, text, "add", "{}")] == read(sse(part), DONE)
