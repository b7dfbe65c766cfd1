"""TransformersModel keeps the contract, and what is particular to it."""

import json
import sys

import pytest

from rxagent import each
from rxagent.errors import MissingExtra, ModelRejected, ModelUnavailable
from rxagent.events import Finish, ReasoningDelta, ToolCallDelta
from rxagent.messages import Image, Message, Request, ToolSpec
from rxagent.models import TransformersModel, resolve
from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.tiny import tiny_folder, tiny_model
from rxagent.testing.far_ends.transformers import TransformersFarEnd

from .engines import Counted, leave_early, said

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


class TestTransformers(ModelContract):
    """The real library, on a tiny model that reads text and images."""

    @pytest.fixture
    def far_end(self):
        """A model that is made to say scripts."""
        with TransformersFarEnd() as far_end:
            yield far_end


@pytest.fixture
def tiny():
    """The arguments of a tiny model in memory."""
    network, tokenizer = tiny_model()
    return {"model": network, "tokenizer": tokenizer}


def saying(tokenizer, text, counted=lambda: None):
    """Return logits processors that choose the tokens of a text, and then the end."""
    ids = iter([*tokenizer(text)["input_ids"], tokenizer.eos_token_id])

    def process(_, scores):
        counted()
        forced = torch.full_like(scores, float("-inf"))
        forced[..., next(ids)] = 0
        return forced

    return transformers.LogitsProcessorList([process])


def test_a_folder():
    """A folder is loaded, with arguments of from_pretrained."""
    model = resolve(f"transformers:{tiny_folder()}", torch_dtype="float16", max_tokens=3)
    _, _, (usage,) = said(list(each(model("Hi"))))

    assert 3 >= usage.output_tokens
    assert torch.float16 == model._loading.get(lambda: False).network.dtype


def test_a_stop_takes_effect_at_the_next_token(tiny):
    """After a dispose, at most three tokens are generated."""
    counted = Counted()
    written = saying(tiny["tokenizer"], "a" * 400, counted)

    assert leave_early(TransformersModel(**tiny, logits_processor=written), counted) <= 3
    assert counted.count < 400


def test_lengths_and_usage(tiny):
    """The answer has at most max_tokens, and the usage is what was counted."""
    written = saying(tiny["tokenizer"], "Hello there, how are you?")
    model = TransformersModel(**tiny, logits_processor=written, max_new_tokens=2)
    text, reasons, (usage,) = said(list(each(model("Hi"))))

    assert "Hello there, how are you?".startswith(text)
    assert (["length"], 2) == (reasons, usage.output_tokens)


PARSED = {
    "start_anchor": "<|im_start|>assistant\n",
    "fields": {
        "reasoning_content": {"open": "[THINK]", "close": "[/THINK]", "content": "text"},
        "tool_calls": {
            "open_pattern": r"\s*\[CALL\]",
            "close": "[/CALL]",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"content": "text"},
    },
}
ADD = ToolSpec("add", "Add.", {"type": "object", "properties": {"a": {"type": "integer"}}})
CALL = '{"name": "add", "arguments": {"a": 2}}'
READ = {
    "all": (f"[THINK]Well.[/THINK]So:\n[CALL]{CALL}[/CALL]", "Well.", "So:", [("add", {"a": 2})]),
    "two calls": (f"[CALL]{CALL}[/CALL]\n[CALL]{CALL}[/CALL]", "", "", [("add", {"a": 2})] * 2),
    "text": ("It is [5].", "", "It is [5].", []),
    "a broken call": ("So: [CALL]{broken[/CALL]!", "", "So:{broken[/CALL]!", []),
}


