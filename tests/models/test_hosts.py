"""Hosts by name keep the contract; and what is particular about them."""

import pytest

from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.mistral import MistralFarEnd


class TestMistral(ModelContract):
    """The host with the most oddities."""

    @pytest.fixture
    def far_end(self):
        """A server that refuses what Mistral's refuses."""
        with MistralFarEnd() as far_end:
            yield far_end
