"""The far end of Bedrock's models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from ...messages import Request
from ...models import AmazonBedrockModel, Model
from ..frames import Body
from ..scenarios import Ending, Reply
from .converse import (
    FINISH_WORDS,
    ConverseRendering,
    WholeRendering,
    converse_rejection,
)
from .converse_requests import check_rules, check_shape, read_converse
from .http import Frame, HttpFarEnd, Rendering
from .items import Item, Rejected, Script

__all__ = ["KEYS", "BedrockFarEnd", "input_shape"]

KEYS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "any",
    "aws_secret_access_key": "any secret",
}
"""The arguments of boto3's client with which models are made."""


class BedrockFarEnd(HttpFarEnd):
    """The far end of `AmazonBedrockModel`."""

    prefix: ClassVar[str] = "bedrock"
    paths: ClassVar[Sequence[str]] = ("/model/{name}/converse-stream", "/model/{name}/converse")
    finish_words: ClassVar[Mapping[str, str]] = FINISH_WORDS
    not_offered: ClassVar[Mapping[str, str]] = {
        "refusals": "Converse has no refusals apart from the text (https://docs.aws.amazon.com/"
        "bedrock/latest/APIReference/API_runtime_ContentBlockDelta.html)"
    }

    @property
    def url(self) -> str:
        """The address to give to boto3 as `endpoint_url`."""
        return self.server.azure_endpoint

    def connect(self, name: str, /, **options: Any) -> Model:
        """Return a model of Bedrock's, connected to the server."""
        given = {**KEYS, "endpoint_url": self.url, **options.pop("client_kwargs", {})}
        return AmazonBedrockModel(name, client_kwargs=given, **options)

    def answer_to(self, name: str, *items: Item) -> None:
        """Answer the requests of the model of this name by these items."""
        self.server.scenario(name, lambda body: self._answer(name, lambda request: items, body))

    def rejection(self, rejected: Rejected, /) -> Reply:
        """Return an error as Bedrock sends it."""
        return converse_rejection(rejected)

    def rendering(self, body: Body, items: Sequence[Item], /) -> Rendering:
        """Return what renders deltas as frames, or as a whole reply."""
        asked = self.server.requests[-1].path  # the request that is being answered
        return ConverseRendering() if asked.endswith("-stream") else WholeRendering()

    def check(self, body: Body) -> None:
        """Check a request against botocore's service model, and Bedrock's rules."""
        from botocore.validate import ParamValidator

        shape = input_shape()
        report = ParamValidator().validate(body, shape).generate_report()
        assert not report, report
        check_shape(body, shape)
        check_rules(body)

    def read(self, body: Body) -> Request:
        """Return what Bedrock understands by a request."""
        return read_converse(body)

    def _answer(
        self, name: str, script: Script, body: Mapping[str, Any]
    ) -> Iterable[Frame | float | Reply | Ending]:
        return super()._answer(name, script, {**body, "modelId": name})


@cache
def input_shape() -> Any:
    """Return the shape of a request in botocore's service model."""
    from botocore.session import get_session

    model = get_session().get_service_model("bedrock-runtime")
    return model.operation_model("ConverseStream").input_shape
