"""Bedrock's models, called through the real boto3 and aiohttp over a real socket."""

import pytest
from attrs import evolve

from rxagent.events import Finish, TextDelta, Usage
from rxagent.streams import each
from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.bedrock import BedrockFarEnd

pytest.importorskip("boto3")


class TestContract(ModelContract):
    """Bedrock's models keep the contract."""

    @pytest.fixture
    def far_end(self):
        """A server that speaks the Converse protocol."""
        with BedrockFarEnd() as far_end:
            yield far_end

    def test_usage_in_detail(self, far_end):
        """Tokens of a cache are part of the input; Bedrock does not count those of reasoning."""
        used = Usage(100, 20, cached_tokens=60, cache_write_tokens=30)
        model = far_end.serve(TextDelta("Hello"), Finish("stop"), used)

        assert evolve(used, model=model.model_id) == list(each(model("Hi")))[-1]
