"""Keys that cannot be sent: each model says so alike, and none shows the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import ModelRejected
from rxagent.models import (
    AmazonBedrockModel,
    AnthropicModel,
    AzureOpenAIModel,
    InferenceClientModel,
    LiteLLMModel,
    OpenAIModel,
    resolve,
)
from rxagent.models.errors import ErrorFactory
from rxagent.models.keys import check_keys
from rxagent.streams import each

NOWHERE = "http://127.0.0.1:9/v1"
SECRET = "sk-Secret"

MODELS = {
    "openai": lambda key: OpenAIModel("m", api_base=NOWHERE, api_key=key),
    "responses": lambda key: OpenAIModel("m", api="responses", api_base=NOWHERE, api_key=key),
    "azure": lambda key: AzureOpenAIModel("m", azure_endpoint=NOWHERE, api_key=key),
    "groq": lambda key: resolve("groq:m", api_base=NOWHERE, api_key=key),
    "anthropic": lambda key: AnthropicModel("m", api_base=NOWHERE, api_key=key),
    "token": lambda key: AnthropicModel("m", client_kwargs={"auth_token": key}),
    "hf": lambda key: InferenceClientModel("m", api_base=NOWHERE, token=key),
    "litellm": lambda key: LiteLLMModel("openai/m", api_base=NOWHERE, api_key=key),
    "bedrock": lambda key: AmazonBedrockModel("m", client_kwargs={"aws_access_key_id": key}),
}


def rejection(model):
    """Return the error of a model that rejects a request."""
    with pytest.raises(ModelRejected) as caught:
        list(each(model("Hi")))
    return caught.value


@pytest.mark.parametrize("key", [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\r\nX: 1", f"{SECRET}€"])
@pytest.mark.parametrize("provider", MODELS)
def test_a_key_that_cannot_be_sent(provider, key):
    """It is rejected before anything is sent, so that `retry` does not repeat it."""
    error = rejection(MODELS[provider](key))

    assert "cannot be called with this" in str(error)
    assert SECRET not in str(error)
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("variable", "make"),
    [
        ("OPENAI_API_KEY", lambda: OpenAIModel("m", api_base=NOWHERE)),
        ("ANTHROPIC_API_KEY", lambda: AnthropicModel("m", api_base=NOWHERE)),
        ("GROQ_API_KEY", lambda: resolve("groq:m", api_base=NOWHERE)),
    ],
)
def test_a_key_of_the_environment(monkeypatch, variable, make):
    """The same holds for a key that the SDK finds there."""
    monkeypatch.setenv(variable, f"{SECRET}\n")
    error = rejection(make())

    assert f"cannot be called with this {variable}" in str(error)
    assert SECRET not in str(error)


def test_keys_that_are_bytes():
    """An SDK would send the text that Python writes for them."""
    error = rejection(OpenAIModel("m", api_base=NOWHERE, api_key=SECRET.encode()))

    assert "it is bytes. Give a text, as `key.decode()` makes it" in str(error)
    assert SECRET not in str(error)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"])).map(str.strip))
def test_keys_that_can_be_sent(key):
    """Any other key is taken, also a sentence, where the server needs none."""
    check_keys({"api_key": key, "timeout": 5, "token": True}, "NO_SUCH_KEY", ErrorFactory("p", "m"))
