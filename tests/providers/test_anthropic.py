"""Anthropic's models, called through the real SDK over a real socket."""

import asyncio
import json
import pickle
import subprocess
import sys
from threading import Thread

import pytest

from rxagent import Agent, tool
from rxagent.errors import ModelRejected, ModelUnavailable, RateLimited
from rxagent.events import Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from rxagent.messages import Message, Request, ToolCall
from rxagent.models import AnthropicModel, resolve
from rxagent.models.anthropic import PROVIDER, _limit
from rxagent.operators import fallback
from rxagent.streams import each
from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends import Rejected
from rxagent.testing.far_ends.anthropic import AnthropicFarEnd
from rxagent.testing.leaks import keepers
from rxagent.testing.scenarios import Reply

from ..models.raw import answering

DefaultAsyncHttpxClient = pytest.importorskip("anthropic").DefaultAsyncHttpxClient

keepers["executor"] = lambda opened: isinstance(opened, Thread) and opened.name[:8] == "asyncio_"
"""An event loop keeps the threads on which the SDK looks up the platform, once for each client."""

HELLO = TextDelta("Hello."), Finish("stop")


@pytest.fixture
def far_end():
    """A server that speaks the Messages protocol."""
    with AnthropicFarEnd() as far_end:
        yield far_end


class TestAnthropic(ModelContract):
    """The contract."""

    @pytest.fixture
    def far_end(self, far_end):
        """The same server."""
        return far_end


def sent(far_end, request="Hi", **options):
    """Return the body of a request of a model with these options."""
    list(each(far_end.serve(*HELLO, **options)(request)))
    return far_end.bodies[-1]


def rejection(deltas):
    """Return the error of deltas."""
    with pytest.raises(ModelRejected) as caught:
        list(each(deltas))
    return str(caught.value)


# What is sent.


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("claude-opus-5-5", 128_000),
        ("claude-sonnet-5", 128_000),
        ("claude-haiku-5-5", 128_000),
        ("claude-fable-5-2", 128_000),
        ("claude-mythos-preview", 128_000),
        ("claude-opus-4-8", 128_000),
        ("claude-sonnet-4-6", 128_000),
        ("claude-haiku-4-5-20251001", 64_000),
        ("claude-opus-4-5@20251101", 64_000),
        ("claude-sonnet-4-20250514", 64_000),
        ("anthropic/claude-sonnet-4-5", 64_000),
        ("claude-3-7-sonnet-latest", 64_000),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-opus-4-20250514", 32_000),
        ("claude-3-5-haiku-latest", 8_192),
        ("claude-3-haiku-20240307", 4_096),
        ("claude-opus-9", 8_192),
        ("deepseek-chat", 8_192),
    ],
)
def test_limits(name, limit):
    """The limit of a model that is known is its own, and 8,192 of one that is not."""
    assert limit == _limit(name)


def test_known_models_have_a_limit():
    """Each model that the SDK names has a limit in the table."""
    from typing import get_args

    from anthropic.types import model_param

    literal, _ = get_args(model_param.ModelParam)

    assert {} == {name: 8_192 for name in get_args(literal) if _limit(name) == 8_192}


def test_max_tokens(far_end):
    """Without an option the limit is sent, and an option goes before it; None removes none."""
    assert 8_192 == sent(far_end)["max_tokens"]
    assert 100 == sent(far_end, max_tokens=100)["max_tokens"]
    assert 50 == sent(far_end, Request("Hi", options={"max_tokens": 50}))["max_tokens"]
    assert 8_192 == sent(far_end, max_tokens=None)["max_tokens"]


def test_options(far_end):
    """Options go to the provider as they are; those of the SDK's call are not in the body."""
    options = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    body = sent(far_end, **options, extra_headers={"anthropic-beta": "x"}, workspace_id="w")
    headers = far_end.server.requests[-1].headers

    assert options == {name: body[name] for name in options}
    assert {"model", "max_tokens", "messages", "stream", *options} == body.keys()
    assert ("x", "w") == (headers["anthropic-beta"], headers["anthropic-workspace-id"])


def test_cache(far_end):
    """Requests are marked when that is asked for."""
    request = Request([Message("system", "Be brief."), Message("user", "Hi")])
    body = sent(far_end, request, cache="1h")

    assert {"type": "ephemeral", "ttl": "1h"} == body["system"][0]["cache_control"]
    assert "cache_control" not in sent(far_end, request)["system"][0]
    with pytest.raises(ValueError, match="cache must be False, True, '5m' or '1h', not '2h'"):
        AnthropicModel("m", cache="2h")


