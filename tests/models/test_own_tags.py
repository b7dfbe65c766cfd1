"""Tags of thoughts that some models have of their own."""

from functools import reduce
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.draft import Draft, grow
from rxagent.events import StepRetried
from rxagent.models.errors import ErrorFactory
from rxagent.models.local.text_reader import TextReader
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.models.own_tags import THINK, own_tags, tags_of
from rxagent.streams.fairness import REST
from rxagent.testing.frames import DONE, finish_chunk, sse, text_chunk

OWN = {
    "openai.gpt-oss-120b-1:0": "<reasoning>",
    "openai/gpt-oss-20b": "<reasoning>",
    "us.amazon.nova-pro-v1:0": "<thinking>",
    "bedrock/amazon.nova-lite-v1:0": "<thinking>",
    "amazon/nova-premier-v1": "<thinking>",
    "ByteDance-Seed/Seed-OSS-36B-Instruct": "<seed:think>",
    "LGAI-EXAONE/EXAONE-Deep-7.8B": "<thought>",
    "mistralai/Magistral-Small-2509": "[THINK]",
    "moonshotai/kimi-vl-a3b-thinking": "◁think▷",
}
OTHERS = ["m", "", "gpt-5-mini", "arcee-ai/SuperNova-Lite", "novasky-ai/sky-t1", "EXAONE-4.0-32B"]
NAMES = st.sampled_from(sorted(OWN))
WORDS = st.text(alphabet="ab <[◁/>", max_size=8).filter(lambda text: not text.isspace())
PLACES = st.lists(st.integers(1, 80), max_size=5)


def of_chat(model_id, pieces):
    """Return the deltas of a model behind a chat server."""
    frames = [*map(sse, map(text_chunk, pieces)), sse(finish_chunk("stop")), DONE]
    reply = ChatReply(ErrorFactory("openai", model_id), "here")
    deltas = [delta for frame in frames for delta in reply.feed(frame)] + list(reply.end())
    return [delta for delta in deltas if delta is not REST]


def of_engine(model_id, pieces):
    """Return the deltas of a model in this process."""
    reader = TextReader("", {}, tags_of(model_id))
    return [d for piece in pieces for d in reader.add(piece)] + reader.end(is_cut=False)


def said(deltas):
    """Return thought and answer of a turn, and whether anything was retracted."""
    message = reduce(grow, deltas, Draft()).message
    return message.reasoning, message.text, any(isinstance(one, StepRetried) for one in deltas)


@pytest.mark.parametrize("model_id", OWN)
def test_tags_of_models(model_id):
    """A model is known by its name, with its vendor or without."""
    assert OWN[model_id] == own_tags(model_id)[0]
    assert {THINK, own_tags(model_id)} == set(tags_of(model_id))


@pytest.mark.parametrize("model_id", OTHERS)
def test_other_models(model_id):
    """Other models have the usual tags alone, since any tag may be part of their answer."""
    assert (THINK,) == tags_of(model_id)
    for opening in OWN.values():
        text = f"{opening}So</{opening[1:]}it is."
        assert ("", text, False) == said(of_chat(model_id, [text]))


@pytest.mark.parametrize("read", [of_chat, of_engine])
@given(NAMES, st.booleans(), WORDS, PLACES)
def test_thoughts(read, model_id, is_own, thought, places):
    """What stands between a model's own tags, or the usual ones, is a thought."""
    opening, closing = own_tags(model_id) if is_own else THINK
    thought = f"So{thought} "
    text = f"{opening}{thought}{closing}\nIt is."
    edges = sorted({0, len(text), *(min(place, len(text)) for place in places)})
    pieces = [text[one:two] for one, two in pairwise(edges)]

    assert (thought, "It is.", False) == said(read(model_id, pieces))


def test_a_thought_that_the_template_opens():
    """The closing tag comes alone where the template of the model opens each thought."""
    deltas = of_chat("EXAONE-Deep-32B", ["So it", " is.\n</thought>\n\n", "Yes."])

    assert ("So it is.\n", "Yes.", True) == said(deltas)
    reader = TextReader("[|assistant|]<thought>\n", {}, tags_of("exaone-deep"))
    assert ("So", "Yes.", False) == said(
        [*reader.add("So</thought>Yes."), *reader.end(is_cut=False)]
    )
