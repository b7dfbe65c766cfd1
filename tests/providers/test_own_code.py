"""Code of the user's that an SDK calls: what it raises ends the request, and is in the error."""

import pytest

from rxagent.errors import ModelRejected, RateLimited
from rxagent.models import AmazonBedrockModel, AnthropicModel, LiteLLMModel
from rxagent.streams import each
from rxagent.testing import ScriptedServer


def raising(error):
    """Return a function that raises an error."""

    def provide(**_):
        raise error

    return provide


def waiting(error):
    """Return an asynchronous one."""

    async def provide(**_):
        raise error

    return provide


def anthropic(url, function):
    """Return a model whose credentials are a function."""
    pytest.importorskip("anthropic")
    kwargs = {"credentials": function}
    return AnthropicModel("a-model", api_base=url, client_kwargs=kwargs)


def hooked(url, function):
    """Return a model whose HTTP client has a hook of the user's."""

    async def hook(_):
        function()

    client = pytest.importorskip("anthropic").DefaultAsyncHttpxClient(
        event_hooks={"request": [hook]}
    )
    return AnthropicModel("a-model", api_base=url, api_key="k", http_client=client)


def bedrock(url, function):
    """Return a model whose client has a handler of the user's."""
    boto3 = pytest.importorskip("boto3")
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="id",
        aws_secret_access_key="secret",
    )
    client.meta.events.register("before-sign", function)
    return AmazonBedrockModel("amazon.nova-lite-v1:0", client=client)


def litellm(url, function):
    """Return a model with a function that provides tokens."""
    pytest.importorskip("litellm")
    return LiteLLMModel(
        "azure/gpt-4o", api_base=url, api_version="1", azure_ad_token_provider=function
    )


SAID = {StopIteration: r"raised (StopIteration: empty|RuntimeError: coroutine raised StopI)"}
"""Within a coroutine, Python makes another error of this one."""

MODELS = [
    (anthropic, raising),
    (anthropic, waiting),
    (hooked, raising),
    (bedrock, raising),
    (litellm, raising),
]


@pytest.fixture
def url(monkeypatch):
    """The address of a server that is never asked."""
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "AZURE_API_KEY", "AZURE_AD_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with ScriptedServer() as server:
        yield server.url
        assert [] == server.requests


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("no login: run az login"),
        FileNotFoundError("no such helper"),
        StopIteration("empty"),
        SystemExit("bye"),
        KeyboardInterrupt("stop"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize(("model", "function"), MODELS)
def test_what_it_raises(url, model, function, error):
    """It is in the error of the request, which is not sent again."""
    said = SAID.get(type(error), f"{type(error).__name__}: {error}")
    with pytest.raises(ModelRejected, match=said):
        list(each(model(url, function(error))("Hi")))


@pytest.mark.parametrize(("model", "function"), MODELS)
def test_an_error_of_ours(url, model, function):
    """One that says what it means stays as it is."""
    error = RateLimited("wait a minute", retry_after=60)
    with pytest.raises(RateLimited, match="wait a minute") as caught:
        list(each(model(url, function(error))("Hi")))

    assert 60 == caught.value.retry_after