def test_output(far_end):
    """A schema is sent as Anthropic takes it, beside other settings of the output."""
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
    request = Request("Hi", output=schema)
    config = sent(far_end, request, output_config={"effort": "low"})["output_config"]

    assert ("low", "json_schema") == (config["effort"], config["format"]["type"])
    assert False is config["format"]["schema"]["additionalProperties"]
    assert "minimum" not in config["format"]["schema"]["properties"]["a"]


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"properties": {}}, "the answer has no type"),
        ({"type": "object"}, "the answer may have fields of any name"),
        ({"type": "object", "properties": {"a": {"type": "object"}}}, "a may have fields of any"),
        ({"type": "object", "properties": {"a": True}}, "a has no type"),
        ({"type": "object", "properties": 5}, "it is no schema"),
    ],
)
def test_a_schema_that_is_not_offered(far_end, schema, why):
    """A schema that Anthropic has no form for is rejected, in a sentence, and nothing is sent."""
    error = rejection(far_end.serve(*HELLO)(Request("Hi", output=schema)))

    assert f"cannot be made to keep to this JSON Schema: {why}" in str(error)
    assert not far_end.bodies


def test_an_answer_of_any_fields(far_end):
    """An agent asks for a dict by its tool, whose schema allows every name."""
    call = ToolCallDelta(0, "toolu_1", "final_answer", '{"answer": {"tea": 3}}')
    model = far_end.serve(call, Finish("tool_calls"))

    assert {"tea": 3} == Agent(model, output=dict[str, int]).run("The prices?")
    (body,) = far_end.bodies
    (final,) = body["tools"]
    answer = final["input_schema"]["properties"]["answer"]
    assert {"type": "integer"} == answer["additionalProperties"]
    assert "output_config" not in body


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_api_base(far_end, ending):
    """The server's URL is taken with `/v1` and without it."""
    base = far_end.server.url.removesuffix("/v1") + ending
    far_end.serve(*HELLO)
    model = AnthropicModel("scripted-1", api_base=base, api_key="any")

    assert list(HELLO) == [delta for delta in each(model("Hi")) if not isinstance(delta, Usage)]


# What comes.

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Hello."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 20},
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_streamed_or_whole(far_end, stream, whole):
    """What was asked for does not matter: a reply is read in the form in which it comes."""
    model = far_end.serve(*HELLO, Usage(30, 5, 20), stream=stream)
    if whole:
        far_end.server.scenario(model.model_id, lambda body: [Reply(200, MESSAGE)])
    deltas = list(each(model("Hi")))
    used = [delta for delta in deltas if isinstance(delta, Usage)]

    assert list(HELLO) == [delta for delta in deltas if not isinstance(delta, Usage)]
    assert (30, 5) == (sum(u.input_tokens for u in used), sum(u.output_tokens for u in used))
    assert stream is far_end.server.requests[-1].body["stream"]


def test_a_whole_reply_may_be_long(far_end):
    """The SDK's rule that long replies be streamed does not get in the way."""
    assert 100_000 == sent(far_end, stream=False, max_tokens=100_000)["max_tokens"]


def test_an_agent(far_end):
    """An agent thinks, calls a tool, and answers; its thoughts go back, signed and unchanged."""

    @tool
    def add(a: int, b: int) -> int:
        """Return the sum of two integers."""
        return a + b

    def script(request):
        if request.messages[-1].role == "tool":
            return ReasoningDelta("So it is."), TextDelta("5"), Finish("stop")
        call = ToolCallDelta(0, "toolu_1", "add", '{"a": 2, "b": 3}')
        return ReasoningDelta("I "), ReasoningDelta("add."), call, Finish("tool_calls")

    agent = Agent(far_end.perform(script), [add], answer="text")

    assert "5" == agent.run("What is 2 + 3?")
    _, said, returned = far_end.bodies[-1]["messages"]
    assert ["thinking", "tool_use"] == [block["type"] for block in said["content"]]
    assert ["tool_result"] == [block["type"] for block in returned["content"]]
    far_end.verify()


# Errors.


BROKEN = ["Content-Length: 100\r\n\r\n{", "Content-Encoding: gzip\r\n\r\nno gzip"]


@pytest.mark.parametrize("body", BROKEN, ids=["cut", "garbled"])
@pytest.mark.parametrize(
    ("status", "kind"), [(429, RateLimited), (401, ModelRejected), (503, ModelUnavailable)]
)
def test_a_body_that_cannot_be_read(status, kind, body):
    """An error whose body cannot be read is what its status says, with its wait."""
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nRetry-After: 7\r\n"
    with answering((head + body).encode()) as url, pytest.raises(kind) as caught:
        list(each(AnthropicModel("m", api_base=url, api_key="key")("Hi")))

    assert (status, 7.0) == (caught.value.status, caught.value.retry_after)


def test_a_failure_that_looks_like_an_answer(far_end):
    """Another model is asked where a failure comes in the place of an answer."""
    body = json.dumps({"content": "Service temporarily unavailable", "code": 503})
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    with answering(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()) as url:
        failing = AnthropicModel("m", api_base=url, api_key="key")

        assert "Hello." == Agent(fallback(failing, far_end.serve(*HELLO))).run("Hi")


def test_a_number_that_no_float_holds(far_end):
    """Arguments with such a number are sent back as JSON."""
    call = ToolCall("toolu_1", "add", '{"a": 1e999}')
    result = Message("tool", "5", tool_call_id="toolu_1")
    body = sent(far_end, Request([Message("user", "Hi"), Message("assistant", "", [call]), result]))

    assert {"a": sys.float_info.max} == body["messages"][1]["content"][0]["input"]


