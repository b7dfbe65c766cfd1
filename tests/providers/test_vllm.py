"""VLLMModel keeps the contract, and what is particular to it.

`tox -e vllm` runs these tests: vLLM needs an environment of its own, and its engine takes a minute
to start.
"""

import asyncio
import json
import sys

import pytest

from rxagent import each
from rxagent.errors import MissingExtra, ModelRejected, ModelUnavailable
from rxagent.events import Finish, TextDelta
from rxagent.messages import Image, Message, Request
from rxagent.models import VLLMModel
from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends import Broken, Endless
from rxagent.testing.far_ends.vllm import VLLMFarEnd
from rxagent.testing.leaks import keepers

from .engines import leave_early, said

pytest.importorskip("vllm")
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore"),  # vLLM's and torch's own, when they are loaded
]


def _is_of_the_engine(opened):
    """Return whether it is a thread or a task of the engine, which serves all tests."""
    if isinstance(opened, asyncio.Task):
        return "/vllm/" in repr(opened.get_coro().cr_code)
    return getattr(opened, "name", "") in ("rxagent-engine", "MPClientEngineMonitor")


keepers["vLLM's engine"] = _is_of_the_engine


class TestVLLM(ModelContract):
    """The real engine, in its own processes, on a tiny model."""

    @pytest.fixture
    def far_end(self):
        """A model that is made to say scripts."""
        with VLLMFarEnd() as far_end:
            yield far_end

    def test_output_schema(self, far_end):
        """A schema is kept, even by a model that knows nothing."""
        schema = {
            "type": "object",
            "properties": {"ok": {"type": "boolean"}},
            "required": ["ok"],
            "additionalProperties": False,
        }
        model = far_end.plain(max_tokens=200, seed=3)
        text, reasons, _ = said(list(each(model(Request("Hi", output=schema)))))

        if reasons == ["stop"]:
            assert {"ok"} == json.loads(text).keys()
        else:  # it may write blanks for ever
            assert text.lstrip().startswith("{")


class Made:
    """How many tokens the engine has made for scripts."""

    def __init__(self, far_end):
        self._far_end = far_end

    @property
    def count(self):
        return self._far_end.made


@pytest.fixture
def far_end():
    """The same, for what is particular."""
    with VLLMFarEnd() as far_end:
        yield far_end


def test_a_request_that_is_left_is_aborted(far_end):
    """After a dispose, the engine makes few more tokens, also while it answers others."""
    leave_early(far_end.serve(Endless(TextDelta("more "))), Made(far_end))
    before = far_end.made
    text, _, (usage,) = said(list(each(far_end.serve(TextDelta("Hello"), Finish("stop"))("Hi"))))

    assert "Hello" == text
    assert before < 500
    assert far_end.made - before <= usage.output_tokens + 3


def test_lengths_and_usage(far_end):
    """The answer has at most max_tokens, and the usage is what was counted."""
    model = far_end.serve(Endless(TextDelta("more ")), max_new_tokens=7)
    text, reasons, (usage,) = said(list(each(model("Hi"))))

    assert (7, ["length"]) == (usage.output_tokens, reasons)
    assert "more more ".startswith(text[:5])


def test_kept_tokens(far_end):
    """Tokens that the engine has kept from an earlier prompt are reported."""
    model = far_end.plain(max_tokens=2)
    text = "A prompt that is longer than a block of the cache. " * 20
    (_, _, (first,)), (_, _, (again,)) = (said(list(each(model(text)))) for _ in range(2))

    assert first.input_tokens == again.input_tokens
    assert first.cached_tokens < again.cached_tokens < again.input_tokens


def test_options_of_the_sampling(far_end):
    """A temperature of 0 takes the likeliest token; a seed makes sampling repeatable."""

    def text(**options):
        return said(list(each(far_end.plain(max_tokens=20, **options)("Hi"))))[0]

    assert text(temperature=0) == text(temperature=0)
    hot = {"temperature": 2.0, "seed": 1}
    assert text(**hot) == text(**hot) != text(temperature=0)


def test_unknown_options(far_end):
    """An option that vLLM does not know is rejected."""
    with pytest.raises(ModelRejected, match="heat"):
        list(each(far_end.plain(heat=3)("Hi")))
    with pytest.raises(ModelRejected, match=r"temperature must be in \[0, 2\]"):
        list(each(far_end.plain(temperature=5.0)("Hi")))


def test_a_prompt_that_is_too_long(far_end):
    """A prompt that fills the context is rejected."""
    with pytest.raises(ModelRejected, match="reads at most 16384 tokens"):
        list(each(far_end.plain()("\u00fc" * 16_384)))


def test_images_are_rejected(far_end):
    """It says what reads them."""
    look = Message("user", "Look.", images=[Image("data:image/png;base64,")])

    with pytest.raises(ModelRejected, match=r"takes no images\. Run `vllm serve`"):
        list(each(far_end.plain()(look)))


def test_an_engine_that_has_ended_is_started_again(far_end):
    """The request that it breaks off fails; the next one is answered."""
    broken = far_end.serve(TextDelta("Hello"), Broken())
    with pytest.raises(ModelUnavailable, match="broke off its reply"):
        list(each(broken("Hi")))
    broken.script = lambda request: [TextDelta("Hello"), Finish("stop")]

    assert ("Hello", ["stop"]) == said(list(each(broken("Hi"))))[:2]


def test_wrong_folders(tmp_path):
    """A folder without a model is an error that says what to do."""
    with pytest.raises(ModelRejected, match=r"cannot be loaded by vLLM: .* Give") as caught:
        list(each(VLLMModel(str(tmp_path))("Hi")))
    assert ("vllm", str(tmp_path)) == (caught.value.provider, caught.value.model)


def test_without_the_engine(monkeypatch):
    """Without vLLM, the error names the command that installs it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "vllm"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "vllm", None)

    with pytest.raises(MissingExtra, match=r"pip install 'rxagent\[vllm\]'"):
        list(each(VLLMModel("name")("Hi")))