@pytest.mark.parametrize(("written", "reasoning", "text", "calls"), READ.values(), ids=READ)
def test_the_tokenizers_own_parser(tiny, monkeypatch, written, reasoning, text, calls):
    """A tokenizer that says how its answers are read is asked; a broken call is text."""
    tokenizer = tiny["tokenizer"]
    monkeypatch.setattr(tokenizer, "response_template", PARSED, raising=False)
    model = TransformersModel(**tiny, logits_processor=saying(tokenizer, written))
    deltas = list(each(model(Request("Hi", tools=[ADD]))))

    thoughts = [delta.text for delta in deltas if isinstance(delta, ReasoningDelta)]
    made = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    assert (reasoning, text) == ("".join(thoughts), said(deltas)[0])
    assert calls == [(call.name, json.loads(call.arguments)) for call in made]
    assert ["tool_calls" if calls else "stop"] == said(deltas)[1]


def test_a_parsed_call_that_is_cut(tiny, monkeypatch):
    """A call that the length limit cuts comes in half."""
    tokenizer = tiny["tokenizer"]
    monkeypatch.setattr(tokenizer, "response_template", PARSED, raising=False)
    written = f"[CALL]{CALL[:-8]}"
    most = len(tokenizer(written)["input_ids"])
    model = TransformersModel(**tiny, logits_processor=saying(tokenizer, written), max_tokens=most)
    call, finish, _ = each(model(Request("Hi", tools=[ADD])))

    assert ToolCallDelta(0, None, "add", '{"a"'[: len(call.arguments)]) == call
    assert Finish("length") == finish


def test_an_error_of_generate(tiny):
    """What fails while tokens are generated ends the stream, after what was said."""

    def fail(ids, scores):
        raise RuntimeError("CUDA out of memory")

    model = TransformersModel(**tiny, logits_processor=transformers.LogitsProcessorList([fail]))
    with pytest.raises(ModelUnavailable, match=r"could not generate an answer: .*out of memory"):
        list(each(model("Hi")))


def test_unknown_options(tiny):
    """An option that `generate` does not know is rejected."""
    with pytest.raises(ModelRejected, match=r"cannot generate .*\['heat'\]"):
        list(each(TransformersModel(**tiny, heat=3)("Hi")))


def test_a_prompt_that_is_too_long(tiny):
    """A prompt that fills the context is rejected."""
    with pytest.raises(ModelRejected, match="reads at most 16384 tokens"):
        list(each(TransformersModel(**tiny)("ü" * 16_384)))


def test_wrong_folders(tmp_path):
    """A folder without a model is an error that says what to do."""
    with pytest.raises(ModelRejected, match=r"cannot be loaded by transformers: .* Give") as caught:
        list(each(TransformersModel(str(tmp_path))("Hi")))
    assert ("transformers", str(tmp_path)) == (caught.value.provider, caught.value.model)


def test_no_template(tiny, monkeypatch):
    """A model without a chat template is rejected, and a template can be given."""
    monkeypatch.setattr(tiny["tokenizer"], "chat_template", None)

    with pytest.raises(ModelRejected, match="has no chat template"):
        list(each(TransformersModel(**tiny)("Hi")))
    given = TransformersModel(**tiny, chat_template="{{ messages[0].content }}", max_tokens=1)
    assert 2 == said(list(each(given("Hi"))))[2][0].input_tokens


def test_images_are_rejected(tiny):
    """A model that reads text says so."""
    look = Message("user", "Look.", images=[Image("data:image/png;base64,")])

    with pytest.raises(ModelRejected, match="takes no images"):
        list(each(TransformersModel(**tiny)(look)))


def test_arguments(tiny):
    """A model in memory needs its tokenizer, and nothing else does."""
    with pytest.raises(TypeError, match="with its tokenizer"):
        TransformersModel(model=tiny["model"])
    with pytest.raises(TypeError, match="with its model"):
        TransformersModel("name", tokenizer=tiny["tokenizer"])
    with pytest.raises(TypeError, match="Give the name"):
        TransformersModel()


def test_without_the_library(monkeypatch):
    """Without transformers, the error names the command that installs it."""
    monkeypatch.setitem(sys.modules, "transformers", None)

    with pytest.raises(MissingExtra, match=r"pip install 'rxagent\[transformers\]'"):
        list(each(TransformersModel("name")("Hi")))
