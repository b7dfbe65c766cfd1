"""LiteLLM's models keep the contract; and what is particular about them."""

import pytest

from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.litellm import LiteLLMFarEnd

pytest.importorskip("litellm")

# Both are pydantic's, about LiteLLM's classes.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*`ReadOnly` qualifier:UserWarning"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning"),
]


class TestLiteLLM(ModelContract):
    """A server that it takes for OpenAI's."""

    @pytest.fixture
    def far_end(self):
        """A server that speaks OpenAI's protocol."""
        with LiteLLMFarEnd() as far_end:
            yield far_end
