"""Azure's models, called through the real SDK over a real socket."""

import asyncio

import openai
import pytest

from rxagent.errors import ModelError, ModelRejected
from rxagent.events import TextDelta
from rxagent.models import AzureOpenAIModel
from rxagent.streams import each
from rxagent.testing.scripts import PLAIN

GIVEN = {"api_version": "2024-10-21", "api_key": "key"}


def text(model):
    """Return the answer's text."""
    return "".join(delta.text for delta in each(model("Hi")) if isinstance(delta, TextDelta))


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch):
    """Clear the variables of the environment in which the tests run."""
    for name in ("AD_TOKEN", "API_KEY", "ENDPOINT"):
        monkeypatch.delenv(f"AZURE_OPENAI_{name}", raising=False)
    monkeypatch.delenv("OPENAI_API_VERSION", raising=False)


@pytest.mark.parametrize("stream", [True, False])
def test_deployment_by_the_model(server, stream):
    """The model's name is the deployment's, and a key goes where Azure wants it."""
    model = AzureOpenAIModel("plain", azure_endpoint=server.azure_endpoint, stream=stream, **GIVEN)

    assert PLAIN == text(model)
    (request,) = server.requests
    assert "/openai/deployments/plain/chat/completions?api-version=2024-10-21" == request.path
    assert "key" == request.headers["api-key"]


def test_deployment_by_name(server):
    """A deployment may have a name of its own."""
    model = AzureOpenAIModel(
        "gpt-4.1", azure_endpoint=server.azure_endpoint, azure_deployment="echo", **GIVEN
    )

    assert "Hi" == text(model)
    assert "gpt-4.1" == server.requests[0].body["model"]


def test_environment(server, monkeypatch):
    """What the SDK reads from the environment works."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.azure_endpoint)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "secret")
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")

    assert PLAIN == text(AzureOpenAIModel("plain"))
    assert "secret" == server.requests[0].headers["api-key"]


def give_token():
    """Return a token at once."""
    return "token"


async def fetch_token():
    """Return a token, as if from far away."""
    return "token"


@pytest.mark.parametrize("provider", [give_token, fetch_token])
def test_token_provider(server, provider):
    """A function, sync or async, may provide the token."""
    model = AzureOpenAIModel(
        "plain",
        azure_endpoint=server.azure_endpoint,
        api_version="2024-10-21",
        azure_ad_token_provider=provider,
    )

    assert PLAIN == text(model)
    assert "Bearer token" == server.requests[0].headers["authorization"]


@pytest.mark.parametrize("is_named", [True, False])
def test_a_token_is_fetched_off_the_loop(server, is_named):
    """A function that blocks would hold up all runs of the loop."""
    on_loop = []

    def provide():
        on_loop.append(asyncio._get_running_loop() is not None)
        return "token"

    given = {"azure_ad_token_provider": provide}
    given = given if is_named else {"client_kwargs": given}
    model = AzureOpenAIModel(
        "plain", azure_endpoint=server.azure_endpoint, api_version="2024-10-21", **given
    )

    assert PLAIN == text(model)
    assert "Bearer token" == server.requests[0].headers["authorization"]
    assert [False] == on_loop


def test_a_token_that_cannot_be_fetched(server):
    """The error says why."""

    def provide():
        raise OSError("no credentials here")

    model = AzureOpenAIModel(
        "plain",
        azure_endpoint=server.azure_endpoint,
        api_version="2024-10-21",
        azure_ad_token_provider=provide,
    )
    with pytest.raises(ModelError, match="no credentials here"):
        text(model)


@pytest.mark.parametrize(
    ("missing", "variable"),
    [("api_key", "AZURE_OPENAI_API_KEY"), ("api_version", "OPENAI_API_VERSION")],
)
def test_what_is_missing(server, missing, variable):
    """An error names what is missing, and its variable, when the model is called."""
    given = {name: value for name, value in GIVEN.items() if name != missing}
    model = AzureOpenAIModel("plain", azure_endpoint=server.azure_endpoint, **given)

    with pytest.raises(ModelRejected, match=variable) as caught:
        text(model)
    assert "azure" == caught.value.provider


@pytest.mark.skipif(openai.VERSION < "3", reason="Version 2 of the SDK takes both.")
def test_a_key_and_a_token(server):
    """The SDK takes one of them alone, and says so."""
    model = AzureOpenAIModel(
        "plain", azure_endpoint=server.azure_endpoint, azure_ad_token_provider=give_token, **GIVEN
    )
    with pytest.raises(ModelRejected, match="mutually exclusive"):
        text(model)


def test_missing_endpoint():
    """So is an endpoint that is missing."""
    with pytest.raises(ModelRejected, match="AZURE_OPENAI_ENDPOINT"):
        text(AzureOpenAIModel("plain", **GIVEN))