def test_overloaded(far_end):
    """Anthropic's own status for too many users is a server that is unavailable."""
    model = far_end.serve(Rejected(529, "Overloaded"))
    with pytest.raises(ModelUnavailable, match="anthropic answered 529 for 'scripted-1'"):
        list(each(model("Hi")))


def test_rate_limit_in_midstream(far_end):
    """A wait that the headers of a stream name is that of an error in it."""
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down."}}
    model = far_end.serve(*HELLO)
    limited = Reply(200, error, {"retry-after": "7"})
    far_end.server.scenario(model.model_id, lambda body: [limited])
    with pytest.raises(RateLimited, match="Slow down") as caught:
        list(each(model("Hi")))

    assert 7 == caught.value.retry_after


@pytest.mark.parametrize("page", ["<html><title>502 Bad Gateway</title></html>", "", "{"])
def test_a_page_of_a_proxy(far_end, page):
    """What a proxy says in the place of Anthropic is an error with provider and model."""
    model = far_end.serve(*HELLO)
    far_end.server.scenario(model.model_id, lambda body: [Reply(502, page)])
    with pytest.raises(ModelUnavailable, match="anthropic answered 502 for 'scripted-1'"):
        list(each(model("Hi")))


@pytest.fixture
def no_key(monkeypatch, tmp_path):
    """No key, neither in the environment nor in the SDK's files."""
    for name in AnthropicModel._environment:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_no_key(no_key):
    """Without a key the error says how to give one."""
    said = rejection(AnthropicModel("claude-opus-5")("Hi"))

    assert (
        "ANTHROPIC_API_KEY, or in a program write AnthropicModel('claude-opus-5', api_key=...)"
        in said
    )


def test_two_keys(no_key):
    """A key and a token at once are a mistake that the SDK explains."""
    model = AnthropicModel("m", api_key="k", client_kwargs={"auth_token": "t"})

    assert "Pass at most one of `api_key=`" in rejection(model("Hi"))


def test_the_environment(far_end, monkeypatch):
    """Address and key are those of the environment, as the SDK reads them."""
    far_end.serve(*HELLO)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", far_end.server.url.removesuffix("/v1"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "from-here")

    assert HELLO[0] in list(each(resolve("anthropic:scripted-1")("Hi")))
    assert "from-here" in str(far_end.server.requests[-1].headers)


def test_models_are_listed(monkeypatch):
    """The provider lists its models by the SDK's client, page after page."""
    from aiohttp import web

    async def models(request):
        names = ["claude-opus-5", "claude-haiku-5", None]
        at = int(request.query.get("after_id", 0))
        data = [{"id": names[at], "type": "model", "display_name": "One"}]
        has_more = at + 1 < len(names)
        return web.json_response({"data": data, "has_more": has_more, "last_id": str(at + 1)})

    async def main():
        app = web.Application()
        app.router.add_get("/v1/models", models)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"http://{host}:{port}")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
        assert PROVIDER.list_models is not None
        try:
            return await asyncio.to_thread(PROVIDER.list_models, 5.0)
        finally:
            await runner.cleanup()

    address, names = asyncio.run(main())

    assert ["claude-opus-5", "claude-haiku-5"] == names
    assert address.startswith("http://127.0.0.1:")


# The object.


def test_pickle():
    """A model goes to another process and asks the same."""
    model = pickle.loads(pickle.dumps(AnthropicModel("m", api_key="k", cache=True, max_tokens=5)))

    assert vars(AnthropicModel("m", api_key="k", cache=True, max_tokens=5)) == vars(model)


def test_nothing_heavy():
    """Making a model does not import the SDK."""
    program = """
import sys, rxagent
rxagent.models.resolve("anthropic:m")
print("anthropic" in sys.modules)
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert ("False", "") == (ran.stdout.strip(), ran.stderr)


@pytest.mark.parametrize("host", ["api.anthropic.com", "another.example"])
def test_thoughts_behind_a_changed_conversation(far_end, host, monkeypatch):
    """Anthropic's own server is asked to drop them; others may not know the header."""
    port = int(far_end.url.rsplit(":", 1)[1].split("/")[0])

    async def redirect(request):
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)

    model = AnthropicModel(
        "claude-opus-5-5",
        api_base=f"https://{host}",
        api_key="none",
        http_client=lambda: DefaultAsyncHttpxClient(event_hooks={"request": [redirect]}),
    )
    monkeypatch.setattr(far_end, "_new_name", lambda: model.model_id)
    far_end.serve(ReasoningDelta("Hm."), *HELLO)
    asked = Agent(model)
    first = asked.start("Hi")
    first.result()
    asked.start("Go on.", state=first.state).result()

    body = far_end.bodies[-1]
    assert "thinking" == body["messages"][1]["content"][0]["type"]
    assert ("thinking" in body) is (host == "api.anthropic.com")
