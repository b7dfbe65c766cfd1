"""Hugging Face's models keep the contract; and what is particular about them."""

import pytest

from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.hf import HfFarEnd


class TestHf(ModelContract):
    """A server of one's own."""

    @pytest.fixture
    def far_end(self):
        """A server that speaks its protocol."""
        with HfFarEnd() as far_end:
            yield far_end
