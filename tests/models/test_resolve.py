"""Models by name, and the doorway of the room."""

import subprocess
import sys

import pytest

from rxagent import models
from rxagent.models import (
    AzureOpenAIModel,
    InferenceClientModel,
    LiteLLMModel,
    OpenAIModel,
    as_model,
    prefixes,
    resolve,
)

from ..sdks import SDKS

FIRST = ", ".join(f"{prefix}:" for prefix in prefixes()[:2])


@pytest.mark.parametrize(
    ("name", "kind", "model_id"),
    [
        ("openai:gpt-5-mini", OpenAIModel, "gpt-5-mini"),
        ("openai:ft:gpt-4.1:acme", OpenAIModel, "ft:gpt-4.1:acme"),
        ("azure:my-deployment", AzureOpenAIModel, "my-deployment"),
        ("hf:Qwen/Qwen3-32B", InferenceClientModel, "Qwen/Qwen3-32B"),
        (
            "hf:https://x.endpoints.huggingface.cloud",
            InferenceClientModel,
            "https://x.endpoints.huggingface.cloud",
        ),
        ("litellm:openai/gpt-5-mini", LiteLLMModel, "openai/gpt-5-mini"),
        ("responses:gpt-5-mini", OpenAIModel, "gpt-5-mini"),
    ],
)
def test_prefixes(name, kind, model_id):
    """The prefix is the provider, the rest is the name of the model there."""
    model = resolve(name)

    assert (kind, model_id) == (type(model), model.model_id)
    protocol = ", api='responses'" if name.startswith("responses:") else ""
    assert f"{kind.__name__}({model_id!r}{protocol})" == repr(model)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("gpt-5-mini", "write 'openai:gpt-5-mini'"),
        ("meta/llama:8b", "write 'openai:meta/llama:8b'"),
        ("openai/gpt-5-mini", "write 'openai:gpt-5-mini'"),
        ("unknown:gpt-5", f"no provider 'unknown'; those known are {FIRST}, "),
        ("acme:llama3", r"OpenAI's protocol, write OpenAIModel\(name, api_base="),
        ("openai:", "names no model"),
        ("", "has no provider"),
    ],
)
def test_names_that_mean_nothing(name, part):
    """A name without provider or model is refused, with what to write."""
    with pytest.raises(ValueError, match=part):
        as_model(name)


def test_every_prefix_leads_to_a_model():
    """What `prefixes` returns can be resolved."""
    assert {"azure", "groq", "hf", "litellm", "ollama", "openai", "responses"} < set(prefixes())
    others = set(prefixes()) - {"builtin"}
    assert {"a"} == {resolve(f"{prefix}:a").model_id for prefix in others}
    assert "tiny" == resolve("builtin:tiny").model_id


def test_options():
    """Options go to the model's class, which rejects reserved ones."""
    with pytest.raises(TypeError, match="no option named messages"):
        resolve("openai:gpt-5", messages=[])


def test_doorway():
    """`__all__` is sorted, is what is visible, and each of its names can be imported."""
    assert sorted(models.__all__) == models.__all__ == dir(models)
    assert [getattr(models, name).__name__ for name in models.__all__] == models.__all__


def test_unknown_name():
    """A name that is not promised is an attribute error."""
    with pytest.raises(AttributeError, match="no attribute 'OpenAPIModel'"):
        _ = models.OpenAPIModel


def test_nothing_heavy():
    """Neither the package, nor declarations, nor classes, nor making a model loads an SDK."""
    program = f"""
import sys
from rxagent.models import AzureOpenAIModel, OpenAIModel, prefixes, resolve
from rxagent.models.resolve import load_provider
resolve("openai:gpt-5-mini")
for prefix in prefixes():
    load_provider(prefix).load()
print(set({SDKS!r}) & set(sys.modules))
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ("set()", "") == (ran.stdout.strip(), ran.stderr)
