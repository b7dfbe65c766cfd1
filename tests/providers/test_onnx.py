"""OnnxModel keeps the contract, and what is particular to it."""

import pytest

from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.onnx import OnnxFarEnd

pytest.importorskip("onnxruntime_genai")
pytest.importorskip("onnx_ir")
pytest.importorskip("torch")
pytest.importorskip("transformers")


class TestOnnx(ModelContract):
    """The real engine, on a tiny model."""

    @pytest.fixture
    def far_end(self):
        """A model that is made to say scripts."""
        with OnnxFarEnd() as far_end:
            yield far_end
