"""OnnxModel keeps the contract, and what is particular to it."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from copy import copy

import pytest

from rxagent import Agent, each, tool
from rxagent.errors import MissingExtra, ModelRejected
from rxagent.events import Finish, TextDelta, ToolCallDelta
from rxagent.messages import Image, Message, Request
from rxagent.models import OnnxModel, resolve
from rxagent.models.local.model import MAX_TOKENS
from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends import Endless
from rxagent.testing.far_ends.onnx import OnnxFarEnd
from rxagent.testing.far_ends.tiny import END, onnx_folder

from .engines import Counted, leave_early, said

for needed in ("onnxruntime_genai", "onnx_ir", "torch", "transformers"):
    pytest.importorskip(needed)


class TestOnnx(ModelContract):
    """The real engine, on a tiny model."""

    @pytest.fixture
    def far_end(self):
        """A model that is made to say scripts."""
        with OnnxFarEnd() as far_end:
            yield far_end

    def test_output_schema(self, far_end):
        """A schema is kept, even by a model that knows nothing."""
        schema = {
            "type": "object",
            "properties": {"ok": {"type": "boolean"}},
            "required": ["ok"],
            "additionalProperties": False,
        }
        model = OnnxModel(onnx_folder(), max_tokens=200, do_sample=True, seed=3)
        text, reasons, _ = said(list(each(model(Request("Hi", output=schema)))))

        if reasons == ["stop"]:
            assert {"ok"} == json.loads(text).keys()
        else:  # it may write blanks for ever
            assert text.lstrip().startswith("{")


@pytest.fixture
def folder(tmp_path):
    """A folder of a model, which a test may damage."""
    return shutil.copytree(onnx_folder(), tmp_path / "model")


def constant(token, counted=lambda: None):
    """Return a logits processor that always chooses a token."""

    def process(ids, logits):
        counted()
        logits[...] = -1e9
        logits[..., token] = 0
        return logits

    return process


def test_an_agent_on_a_folder(folder):
    """A name with a folder is a model; an agent runs tools by the calls that it writes as text."""

    @tool
    def add(a: int, b: int) -> int:
        """Return the sum of two integers."""
        return a + b

    call = ToolCallDelta(0, "call_1", "add", '{"a": 2, "b": 3}')
    with OnnxFarEnd() as far_end:
        scripts = iter([[call, Finish("tool_calls")], [TextDelta("It is 5."), Finish("stop")]])
        model = far_end.perform(lambda request: next(scripts))
        agent = Agent(model, [add])

        assert "It is 5." == agent.run("What is 2 + 3?")
        assert "5" == far_end.requests[-1].messages[-1].text
    assert isinstance(resolve(f"onnx:{folder}"), OnnxModel)


def test_the_command_line_streams(folder):
    """`rxagent run` prints an answer while it is generated; Ctrl-C ends it."""
    pty = pytest.importorskip("pty")
    # Untrained, it repeats the end of its prompt: "ow".
    (folder / "chat_template.jinja").write_text("{{ messages[-1].content }} Flow", "utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rxagent", "run", "-m", f"onnx:{folder}", "Tell me a story."]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        printed = b""
        with open(ours, "rb", buffering=0) as screen, suppress(OSError):  # its end is an error
            while piece := screen.read(1 << 16):
                if b"owow" not in printed and b"owow" in printed + piece:
                    process.send_signal(signal.SIGINT)
                printed += piece

    assert 130 == process.returncode
    assert 1 < printed.count(b"ow") < MAX_TOKENS


def test_a_stop_takes_effect_at_the_next_token():
    """After a dispose, at most three tokens are generated."""
    counted = Counted()
    model = OnnxModel(onnx_folder(), logits_processor=constant(65, counted))

    assert leave_early(model, counted) <= 3
    assert counted.count < 500


def test_a_long_prompt_can_be_left():
    """A prompt is read in parts, and left between them."""
    counted = Counted()
    with OnnxFarEnd() as far_end:
        model = far_end.serve(Endless(TextDelta("more ")), logits_processor=constant(65, counted))
        subscription = model("word " * 2500).subscribe()
        far_end.wait_call(model)
        subscription.dispose()
        far_end.wait_hang_up(model)

    assert 0 == counted.count


def test_lengths_and_usage():
    """The answer has at most max_tokens, and the usage is what was counted."""
    counted = Counted()
    model = OnnxModel(onnx_folder(), max_tokens=7, logits_processor=constant(65, counted))
    text, reasons, (usage,) = said(list(each(model("Hi"))))

    assert (7, ["length"], 7, 7) == (len(text), reasons, usage.output_tokens, counted.count)
    text, reasons, _ = said(list(each(model(Request("Hi", options={"max_new_tokens": 3})))))
    assert (3, ["length"]) == (len(text), reasons)


def test_the_end_of_the_context():
    """An answer ends where the context does; a prompt that fills it is rejected."""
    (model_settings,) = [json.loads((onnx_folder() / "genai_config.json").read_text())["model"]]
    length = model_settings["context_length"]
    model = OnnxModel(onnx_folder())

    with pytest.raises(ModelRejected, match=rf"at most {length} tokens, and the messages have \d+"):
        list(each(model("ü" * length)))


def test_options_of_the_search():
    """Sampling is switched on by its options, and a temperature of 0 is none."""
    hot = OnnxModel(onnx_folder(), temperature=5.0, top_k=0, seed=1, max_tokens=20)
    first, again = (said(list(each(hot("Hi"))))[0] for _ in range(2))
    cold = {said(list(each(hot(Request("Hi", options=options)))))[0] for options in COLD}

    assert first == again
    assert 1 == len(cold)
    assert first not in cold


COLD = [
    {"temperature": 0},
    {"temperature": None, "top_k": None, "seed": None},
    {"seed": 7, "temperature": 0},
]


def test_unknown_options():
    """An option that the engine does not know is rejected, with those that it knows."""
    with pytest.raises(ModelRejected, match=r'Unknown value "heat"\. Those of .* temperature'):
        list(each(OnnxModel(onnx_folder(), heat=3)("Hi")))
    with pytest.raises(ModelRejected, match="max_tokens, not '5'"):
        list(each(OnnxModel(onnx_folder(), max_tokens="5")("Hi")))


def test_stops_of_options():
    """Texts at which the answer ends may be options too."""
    with OnnxFarEnd() as far_end:
        model = far_end.serve(TextDelta("one two STOP"), Endless(TextDelta(" x")), stop="STOP")
        text, reasons, (usage,) = said(list(each(model("Hi"))))

    assert ("one two ", ["stop"]) == (text, reasons)
    assert usage.output_tokens > 0


WRONG = {
    "no folder": (lambda folder: shutil.rmtree(folder), "is no folder with genai_config.json"),
    "empty": (lambda folder: [f.unlink() for f in folder.iterdir()], "is a folder without"),
    "no weights": (lambda folder: (folder / "model.onnx").unlink(), "cannot be loaded"),
    "no settings": (lambda folder: (folder / "genai_config.json").write_text("{"), "be loaded"),
    "no template": (lambda folder: (folder / "chat_template.jinja").unlink(), "no chat template"),
    "broken template": (
        lambda folder: (folder / "chat_template.jinja").write_text("{% if %}"),
        "does not take these messages",
    ),
}


@pytest.mark.parametrize(("damage", "why"), WRONG.values(), ids=WRONG)
def test_wrong_folders(folder, damage, why):
    """Each is an error that names the provider and the folder, and says what to do."""
    damage(folder)

    with pytest.raises(ModelRejected, match=why) as caught:
        list(each(OnnxModel(folder)("Hi")))
    assert ("onnx", str(folder)) == (caught.value.provider, caught.value.model)
    assert any(word in str(caught.value) for word in ("Give", "Take", "Check"))


def test_a_template_of_the_user(folder):
    """A template may be given in place of a missing one."""
    (folder / "chat_template.jinja").unlink()
    model = OnnxModel(folder, chat_template="{{ messages[0].content }}", max_tokens=3)

    assert 3 == said(list(each(model("Hi"))))[2][0].output_tokens


def test_images_are_rejected():
    """A model that reads text says so."""
    look = Message("user", "Look.", images=[Image("data:image/png;base64,")])

    with pytest.raises(ModelRejected, match="takes no images"):
        list(each(OnnxModel(onnx_folder())(look)))


def test_without_the_engine(monkeypatch):
    """Without onnxruntime-genai, the error names the command that installs it."""
    monkeypatch.setitem(sys.modules, "onnxruntime_genai", None)

    with pytest.raises(MissingExtra, match=r"pip install 'rxagent\[onnx\]'"):
        list(each(OnnxModel(onnx_folder())("Hi")))


def test_copies_share_what_is_loaded(monkeypatch):
    """A copy has the same engine; what is pickled loads its own."""
    loads = []
    load = OnnxModel._load
    monkeypatch.setattr(OnnxModel, "_load", lambda self: loads.append(1) or load(self))
    model = OnnxModel(onnx_folder(), max_tokens=1)

    for one in (model, copy(model), pickle.loads(pickle.dumps(model))):
        list(each(one("Hi")))
    assert 2 == len(loads)


def test_special_tokens_are_no_text():
    """The end token and other special tokens are not part of the text."""
    with OnnxFarEnd() as far_end:
        text, reasons, _ = said(list(each(far_end.serve(TextDelta("Hi"), Finish("stop"))("Hi"))))

    assert ("Hi", ["stop"]) == (text, reasons)
    assert END not in text
