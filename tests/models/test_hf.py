"""Hugging Face's models keep the contract; and what is particular about them."""

import asyncio
import copy
import json
import pickle
import threading
from contextlib import suppress

import pytest

from rxagent.errors import (
    MalformedReply,
    ModelError,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from rxagent.events import Finish, TextDelta, Usage
from rxagent.messages import Message, Request
from rxagent.models import InferenceClientModel, resolve
from rxagent.models.clients import idle_connections
from rxagent.streams import each
from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.hf import HfFarEnd
from rxagent.testing.frames import finish_chunk, text_chunk
from rxagent.testing.scenarios import Reply
from rxagent.testing.scripts import PLAIN

from .raw import answering, answering_each


class TestHf(ModelContract):
    """A server of one's own."""

    @pytest.fixture
    def far_end(self):
        """A server that speaks its protocol."""
        with HfFarEnd() as far_end:
            yield far_end


@pytest.fixture(autouse=True)
def no_token(monkeypatch, tmp_path):
    """Clear the tokens of the environment in which the tests run."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))


def deltas(server, name, **options):
    """Return the deltas of one answer."""
    return list(each(InferenceClientModel(name, api_base=server.url, **options)("Hi")))


@pytest.mark.parametrize("status", [300, 302])
def test_a_status_that_is_no_success(status):
    """What comes with such a status is no answer, though it looks like one."""
    body = b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\n'
    length = f"Content-Length: {len(body)}\r\nConnection: close"
    head = f"HTTP/1.1 {status} Found\r\n{length}\r\n\r\n".encode()
    with answering(head + body) as url, pytest.raises(ModelRejected) as caught:
        list(each(InferenceClientModel("m", api_base=url, token="hf_any")("Hi")))

    assert status == caught.value.status


def text(found):
    """Return the text of deltas."""
    return "".join(delta.text for delta in found if isinstance(delta, TextDelta))


# Who is asked, and by whom.


def test_token_or_key():
    """They are two names of one thing, and both at once are a mistake."""
    with pytest.raises(TypeError, match="which mean the same"):
        InferenceClientModel("m", token="a", api_key="b")


@pytest.mark.parametrize("name", ["token", "api_key"])
def test_a_token_is_sent(server, name):
    """Under either name it is the one that the server gets."""
    deltas(server, "plain", **{name: "hf_secret"})

    assert "Bearer hf_secret" == server.requests[0].headers["authorization"]


def test_a_token_of_the_environment(server, monkeypatch):
    """What the SDK reads from the environment works."""
    monkeypatch.setenv("HF_TOKEN", "hf_ours")
    deltas(server, "plain")

    assert "Bearer hf_ours" == server.requests[0].headers["authorization"]


def test_a_missing_token_is_named():
    """The error says what to set, and where."""
    with pytest.raises(ModelRejected, match="Set HF_TOKEN, run `hf auth login`") as raised:
        list(each(resolve("hf:Qwen/Qwen3-32B")("Hi")))

    assert "hf" == raised.value.provider


@pytest.mark.parametrize(
    ("options", "why"),
    [({"token": "none"}, "non-Hugging Face API key"), ({"provider": "acme"}, "'acme' not supp")],
)
def test_what_the_sdk_refuses(options, why):
    """Its sentence is the error's."""
    with pytest.raises(ModelRejected, match=why):
        list(each(InferenceClientModel("m", **{"token": "hf_x", **options})("Hi")))


def test_a_bill_goes_to_an_organization(server):
    """The header says who pays, and other headers stay."""
    kwargs = {"headers": {"x-one": "1"}}
    deltas(server, "plain", token="hf_x", bill_to="org", client_kwargs=kwargs)
    deltas(server, "plain", token="hf_x", bill_to="org", extra_headers={"x-two": "2"})

    first, second = (request.headers for request in server.requests)
    assert ("org", "1") == (first["x-hf-bill-to"], first["x-one"])
    assert ("org", "2") == (second["x-hf-bill-to"], second["x-two"])


def test_an_endpoint_by_its_url(server):
    """The name of a model may be the address of an Inference Endpoint."""
    server.scenario("dummy", lambda body: [text_chunk("Hi"), finish_chunk("stop")])

    assert "Hi" == text(each(resolve(f"hf:{server.url}", token="hf_x")("Hi")))


def test_options_go_into_the_body(server):
    """Also those that the SDK does not know; None removes one."""
    deltas(server, "plain", top_k=3, seed=1, stream_options=None, extra_body={"more": 1})
    body = server.requests[0].body

    assert (3, 1, 1) == (body["top_k"], body["seed"], body["more"])
    assert "stream_options" not in body


# What comes back.


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer(server, stream):
    """Streamed or whole, an answer has the same text, finish reason and usage."""
    found = deltas(server, "plain", stream=stream)

    assert PLAIN == text(found)
    assert [Finish("stop"), Usage(10, 5)] == [
        Usage(delta.input_tokens, delta.output_tokens) if isinstance(delta, Usage) else delta
        for delta in found
        if not isinstance(delta, TextDelta)
    ]
    assert stream is server.requests[0].body["stream"]


STRANGE = "a\u2028b\u0085c\x0bd\x1ce"


def test_any_separator_of_lines_is_text(server):
    """A sign at which Python, but no protocol, splits lines does not break a frame."""
    server.scenario("strange", lambda body: [text_chunk(STRANGE), finish_chunk("stop")])

    assert STRANGE == text(deltas(server, "strange"))


def test_a_whole_reply_to_a_streamed_request(server):
    """A server that cannot stream is understood."""
    message = {"role": "assistant", "content": "Hi"}
    reply = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    server.scenario("whole", lambda body: [Reply(200, reply)])

    assert "Hi" == text(deltas(server, "whole"))


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
NO = b"HTTP/1.1 404 No\r\nContent-Type: application/json\r\nConnection: close\r\n"
BUSY = NO.replace(b"404", b"429") + b"Retry-After: 2\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
SENTENCE = b'{"error": {"message": "No such model."}}'

BAD = {
    "no HTTP": (b"\x00\x01 no HTTP at all\r\n\r\n", ModelUnavailable, "sent what is not|reached"),
    "a page": (OK + b"\r\n<html>Sign in</html>", MalformedReply, "Sign in"),
    "a page of an error": (NO + b"\r\n<title>Not here</title>", ModelRejected, "Not here"),
    "no gzip": (OK + b"Content-Encoding: gzip\r\n\r\nnone", ModelUnavailable, "broke off"),
    "half of it": (OK + b"Content-Length: 500\r\n\r\ndata: {", ModelUnavailable, "broke off"),
    "a sentence": (NO + b"\r\n" + SENTENCE, ModelRejected, "No such model"),
    "in chunks": (NO + CHUNKED % (len(SENTENCE), SENTENCE), ModelRejected, "No such model"),
    "busy": (BUSY + b'Content-Length: 500\r\n\r\n{"error":', RateLimited, "answered 429"),
    "busy gzip": (
        BUSY + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
        RateLimited,
        "answered 429",
    ),
    "nothing": (OK + b"\r\n", ModelUnavailable, "broke off"),
}


@pytest.mark.parametrize(("reply", "kind", "why"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("stream", [True, False])
def test_what_is_no_reply(reply, kind, why, stream):
    """Whatever a server sends, it is one of our errors, with provider, model, and its sentence.

    Its connection is closed.
    """
    with answering(reply) as url, pytest.raises(kind, match=why) as raised:
        list(each(InferenceClientModel("bad", api_base=url, stream=stream)("Hi")))

    assert ("hf", "bad") == (raised.value.provider, raised.value.model)
    assert kind is not RateLimited or raised.value.retry_after == 2


WHOLE = b"".join(
    b"data: %s\n\n" % json.dumps(chunk).encode()
    for chunk in (text_chunk("Gr\u00fc\u00dfe"), text_chunk(" \U0001f388"), finish_chunk("stop"))
)


KEPT = b"HTTP/1.1 404 No\r\nContent-Type: application/json\r\n"
CUT = {
    "before a chunk": KEPT + b"Transfer-Encoding: chunked\r\n\r\n",
    "in a chunk": KEPT + CHUNKED[:-7] % (500, SENTENCE),
    "before the last chunk": KEPT + CHUNKED[:-5] % (len(SENTENCE), SENTENCE),
    "in a length": KEPT + b"Content-Length: 500\r\n\r\n" + SENTENCE,
    "in its head": KEPT,
}


@pytest.mark.parametrize("reply", CUT.values(), ids=CUT)
def test_the_connection_of_a_cut_reply_is_closed(reply):
    """A connection that could serve other requests does not if its reply was cut."""
    with answering(reply) as url, pytest.raises(ModelError):
        list(each(InferenceClientModel("cut", api_base=url)("Hi")))


def test_a_reply_cut_at_any_byte():
    """It is an error, with the text before it, unless all but the end was there."""
    parts = [WHOLE[:cut] for cut in range(len(WHOLE))]
    with answering_each([OK + b"\r\n" + part for part in parts]) as url:
        model = InferenceClientModel("cut", api_base=url)
        for part in parts:
            found = []
            with suppress(ModelError):
                for delta in each(model("Hi")):
                    found.append(delta)
            assert "Gr\u00fc\u00dfe \U0001f388".startswith(text(found))
            assert (Finish("stop") in found) <= (b"stop" in part)


def test_no_network():
    """A server that is not there is named with its address."""
    with pytest.raises(ModelUnavailable, match=r"at http://127\.0\.0\.1:9"):
        list(each(InferenceClientModel("m", api_base="http://127.0.0.1:9/v1")("Hi")))


def test_a_silence_of_one_request(server):
    """A request may have a time-out of its own."""
    model = InferenceClientModel("stall", api_base=server.url)

    with pytest.raises(ModelTimeout):
        list(each(model(Request((Message("user", "Hi"),), options={"timeout": 0.1}))))


# The client.


async def read(model):
    """Return the text of an answer, read on this loop."""
    return "".join([d.text async for d in each(model("Hi")) if isinstance(d, TextDelta)])


def test_a_connection_serves_many_requests(server):
    """Requests one after another use one connection, though each has a client of the SDK's."""

    async def ask():
        before = idle_connections()
        for _ in range(3):
            assert PLAIN == await read(InferenceClientModel("plain", api_base=server.url))
        return idle_connections() - before

    assert 1 == len(asyncio.run(ask()))


def test_nothing_that_blocks_happens_on_the_loop(server, monkeypatch):
    """The SDK asks its hub about a provider's name for a model on a worker."""
    asked = []

    def fetch(model):
        asked.append(threading.current_thread().name)
        raise ValueError("No provider mapping found.")

    monkeypatch.setattr(
        "huggingface_hub.inference._providers._common._fetch_inference_provider_mapping", fetch
    )

    with pytest.raises(ModelRejected, match="No provider mapping found"):
        asyncio.run(read(InferenceClientModel("m", provider="together", token="hf_x")))
    assert [True] == [name.startswith("rxagent-worker") for name in asked]


def test_a_model_can_be_copied_and_pickled(server):
    """A twin asks the same server."""
    model = InferenceClientModel("plain", api_base=server.url, temperature=0)

    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert PLAIN == text(each(twin("Hi")))
