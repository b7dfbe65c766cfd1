"""The scripted server, with the real SDK over real sockets."""

import asyncio
import json
import math
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import openai
import pytest

from rxagent.testing.frames import INPUT_TOKENS, text_chunk
from rxagent.testing.leaks import leak_check
from rxagent.testing.scenarios import Ending, Reply
from rxagent.testing.scripts import PLAIN, SCRIPTS, tokens_text
from rxagent.testing.server import ScriptedServer

ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
TASK = {"role": "user", "content": "What is 2 + 3, and 4 + 5?"}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "5"}
FINAL = 'Action: {"name": "final_answer", "arguments": {"answer": '


checked = pytest.fixture(autouse=True)(leak_check)


@pytest.fixture(scope="module")
def served() -> Iterator[ScriptedServer]:
    """A server for tests that do not read its exchanges."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server for one test."""
    with ScriptedServer() as server:
        yield server


@cache
def shared_client() -> openai.OpenAI:
    """Return a client that keeps no connections; one for each test would be slow."""
    headers = {"Connection": "close"}
    return openai.OpenAI(api_key="key", max_retries=0, timeout=60, default_headers=headers)


@pytest.fixture(scope="module", autouse=True)
def _closed_client() -> Iterator[None]:
    yield
    shared_client().close()
    shared_client.cache_clear()


def client(server: ScriptedServer) -> openai.OpenAI:
    """Return the client, made for this server."""
    return shared_client().with_options(base_url=server.url)


def chunks(server: ScriptedServer, model: str, **options: Any) -> list[dict[str, Any]]:
    """Return the chunks of a scenario."""
    options = {"messages": [TASK], "tools": [ADD]} | options
    stream = client(server).chat.completions.create(model=model, stream=True, **options)
    return [chunk.model_dump(exclude_unset=True, warnings=False) for chunk in stream]


def whole(server: ScriptedServer, model: str, **options: Any) -> dict[str, Any]:
    """Return the reply of a scenario without streaming."""
    options = {"messages": [TASK], "tools": [ADD]} | options
    reply = client(server).chat.completions.create(model=model, **options)
    return reply.model_dump(exclude_unset=True, warnings=False)


