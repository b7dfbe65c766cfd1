"""MLXModel keeps the contract, and what is particular to it.

MLX may abort when the interpreter exits after a thread has generated, so `tox -e providers` runs
these tests in a process of their own.
"""

import pytest

from rxagent import each
from rxagent.errors import ModelRejected
from rxagent.models import MLXModel
from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.mlx import MLXFarEnd
from rxagent.testing.far_ends.tiny import tiny_folder

from .engines import Counted, leave_early, said

core = pytest.importorskip("mlx.core")
pytest.importorskip("mlx_lm")
pytest.importorskip("torch")


class TestMLX(ModelContract):
    """The real library, on a tiny model."""

    @pytest.fixture
    def far_end(self):
        """A model that is made to say scripts."""
        with MLXFarEnd() as far_end:
            yield far_end


def constant(token, counted=lambda: None):
    """Return a logits processor that always chooses a token."""

    def process(ids, logits):
        counted()
        forced = core.full(logits.shape, -1e9)
        forced[..., token] = 0
        return forced

    return process


def test_a_stop_takes_effect_at_the_next_token():
    """After a dispose, at most three tokens are generated."""
    counted = Counted()
    model = MLXModel(str(tiny_folder()), logits_processors=[constant(65, counted)])

    assert leave_early(model, counted) <= 3
    assert counted.count < 500


def test_lengths_and_usage():
    """The answer has at most max_tokens, and the usage is what was counted."""
    model = MLXModel(str(tiny_folder()), max_tokens=7, logits_processors=[constant(65)])
    text, reasons, (usage,) = said(list(each(model("Hi"))))

    assert (7, ["length"], 7) == (len(text), reasons, usage.output_tokens)


def test_unknown_options():
    """An option that mlx-lm does not know is rejected."""
    with pytest.raises(ModelRejected, match="unexpected keyword argument 'heat'"):
        list(each(MLXModel(str(tiny_folder()), heat=3)("Hi")))


def test_wrong_folders(tmp_path):
    """A folder without a model is an error that says what to do."""
    with pytest.raises(ModelRejected, match=r"cannot be loaded by mlx-lm: .* Give") as caught:
        list(each(MLXModel(str(tmp_path))("Hi")))
    assert ("mlx", str(tmp_path)) == (caught.value.provider, caught.value.model)
