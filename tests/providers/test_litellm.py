"""LiteLLM's models keep the contract; and what is particular about them."""

import asyncio
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rxagent.errors import (
    MalformedReply,
    MissingExtra,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from rxagent.events import Finish, TextDelta, Usage
from rxagent.messages import Message, Request, ToolCall
from rxagent.models import LiteLLMModel
from rxagent.models.errors import ErrorFactory
from rxagent.models.litellm_sdk.clients import Clients
from rxagent.models.litellm_sdk.failures import error_of
from rxagent.streams import each
from rxagent.testing import ScriptedServer
from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.litellm import LiteLLMFarEnd
from rxagent.testing.frames import finish_chunk, text_chunk
from rxagent.testing.scripts import PLAIN

litellm = pytest.importorskip("litellm")


class TestLiteLLM(ModelContract):
    """A server that it takes for OpenAI's."""

    @pytest.fixture
    def far_end(self):
        """A server that speaks OpenAI's protocol."""
        with LiteLLMFarEnd() as far_end:
            yield far_end


@pytest.fixture
def server():
    """A scripted server."""
    with ScriptedServer() as server:
        yield server


def model(server, name="plain", **options):
    """Return a model of the server."""
    return LiteLLMModel(f"openai/{name}", api_base=server.url, api_key="key", **options)


def serve(server, *items):
    """Let the server send this for a model, and return that model."""
    server.scenario("here", lambda body: items)
    return model(server, "here")


def text(found):
    """Return the text of deltas."""
    return "".join(delta.text for delta in found if isinstance(delta, TextDelta))


# What LiteLLM makes up.


def test_a_usage_that_it_made_up_is_none(server):
    """Where the provider reports no usage, it is unknown."""
    assert [] == [d for d in each(model(server, "usage-none")("Hi")) if isinstance(d, Usage)]


@pytest.mark.parametrize("stream", [True, False])
def test_a_usage_that_was_reported(server, stream):
    """The provider's own report is emitted."""
    found = [*each(model(server, "usage-last", stream=stream)("Hi"))]
    (usage,) = [delta for delta in found if isinstance(delta, Usage)]

    assert (5, 6, 3, 2) == (
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
    )


def test_a_finish_reason_that_no_table_knows(server):
    """It is an error with the provider's word, and no `stop`."""
    with pytest.raises(ModelUnavailable, match="ended with 'out_of_luck'"):
        list(each(serve(server, text_chunk("Hi"), finish_chunk("out_of_luck"))("Hi")))


def test_a_finish_reason_that_never_came(server):
    """A page instead of a reply is no empty answer."""
    with pytest.raises(ModelUnavailable, match="broke off"):
        list(each(model(server, "garbage-html")("Hi")))


# Histories.


@pytest.mark.parametrize(
    ("name", "roles", "thought"),
    [
        ("openai/gpt-5-mini", ["user", "assistant", "tool", "user"], None),
        ("gemini/gemini-3-pro", ["user", "assistant", "tool", "user"], None),
        ("deepseek/deepseek-v4-pro", ["user", "assistant", "tool", "user"], " "),
        ("moonshot/kimi-k3", ["user", "assistant", "tool", "user"], " "),
        ("mistral/mistral-large-latest", ["user", "assistant", "tool", "assistant", "user"], None),
    ],
)
def test_what_a_provider_demands_of_messages(name, roles, thought):
    """It is sent through LiteLLM, too, but for signatures, which that makes itself."""
    call = Message("assistant", tool_calls=[ToolCall("c", "add", "{}")])
    result = Message("tool", "5", tool_call_id="c")
    request = Request([Message("user", "Add."), call, result, Message("user", "And?")])
    sent = LiteLLMModel(name)._call(request, "litellm")["messages"]

    assert roles == [message["role"] for message in sent]
    assert thought == sent[1].get("reasoning_content")
    assert {"id", "type", "function"} == sent[1]["tool_calls"][0].keys()


# Errors.


@pytest.mark.parametrize(
    ("name", "stream", "kind", "why"),
    [
        ("429-3", True, RateLimited, "^litellm answered 429 for 'openai/429-3': Rate limit reach"),
        ("401", False, ModelRejected, "answered 401 .*: Incorrect API key provided"),
        ("400", True, ModelRejected, "answered 400 .*: This model's maximum context"),
        ("503", True, ModelUnavailable, "answered 503"),
        ("408", True, ModelTimeout, "answered 408 .*: The request took too long to arrive"),
        ("garbage", True, MalformedReply, "not JSON: {this is not JSON"),
        ("garbage", False, MalformedReply, "not JSON"),
        ("garbage-html", False, MalformedReply, "It works!"),
        ("error-frame", True, ModelUnavailable, "overloaded|error"),
    ],
)
def test_errors(server, name, stream, kind, why):
    """Each has the provider's sentence, without the names of LiteLLM's classes before it."""
    with pytest.raises(kind, match=why) as raised:
        list(each(model(server, name, stream=stream)("Hi")))

    assert kind is not RateLimited or raised.value.retry_after == 3
    assert "Exception - " not in str(raised.value)


def test_a_whole_reply_that_is_cut():
    """It has broken off, though the SDK only knows that it is no JSON."""
    broken = json.JSONDecodeError("Unterminated string starting at", '{"id": "c', 7)
    error = error_of(ErrorFactory("litellm", "m"), broken, "could not be reached")

    assert ModelUnavailable is type(error)


def test_a_fault_of_its_own():
    """The traceback that it writes into its error is left out."""
    error = Exception(
        "litellm.APIConnectionError: no mapping\nTraceback (most recent call last):\nx"
    )
    found = error_of(ErrorFactory("litellm", "m"), error, "could not be reached")

    assert ModelUnavailable is type(found)
    assert "The model 'm' failed within LiteLLM: no mapping" in str(found)
    assert "Traceback" not in str(found)


@pytest.mark.parametrize(
    ("name", "why"),
    [("nothing", "LLM Provider NOT provided"), ("openai/gpt-5", "Missing credentials.*api_key")],
)
def test_what_is_missing(monkeypatch, name, why):
    """A provider or a key that is missing is named."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(ModelRejected, match=why):
        list(each(LiteLLMModel(name)("Hi")))


def test_no_network():
    """A server that cannot be reached is unavailable, with the cause."""
    with pytest.raises(ModelUnavailable, match="could not be reached: ConnectionRefusedError"):
        list(each(LiteLLMModel("openai/m", api_base="http://127.0.0.1:9/v1", api_key="k")("Hi")))


def test_a_missing_package(monkeypatch):
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "litellm", None)

    with pytest.raises(MissingExtra, match=r"pip install 'rxagent\[litellm\]'"):
        asyncio.run(_read(LiteLLMModel("openai/m")))


# The router.


def router(server, *names):
    """Return a router whose group `small` has these models."""
    settings = {"api_base": server.url, "api_key": "key"}
    group = [
        {"model_name": "small", "litellm_params": {"model": f"openai/{name}", **settings}}
        for name in names
    ]
    return litellm.Router(group, num_retries=0)


def test_a_router(server):
    """A router chooses the model; nothing is said about retries."""
    found = [*each(LiteLLMModel("small", router=router(server, "plain"))("Hi"))]

    assert (PLAIN, True) == (text(found), Finish("stop") in found)
    assert "plain" == server.requests[0].body["model"]


def test_a_router_has_the_addresses():
    """An address beside a router is a mistake."""
    with pytest.raises(TypeError, match="each model of the router has its own"):
        LiteLLMModel("small", router=object(), api_key="key")


# What it keeps.


async def _read(by, leave=False):
    found = []
    async for delta in each(by("Hi")):
        found.append(delta)
        if leave:
            break
    return found


def cached():
    """Return how many clients LiteLLM keeps."""
    return len(litellm.in_memory_llm_clients_cache.cache_dict)


@pytest.mark.parametrize("leave", [False, True])
def test_its_clients_are_closed_with_their_loop(server, leave):
    """LiteLLM would keep them for an hour, and leave them open."""
    asyncio.run(_read(model(server)))
    before = cached()
    asyncio.run(_read(model(server), leave))

    assert before == cached()


def test_its_clients_are_bounded(server):
    """LiteLLM keeps as many clients as the page says, whatever number of keys is used."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "litellm.md"
    (most,) = re.findall(r"at most (\d+) in the process", page.read_text(encoding="utf-8"))
    cache = litellm.in_memory_llm_clients_cache

    async def ask(keys):
        for key in range(keys):
            by = LiteLLMModel("openai/plain", api_base=server.url, api_key=f"key {key}")
            await _read(by, leave=True)
        return len(cache.cache_dict)

    assert int(most) == cache.max_size_in_memory
    cache.max_size_in_memory = cached() + 10
    try:
        assert cached() + 10 >= asyncio.run(ask(20))
    finally:
        cache.max_size_in_memory = int(most)


def test_its_callbacks_end_with_their_loop(server):
    """The task that runs them is ended after the last of them, and begun again."""

    async def ask():
        await _read(model(server, stream=False))
        (kept,) = [task for task in asyncio.all_tasks() if "._worker_loop" in repr(task)]
        clients = Clients(litellm)
        await clients.close()
        return kept.done()

    assert [True, True] == [asyncio.run(ask()), asyncio.run(ask())]


def test_a_client_that_the_user_reads_from_is_left_open(server):
    """Code beside rxagent's on the same loop, which shares the client, is not disturbed."""

    async def share():
        clients = Clients(litellm)
        call = {"api_base": server.url, "api_key": "key", "stream": True}
        messages = [{"role": "user", "content": "Hi"}]
        stream = await litellm.acompletion("openai/tokens-200-every-1", messages, **call)
        await anext(stream)
        clients.note()
        await clients.close()
        count = len([chunk async for chunk in stream])
        clients.note()
        await clients.close()
        return count

    assert 200 <= asyncio.run(share())


PROGRAM = """
import os, socket, sys

def refuse(*arguments):
    raise OSError(f"no network: {arguments}")

socket.getaddrinfo, resolve = refuse, socket.getaddrinfo
from rxagent.models.litellm import PROVIDER, _connect
_connect(PROVIDER)
assert not [name for name in os.environ if name.startswith("LITELLM")]
socket.getaddrinfo = resolve
from rxagent.messages import Message, Request, ToolCall
from rxagent.models import LiteLLMModel
from rxagent.streams import each
try:
    list(each(LiteLLMModel("openai/401", api_base=sys.argv[1], api_key="key")("Hi")))
except Exception as error:
    print(type(error).__name__)
"""


def test_importing_it_is_quiet(server):
    """It downloads nothing, changes no variable, and prints no advice to the standard output."""
    environment = {name: value for name, value in os.environ.items() if "LITELLM" not in name}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, server.url],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert (0, "ModelRejected\n") == (ran.returncode, ran.stdout), ran.stderr
    assert "no network" not in ran.stderr
    assert "cost map" not in ran.stderr


