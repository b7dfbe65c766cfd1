"""OpenAI's and Azure's models keep the contract, through both protocols of OpenAI."""

import pytest

from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.azure import AzureFarEnd
from rxagent.testing.far_ends.openai import OpenAIFarEnd
from rxagent.testing.far_ends.responses import ResponsesFarEnd


class TestOpenAI(ModelContract):
    """OpenAI's chat protocol."""

    @pytest.fixture
    def far_end(self):
        """A server that speaks it."""
        with OpenAIFarEnd() as far_end:
            yield far_end


class TestAzure(ModelContract):
    """The same, as Azure serves it."""

    @pytest.fixture
    def far_end(self):
        """A server with Azure's paths."""
        with AzureFarEnd() as far_end:
            yield far_end


class TestResponses(ModelContract):
    """OpenAI's Responses protocol."""

    @pytest.fixture
    def far_end(self):
        """A server that speaks it."""
        with ResponsesFarEnd() as far_end:
            yield far_end
