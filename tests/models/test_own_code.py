"""Code of the user's that a model calls: what it raises ends the request, and is in the error."""

import asyncio
from importlib import import_module

import pytest

from rxagent import operators as ops
from rxagent.errors import ModelRejected, ModelUnavailable, RateLimited
from rxagent.models import AzureOpenAIModel, OpenAIModel
from rxagent.streams import each
from rxagent.testing.scripts import PLAIN

NAME = "azure_ad_token_provider"


class Raising:
    """A function, as an object."""

    def __init__(self, error):
        self.error = error

    def __call__(self):
        """Raise the error."""
        raise self.error


class Waiting(Raising):
    """An asynchronous one."""

    async def __call__(self):
        """Raise the error, on the loop."""
        await asyncio.sleep(0)
        raise self.error


def in_kwargs(function):
    """Return Azure's arguments with a function that is given to the client."""
    return {"client_kwargs": {NAME: function}}


def azure(server, **given):
    """Return a model of Azure's."""
    return AzureOpenAIModel(
        "plain", azure_endpoint=server.azure_endpoint, api_version="2024-10-21", **given
    )


def hooked(server, **hooks):
    """Return a model with an HTTP client of the user's, which has hooks or other arguments."""
    client = import_module("openai").DefaultAsyncHttpxClient(**hooks)
    return OpenAIModel("plain", http_client=client)


def hook(error):
    """Return a hook of an HTTP client."""

    async def call(_):
        raise error

    return call


PLACES = {
    "sync": lambda server, error: azure(server, **{NAME: Raising(error).__call__}),
    "object": lambda server, error: azure(server, **{NAME: Raising(error)}),
    "async": lambda server, error: azure(server, **{NAME: Waiting(error).__call__}),
    "async object": lambda server, error: azure(server, **{NAME: Waiting(error)}),
    "awaitable": lambda server, error: azure(server, **{NAME: lambda: Waiting(error)()}),
    "in its arguments": lambda server, error: azure(server, **in_kwargs(Raising(error).__call__)),
    "sync key": lambda server, error: OpenAIModel("plain", api_key=Raising(error)),
    "async key": lambda server, error: OpenAIModel("plain", api_key=Waiting(error)),
    "http_client": lambda server, error: OpenAIModel("plain", http_client=Raising(error)),
    "hook": lambda server, error: hooked(server, event_hooks={"request": [hook(error)]}),
    "auth": lambda server, error: hooked(server, auth=lambda _: Raising(error)()),
}

ERRORS = [
    (RuntimeError("no login: run az login"), ModelRejected),
    (OSError("no credentials here"), ModelRejected),
    (SystemExit(3), ModelRejected),
    (KeyboardInterrupt(), ModelRejected),
    (GeneratorExit(), ModelRejected),
    (asyncio.CancelledError(), ModelRejected),
    (ConnectionResetError("reset"), ModelUnavailable),
    (TimeoutError("too slow"), ModelUnavailable),
    (RateLimited("wait a minute"), RateLimited),
]


@pytest.mark.parametrize(("error", "kind"), ERRORS)
@pytest.mark.parametrize("place", PLACES)
def test_what_it_raises(server, place, error, kind):
    """It is in the error of the request, which is a rejection unless it says otherwise."""
    with pytest.raises(kind) as caught:
        list(each(PLACES[place](server, error)("Hi")))

    assert kind is type(caught.value)
    assert str(error) in str(caught.value)
    assert kind is RateLimited or type(error).__name__ in str(caught.value)
    assert [] == server.requests


@pytest.mark.parametrize("place", ["sync", "object", "in its arguments", "sync key", "http_client"])
def test_an_iterator_that_is_empty(server, place):
    """No future can hold what `next` raises then."""
    with pytest.raises(ModelRejected, match="StopIteration"):
        list(each(PLACES[place](server, StopIteration())("Hi")))


@pytest.mark.parametrize("place", ["async", "async object", "awaitable", "async key"])
def test_an_iterator_that_is_empty_in_a_coroutine(server, place):
    """Python makes a RuntimeError of it, which says so."""
    with pytest.raises(ModelRejected, match="coroutine raised StopIteration"):
        list(each(PLACES[place](server, StopIteration())("Hi")))


@pytest.mark.parametrize("error", [KeyError("x-ratelimit-remaining"), RuntimeError("locked")])
def test_a_request_that_was_paid_is_sent_once(server, error):
    """What reads the reply's headers would fail again."""
    model = hooked(server, event_hooks={"response": [hook(error)]})
    with pytest.raises(ModelRejected, match="its http_client raised"):
        list(each(model.pipe(ops.retry(3, delay=0))("Hi")))

    assert 1 == len(server.requests)


def test_a_client_that_was_closed(server):
    """It cannot be called, and no later attempt can."""
    client = import_module("openai").DefaultAsyncHttpxClient()
    asyncio.run(client.aclose())
    with pytest.raises(ModelRejected, match=r"its http_client raised RuntimeError: .*closed"):
        list(each(OpenAIModel("plain", http_client=client)("Hi")))


async def no_client():
    """Return no client, but a coroutine."""


@pytest.mark.parametrize(("make", "what"), [(lambda: None, "None"), (no_client, "an awaitable")])
def test_a_function_that_makes_no_client(server, make, what):
    """The SDK would take its own, or fail later."""
    with pytest.raises(ModelRejected, match=f"http_client.* returned {what}. Write a plain"):
        list(each(OpenAIModel("plain", http_client=make)("Hi")))


@pytest.mark.parametrize("is_async", [True, False])
def test_a_key_that_is_provided(server, is_async):
    """A function, sync or async, may provide the key."""

    async def fetch():
        return "secret"

    model = OpenAIModel("plain", api_key=fetch if is_async else lambda: "secret")

    assert PLAIN == "".join(getattr(delta, "text", "") for delta in each(model("Hi")))
    assert "Bearer secret" == server.requests[0].headers["authorization"]
