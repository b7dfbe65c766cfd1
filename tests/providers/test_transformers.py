"""TransformersModel keeps the contract, and what is particular to it."""

import pytest

from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.transformers import TransformersFarEnd

pytest.importorskip("torch")
pytest.importorskip("transformers")


class TestTransformers(ModelContract):
    """The real library, on a tiny model."""

    @pytest.fixture
    def far_end(self):
        """A model that is made to say scripts."""
        with TransformersFarEnd() as far_end:
            yield far_end