LEAVING = """
import asyncio, gc, sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from rxagent.messages import Message, Request, ToolCall
from rxagent.models import LiteLLMModel
from rxagent.models.litellm import loaded

prepared, left = Event(), Event()

class Late(ThreadPoolExecutor):
    def submit(self, prepare, *arguments):
        def late():
            prepared.set()
            left.wait(60)
            return prepare(*arguments)
        return super().submit(late)

async def leave():
    executor = Late()
    asyncio.get_running_loop().set_default_executor(executor)
    model = LiteLLMModel("openai/plain", api_base=sys.argv[1], api_key="key")
    subscription = model("Hi").subscribe(print)
    await on_a_thread(prepared.wait, 60)
    subscription.dispose()
    left.set()
    executor.shutdown()

async def on_a_thread(call, *arguments):
    with ThreadPoolExecutor(1) as own:
        return await asyncio.get_running_loop().run_in_executor(own, call, *arguments)

loaded()
asyncio.run(leave())
gc.collect()
print("left")
"""


def test_leaving_while_a_request_is_prepared(server):
    """Nothing is sent then, and nothing is said about a coroutine that was not begun."""
    ran = subprocess.run(
        [sys.executable, "-W", "always::RuntimeWarning", "-c", LEAVING, server.url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert (0, "left\n") == (ran.returncode, ran.stdout), ran.stderr
    assert "never awaited" not in ran.stderr
    assert [] == server.requests


def test_a_model_can_be_pickled(server):
    """A twin asks the same server."""
    twin = pickle.loads(pickle.dumps(model(server, temperature=0)))

    assert PLAIN == text(each(twin("Hi")))
    assert 0 == server.requests[0].body["temperature"]
