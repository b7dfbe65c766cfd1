"""Options that JSON does not have: they are refused by name, before anything is sent."""

import math
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxagent.errors import ModelRejected
from rxagent.messages import Message, Request
from rxagent.models import (
    AmazonBedrockModel,
    AnthropicModel,
    AzureOpenAIModel,
    InferenceClientModel,
    LiteLLMModel,
    OpenAIModel,
)
from rxagent.models.errors import ErrorFactory
from rxagent.models.json_options import check_json
from rxagent.streams import each

ERRORS = ErrorFactory("any", "m")

SCALARS = st.sampled_from([None, True, 0, -1, 10**20, 1.5, 1e308, "", "ü🎈"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", 1]), inner),
    max_leaves=4,
)

ENDLESS: list = []
ENDLESS.append(ENDLESS)

FOREIGN = {
    "nan": (math.nan, "nan"),
    "infinity": (-math.inf, "-inf"),
    "a large number": (10**400, "too large a number"),
    "half a character": ("\ud800", "a text with half a character"),
    "a set": ({1}, "of the type set"),
    "bytes": (b"x", "of the type bytes"),
    "a date": (date(2026, 1, 1), "of the type date"),
    "an object": (object(), "of the type object"),
    "a key": ({(1,): 2}, "a dict with a key (1,) that is no text"),
    "a true key": ({True: 2}, "a dict with a key True that is no text"),
    "itself": (ENDLESS, "nested too deeply, or holds itself"),
}


@given(VALUES)
def test_what_json_has_is_sent(value):
    """Text, finite numbers, lists, tuples and dicts pass, in any other."""
    check_json({"a": value, "b": (value,)}, ERRORS)


@pytest.mark.parametrize(("value", "what"), FOREIGN.values(), ids=FOREIGN)
@settings(max_examples=10)
@given(before=VALUES, names=st.lists(st.sampled_from(["a", 0]), max_size=4))
def test_what_json_has_not_is_refused(value, what, before, names):
    """It is found wherever it stands, and the error says where that is, and what it is."""
    path = "option" + "".join(f"[{name}]" if name == 0 else f".{name}" for name in names)
    for name in reversed(names):
        value = [value, before] if name == 0 else {"b": before, "a": value}
    with pytest.raises(ModelRejected) as raised:
        check_json({"first": before, "option": value}, ERRORS)

    where = "option" if what.startswith("nested") else path
    assert f"'m' cannot be sent the option {where}, which is {what}. " in str(raised.value)


def test_depth():
    """What is nested deeply may hold itself, so it is refused without being read to its end."""
    deep = []
    for _ in range(10_000):
        deep = [deep, deep]
    with pytest.raises(ModelRejected, match="the option a, which is nested too deeply"):
        check_json({"a": deep}, ERRORS)


def test_what_an_sdk_sends_in_its_own_way():
    """More types may be allowed."""
    check_json({"a": [b"x", Decimal(1)]}, ERRORS, (bytes, Decimal))


MODELS = {
    "azure": AzureOpenAIModel,
    "anthropic": AnthropicModel,
    "bedrock": AmazonBedrockModel,
    "hf": InferenceClientModel,
    "litellm": LiteLLMModel,
    "openai": OpenAIModel,
    "responses": lambda name, **options: OpenAIModel(name, api="responses", **options),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"temperature": math.nan}, "temperature"),
        ({"extra_body": {"a": [math.inf]}}, "extra_body.a[0]"),
        ({"more": {"a": {1, 2}}}, "more.a"),
        ({"more": ENDLESS}, "more"),
    ],
)
def test_no_model_sends_it(make, options, path):
    """Each model refuses it, given to the model or with a request, as no later try helps."""
    requests = [(make("m", **options), Request([Message("user", "Hi")]))]
    if path != "more":  # such a request cannot be made
        requests.append((make("m"), Request([Message("user", "Hi")], options=options)))
    for model, request in requests:
        with pytest.raises(ModelRejected, match="cannot be sent the option") as raised:
            list(each(model(request)))
        assert f" the option {path}, which is " in str(raised.value)