def deltas(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the deltas of the chunks."""
    return [choice["delta"] or {} for chunk in said for choice in chunk["choices"]]


def text(said: list[dict[str, Any]], field: str = "content") -> str:
    """Return the text of the chunks in one field."""
    return "".join(delta.get(field) or "" for delta in deltas(said))


def finish(said: list[dict[str, Any]]) -> list[str]:
    """Return the finish reasons of the chunks."""
    reasons = [choice["finish_reason"] for chunk in said for choice in chunk["choices"]]
    return [reason for reason in reasons if reason]


def fragments(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the fragments of tool calls."""
    return [call for delta in deltas(said) for call in delta.get("tool_calls") or []]


def usages(said: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Return the reported usage, as (input, output)."""
    reported = [chunk["usage"] for chunk in said if chunk.get("usage")]
    return [(usage["prompt_tokens"], usage["completion_tokens"]) for usage in reported]


TEXTS = {
    "plain": (PLAIN, "stop"),
    "echo": (TASK["content"], "stop"),
    "empty": ("", "stop"),
    "reasoning": (PLAIN, "stop"),
    "reasoning-alt": (PLAIN, "stop"),
    "think-tags": (f"<think>Let me think.</think>{PLAIN}", "stop"),
    "refusal": ("", "stop"),
    "content-filter": ("Here is how", "content_filter"),
    "length-text": ("Hello from the", "length"),
    "usage-last": ("Hi there", "stop"),
    "usage-with-content": ("Hi there", "stop"),
    "usage-cumulative": (PLAIN, "stop"),
    "usage-none": (PLAIN, "stop"),
    "text-json": (FINAL + '"hi"}}', "stop"),
    "text-json-pieces": (FINAL + "5}}", "stop"),
    "text-json-twice": ((FINAL + '"hi"}}\n') * 2, "stop"),
    "text-json-broken": ('Action: {"name": "final_answer", "arguments": {', "stop"),
    "azure-first-empty-choices": (PLAIN, "stop"),
    "null-delta": (PLAIN, "stop"),
    "null-delta-no-finish": ("Hello there", "stop"),
    "empty-deltas": ("Hello there", "stop"),
    "unknown-fields": ("Hello there", "stop"),
    "no-done": (PLAIN, "stop"),
    "crlf": (PLAIN, "stop"),
    "split-utf8": ("Grüße 你好 🎈", "stop"),
    "tokens-N": (tokens_text(600), "stop"),
    "tokens-N-every-MS": (tokens_text(600), "stop"),
}
ONE_CALL = [("add", '{"a": 2, "b": 3}')]
TWO_CALLS = [*ONE_CALL, ("add", '{"a": 4, "b": 5}')]
CALLS = {
    "tools": ONE_CALL,
    "demo": ONE_CALL,
    "parallel": TWO_CALLS,
    "same-index-other-id": TWO_CALLS,
    "no-id": TWO_CALLS,
    "none-index": TWO_CALLS,
    "name-in-pieces": ONE_CALL,
    "name-repeated": ONE_CALL,
    "length": [("add", '{"a": 2, "b"')],
    "bad-arguments": [("add", '{"a": ')],
    "unknown-tool": [("no_such_tool", "{}")],
    "final-answer": [("final_answer", '{"answer": "hi"}')],
    "final-with-company": [*ONE_CALL, ("final_answer", '{"answer": "hi"}')],
}
BROKEN: tuple[type[Exception], ...] = (openai.APIConnectionError,)
if openai.__version__.startswith("2."):
    # The SDK wraps what breaks in mid-stream from its version 3 on.
    import httpx

    BROKEN += (httpx.RemoteProtocolError,)
ERRORS: dict[str, type[Exception] | tuple[type[Exception], ...]] = {
    "400": openai.BadRequestError,
    "401": openai.AuthenticationError,
    "403": openai.PermissionDeniedError,
    "404": openai.NotFoundError,
    "408": openai.APIStatusError,
    "409": openai.ConflictError,
    "422": openai.UnprocessableEntityError,
    "429": openai.RateLimitError,
    "429-SECONDS": openai.RateLimitError,
    "500": openai.InternalServerError,
    "502": openai.InternalServerError,
    "503": openai.InternalServerError,
    "503-SECONDS": openai.InternalServerError,
    "cut-N": BROKEN,
    "error-frame": openai.APIError,
    "garbage": json.JSONDecodeError,
}
SILENT = {"slow": 3, "slow-MS": 3, "stall": 2, "stall-in-call": 3, "stall-headers": 0}
ALONE = {"garbage-html"}


def named(scenario: str) -> str:
    """Return the name with numbers for the capitals."""
    return scenario.replace("SECONDS", "0.5").replace("MS", "0.1").replace("N", "600")


def test_all_are_tried() -> None:
    """These tests cover every scenario."""
    assert set(SCRIPTS) == {*TEXTS, *CALLS, *ERRORS, *SILENT, *ALONE}


@pytest.mark.parametrize("scenario", TEXTS)
def test_texts(served: ScriptedServer, scenario: str) -> None:
    """A scenario of text sends it in pieces, once, with the reason for the end."""
    said = chunks(served, named(scenario))

    assert TEXTS[scenario] == (text(said), *finish(said))


@pytest.mark.parametrize("scenario", TEXTS)
def test_whole_texts(served: ScriptedServer, scenario: str) -> None:
    """Without streaming, a scenario gives the same in one reply."""
    (choice,) = whole(served, named(scenario))["choices"]

    assert TEXTS[scenario] == (choice["message"]["content"] or "", choice["finish_reason"])


@pytest.mark.parametrize("scenario", CALLS)
def test_whole_calls(served: ScriptedServer, scenario: str) -> None:
    """Without streaming, the calls are whole, and made from the tool's schema and the task."""
    (choice,) = whole(served, scenario)["choices"]
    called = [call["function"] for call in choice["message"]["tool_calls"]]

    assert CALLS[scenario] == [(call["name"], call["arguments"]) for call in called]
    assert ("length" if scenario == "length" else "tool_calls") == choice["finish_reason"]


@pytest.mark.parametrize("scenario", CALLS)
def test_calls(served: ScriptedServer, scenario: str) -> None:
    """Streamed, the fragments of arguments join to those of the whole reply."""
    said = fragments(chunks(served, scenario))
    if scenario == "parallel":
        said.sort(key=lambda call: call["index"])

    assert "".join(arguments for _, arguments in CALLS[scenario]) == "".join(
        call["function"].get("arguments", "") for call in said
    )


ODDITIES = {
    "parallel": ([0, 1, 0, 1, 0, 1, 0, 1], ["call_1", "call_2"], ["add", "add"]),
    "same-index-other-id": ([0] * 8, ["call_1", "call_2"], ["add", "add"]),
    "no-id": ([0] * 4 + [1] * 4, [], ["add", "add"]),
    "none-index": ([None] * 2, ["call_1", "call_2"], ["add", "add"]),
    "name-in-pieces": ([0] * 3, ["call_1"], ["ad", "d"]),
    "name-repeated": ([0] * 3, ["call_1"] * 3, ["add"] * 3),
}


@pytest.mark.parametrize("scenario", ODDITIES)
def test_oddities(served: ScriptedServer, scenario: str) -> None:
    """An odd way of calling tools is odd in index, id or name, as its name says."""
    said = fragments(chunks(served, scenario))
    ids = [call["id"] for call in said if "id" in call]
    names = [call["function"]["name"] for call in said if "name" in call["function"]]

    assert ODDITIES[scenario] == ([call["index"] for call in said], ids, names)


@pytest.mark.parametrize("scenario", sorted({*CALLS} - {"final-answer", "final-with-company"}))
def test_answers_with_results(served: ScriptedServer, scenario: str) -> None:
    """A scenario depends on the request: with results it answers."""
    said = chunks(served, scenario, messages=[TASK, RESULT])

    assert ("The answer is 5.", "stop") == (text(said), *finish(said))


@pytest.mark.parametrize("scenario", ERRORS)
@pytest.mark.parametrize("streamed", [True, False])
def test_errors(served: ScriptedServer, scenario: str, streamed: bool) -> None:
    """A scenario of trouble fails as its name says."""
    if scenario == "error-frame" and not streamed:
        assert "error" in whole(served, scenario)
        return
    model = "cut-300" if scenario == "cut-N" else named(scenario)
    with pytest.raises(ERRORS[scenario]) as caught:
        (chunks if streamed else whole)(served, model)

    if isinstance(caught.value, openai.APIStatusError) and scenario[-1] == "S":
        assert caught.value.response.headers["retry-after"] == "0.5"


@pytest.mark.parametrize("scenario", SILENT)
@pytest.mark.parametrize("streamed", [True, False])
def test_hang_up(server: ScriptedServer, scenario: str, streamed: bool) -> None:
    """A closed request is noticed at once, while the server sends and while it is silent."""

    async def let_go() -> None:
        async with openai.AsyncOpenAI(base_url=server.url, api_key="key", timeout=60) as api:
            asking = api.chat.completions.create(
                model=named(scenario),
                messages=[TASK],
                tools=[ADD],
                stream=streamed,
            )

            async def read() -> None:
                async for _ in await asking:
                    pass

            reading = asyncio.create_task(read() if streamed else asking)
            await asyncio.to_thread(server.wait_request)
            await asyncio.to_thread(server.wait_sent, SILENT[scenario] * streamed)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await asyncio.to_thread(server.wait_hang_up)

    asyncio.run(let_go())
    (exchange,) = server.exchanges

    assert "hung up" == exchange.outcome
    assert exchange.ended.is_set()


def test_nothing_after_hang_up(server: ScriptedServer) -> None:
    """The script of a closed request is closed, and sends nothing more."""
    closed = []

    async def talkative(body: Any) -> Any:
        try:
            while True:
                yield text_chunk("on and on ")
                yield 0.001
        finally:
            closed.append(body["model"])

    server.scenario("talkative", talkative)
    create = client(server).chat.completions.create
    with create(model="talkative", messages=[TASK], stream=True) as said:
        next(said)
    exchange = server.wait_hang_up()
    sent = exchange.sent
    chunks(server, "plain")

    assert ["talkative"] == closed
    assert sent == exchange.sent


def test_frames(served: ScriptedServer) -> None:
    """A frame has the shape of OpenAI's."""
    first, second, *_ = chunks(served, "plain")
    paddings = [chunk.pop("obfuscation") for chunk in (first, second)]
    envelope = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "plain",
        "system_fingerprint": "fp_scripted",
    }
    choice = {"index": 0, "logprobs": None, "finish_reason": None}
    role = {"role": "assistant", "content": "", "refusal": None}

    assert {**envelope, "choices": [{**choice, "delta": role}]} == first
    assert {**envelope, "choices": [{**choice, "delta": {"content": "Hello"}}]} == second
    assert all(paddings)


def test_thoughts_and_refusals_have_fields(served: ScriptedServer) -> None:
    """Reasoning and refusals have their own fields."""
    assert "Let me think." == text(chunks(served, "reasoning"), "reasoning_content")
    assert "Let me think." == text(chunks(served, "reasoning-alt"), "reasoning")
    assert "I cannot help with that." == text(chunks(served, "refusal"), "refusal")


CUMULATIVE = [(5, 1), (5, 2), (5, 3), (5, 4), (5, 5), (5, 5)]


@pytest.mark.parametrize(
    ("scenario", "unasked", "asked"),
    [
        ("plain", [], [(INPUT_TOKENS, 5)]),
        ("tokens-600", [], [(INPUT_TOKENS, 600)]),
        ("usage-last", [(5, 6)], [(5, 6)]),
        ("usage-with-content", [(5, 6)], [(5, 6)]),
        ("usage-cumulative", CUMULATIVE, CUMULATIVE),
        ("usage-none", [], []),
    ],
)
def test_usage(served: ScriptedServer, scenario: str, unasked: Any, asked: Any) -> None:
    """Usage comes last and on request, unless the scenario is about usage."""
    options = {"stream_options": {"include_usage": True}}

    assert unasked == usages(chunks(served, scenario))
    assert asked == usages(chunks(served, scenario, **options))


def test_whole_usage(served: ScriptedServer) -> None:
    """Without streaming, usage is always there, unless the scenario reports none."""
    assert 5 == whole(served, "plain")["usage"]["completion_tokens"]
    assert 5 == whole(served, "usage-cumulative")["usage"]["completion_tokens"]
    assert "usage" not in whole(served, "usage-none")


def test_final_with_company_then_alone(served: ScriptedServer) -> None:
    """With results, the model gives its final answer alone."""
    said = fragments(chunks(served, "final-with-company", messages=[TASK, RESULT]))

    assert ["final_answer"] == [c["function"]["name"] for c in said if "name" in c["function"]]


def test_corrects_itself(served: ScriptedServer) -> None:
    """A scenario that fails at first succeeds after its first answer."""
    again = [TASK, {"role": "assistant", "content": "..."}, {"role": "user", "content": "Again"}]

    assert FINAL + '"hi"}}\n' == text(chunks(served, "text-json-twice", messages=again))
    assert PLAIN == text(chunks(served, "text-json-broken", tools=openai.NOT_GIVEN))
    assert PLAIN == text(chunks(served, "empty", messages=again))


@pytest.mark.parametrize(
    ("model", "failures"),
    [("429-then-plain", 1), ("503x2-then-plain", 2), ("429-0.01-then-plain", 1)],
)
def test_fails_first(server: ScriptedServer, model: str, failures: int) -> None:
    """A scenario fails this many times and then succeeds."""
    for _ in range(failures):
        with pytest.raises(openai.APIStatusError):
            chunks(server, model)

    assert PLAIN == text(chunks(server, model))
    assert failures + 1 == len(server.exchanges)


def test_unknown_model(served: ScriptedServer) -> None:
    """A model without a scenario does not exist."""
    with pytest.raises(openai.NotFoundError):
        chunks(served, "gpt-0")


def test_html(served: ScriptedServer) -> None:
    """A page instead of an answer comes with status 200."""
    raw = client(served).chat.completions.with_raw_response.create(
        model="garbage-html", messages=[TASK]
    )

    assert (200, "text/html") == (raw.http_response.status_code, raw.headers["content-type"])
    assert raw.http_response.text.startswith("<html>")


def test_cut_after_bytes(server: ScriptedServer) -> None:
    """The connection breaks after exactly this many bytes of the body."""
    body = json.dumps({"model": "cut-300", "stream": True, "messages": [TASK]}).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as raw:
        raw.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        received = b"".join(iter(lambda: raw.recv(65536), b""))
    size, rest = received.partition(b"\r\n\r\n")[2].split(b"\r\n", 1)

    assert (300, 302) == (int(size, 16), len(rest))
    assert "aborted" == server.wait_request().outcome


def test_azure(server: ScriptedServer) -> None:
    """An Azure client finds its deployment, whose name chooses the scenario."""
    with openai.AzureOpenAI(
        azure_endpoint=server.azure_endpoint, api_key="key", api_version="2026-01-01"
    ) as api:
        reply = api.chat.completions.create(model="echo", messages=[TASK])
    (request,) = server.requests

    assert TASK["content"] == reply.choices[0].message.content
    assert "/openai/deployments/echo/chat/completions?api-version=2026-01-01" == request.path
    assert "key" == request.headers["api-key"]


def test_azure_needs_a_key(served: ScriptedServer) -> None:
    """Azure without a key is refused."""
    url = f"{served.azure_endpoint}/openai/deployments/plain/chat/completions"
    with pytest.raises(urllib.error.HTTPError, match="401") as caught:
        urllib.request.urlopen(urllib.request.Request(url, b'{"messages": []}'))
    caught.value.close()


def test_requests_are_recorded(server: ScriptedServer) -> None:
    """A test can read the requests of the client."""
    chunks(server, "plain", temperature=0.5)
    (request,) = server.requests

    assert "/v1/chat/completions" == request.path
    assert "Bearer key" == request.headers["authorization"]
    assert {
        "model": "plain",
        "messages": [TASK],
        "tools": [ADD],
        "stream": True,
        "temperature": 0.5,
    } == request.body


def test_exchanges(server: ScriptedServer) -> None:
    """An exchange that the client reads to its end is completed, with a count of its chunks."""
    chunks(server, "plain")
    chunks(server, "tokens-600")
    whole(server, "plain")
    server.wait_until(lambda: all(exchange.completed for exchange in server.exchanges))

    assert [7, 602, 0] == [exchange.sent for exchange in server.exchanges]


def test_models(served: ScriptedServer) -> None:
    """The scenarios are listed as models."""
    assert list(SCRIPTS) == [model.id for model in client(served).models.list()]


def test_own_scenario(served: ScriptedServer) -> None:
    """A new scenario, with numbers in its name, sends chunks, bytes and pauses."""

    async def own(body: Any, times: int) -> Any:
        for _ in range(times):
            yield text_chunk(body["messages"][0]["content"])
            yield 0.001
        yield b'data: {"choices": [{"index": 0, "delta": {"content": "!"}}]}\n\n'
        yield Ending.QUIET
        yield text_chunk("never")

    served.scenario("own-TIMES", own)
    hi = [{"role": "user", "content": "hi"}]
    stream = client(served).chat.completions.create(model="own-3", messages=hi, stream=True)
    said = [chunk.choices[0].delta.content for chunk in stream]

    assert ["hi", "hi", "hi", "!"] == said


def test_own_scenario_replaces(server: ScriptedServer) -> None:
    """A new scenario replaces one of the same name."""
    server.scenario("plain", lambda body: [Reply(418, {"error": {"message": "teapot"}})])
    with pytest.raises(openai.APIStatusError, match="teapot"):
        chunks(server, "plain")


def test_scenario_that_raises(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    """A scenario that raises is a server error, and its traceback is logged."""
    server.scenario("wrong", lambda body: [1 / 0])
    with pytest.raises(openai.InternalServerError):
        chunks(server, "wrong")

    assert "failed" == server.wait_request().outcome
    assert "ZeroDivisionError" in caplog.text


def test_waiting_in_vain(server: ScriptedServer) -> None:
    """A timeout lists the exchanges."""
    chunks(server, "plain")
    with pytest.raises(TimeoutError, match="outcome='completed'"):
        server.wait_hang_up(timeout=0.01)


def test_close_aborts() -> None:
    """Closing the server aborts open exchanges and stops listening."""
    with ScriptedServer() as server:
        stream = client(server).chat.completions.create(model="stall", messages=[TASK], stream=True)
        next(stream)
        server.close()
        with pytest.raises(BROKEN):
            list(stream)

    assert ["closed"] == [exchange.outcome for exchange in server.exchanges]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


def sent(server: ScriptedServer, model: str, cut: int | None = None) -> socket.socket:
    """Connect, send a request or the beginning of one, and read nothing."""
    body = json.dumps({"model": model, "stream": True, "messages": [TASK]})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", server.port))
    try:
        connection.sendall((head + body).encode()[:cut])
    except OSError:  # the server has closed
        connection.close()
        raise
    return connection


def test_close_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """Closing the server aborts connections in any state, and logs nothing."""

    def large(body: Any) -> Any:
        yield b"x" * 2**23
        yield Ending.ABORT

    with ScriptedServer() as server:
        server.scenario("large", large)
        models = ["stall", "stall-headers", "slow-1", "tokens-1000000", "large", "plain"]
        connections = [sent(server, model) for model in models]
        server.wait_request(len(models))
        connections += [sent(server, "plain", cut) for cut in (-1, 60, 1, 0)]
    for connection in connections:
        with connection, suppress(ConnectionError):
            while connection.recv(2**20):
                pass

    assert [] == [record.getMessage() for record in caplog.records]


def test_close_amid_new_requests_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """Requests that arrive while the server closes are refused, and logged nowhere."""
    over = threading.Event()

    def ask(server: ScriptedServer) -> None:
        while not over.is_set():
            with suppress(OSError), sent(server, "tokens-100000") as connection:
                connection.recv(1)

    for _ in range(10):
        over.clear()
        with ScriptedServer() as server:
            threads = [threading.Thread(target=ask, args=(server,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            server.wait_request(8)
        over.set()
        for thread in threads:
            thread.join()

    assert [] == [record.getMessage() for record in caplog.records]


def test_a_shared_exception_does_not_grow(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A scenario may raise the same exception again, before or after its first chunk."""
    shared = LookupError("shared")

    def at_once(body: Any) -> Any:
        raise shared

    def later(body: Any) -> Any:
        yield text_chunk("Hello")
        raise shared

    async def awaited(body: Any) -> Any:
        yield text_chunk("Hello")
        raise shared

    lengths = set()
    for name, scenario in {"once": at_once, "later": later, "awaited": awaited}.items():
        server.scenario(name, scenario)
        for _ in range(3):
            with pytest.raises((openai.InternalServerError, *BROKEN)):
                chunks(server, name)
            server.exchanges[-1].ended.wait(60)
            lengths.add((name, len(caplog.records[-1].exc_text or "")))
            assert shared.__traceback__ is None

    assert ["failed"] * 9 == [exchange.outcome for exchange in server.exchanges]
    assert 3 == len(lengths)


def test_a_generator_is_closed_with_its_request(server: ScriptedServer) -> None:
    """A scenario is closed at once, not when it is garbage-collected."""
    closed = threading.Event()

    def held(body: Any) -> Any:
        try:
            yield text_chunk("Hello")
            yield math.inf
        finally:
            closed.set()

    server.scenario("held", held)
    sent(server, "held").close()

    assert closed.wait(60)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b"\xff"])
def test_a_body_that_is_no_object_is_refused(
    server: ScriptedServer, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """An invalid body is an error of the client, not of the server."""
    request = urllib.request.Request(f"{server.url}/chat/completions", body)
    with pytest.raises(urllib.error.HTTPError, match="400") as refused:
        urllib.request.urlopen(request)

    with refused.value as reply:
        assert "no JSON object" in json.loads(reply.read())["error"]["message"]
    assert [] == caplog.records


def test_a_server_that_could_not_start_can_be_started_again() -> None:
    """It serves when the port is free."""
    with ScriptedServer() as first:
        second = ScriptedServer(first.port)
        with pytest.raises(OSError, match="address already in use"):
            second.start()
    with second:
        assert PLAIN == text(chunks(second, "plain"))


def test_no_url_before_the_start() -> None:
    """The URL before the start is an error, unless a port was chosen."""
    with pytest.raises(RuntimeError, match=r"no URL before it starts: .*`server\.start\(\)`"):
        _ = ScriptedServer().url

    assert "http://127.0.0.1:4321/v1" == ScriptedServer(4321).url


def test_starts_once(server: ScriptedServer) -> None:
    """A started server cannot be started again, and a taken port is an error."""
    with pytest.raises(RuntimeError, match="started"):
        server.start()
    with pytest.raises(OSError, match="address already in use"):
        ScriptedServer(server.port).start()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_program(number: signal.Signals) -> None:
    """As a program it prints its URL, serves, and ends well on a signal."""
    command = [sys.executable, "-m", "rxagent.testing.server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with openai.OpenAI(base_url=url, api_key="key") as api:
            reply = api.chat.completions.create(model="plain", messages=[TASK])
        process.send_signal(number)

        assert 0 == process.wait(60)
    assert PLAIN == reply.choices[0].message.content
