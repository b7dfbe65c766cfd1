"""Anthropic's models keep the contract."""

import pytest

from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.anthropic import AnthropicFarEnd

pytest.importorskip("anthropic")


class TestAnthropic(ModelContract):
    """The Messages protocol."""

    @pytest.fixture
    def far_end(self):
        """A server that speaks it."""
        with AnthropicFarEnd() as far_end:
            yield far_end
