"""Replies that are whole, or have failed, while the server keeps their connections open."""

import json

import pytest

from rxagent.errors import ModelError, ModelUnavailable
from rxagent.events import Finish, TextDelta
from rxagent.models import AmazonBedrockModel, AnthropicModel, InferenceClientModel, OpenAIModel
from rxagent.streams import each
from rxagent.testing.far_ends.anthropic_events import event
from rxagent.testing.far_ends.aws_frames import event_frame
from rxagent.testing.frames import DONE

from .raw import answering

CHAT = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
RESPONSE = {
    "object": "response",
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}],
}
MESSAGE = {
    "type": "message",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
}
CONVERSE = {"output": {"message": {"content": [{"text": "Hi"}]}}, "stopReason": "end_turn"}
WHOLE = {
    "chat": CHAT,
    "responses": RESPONSE,
    "anthropic": MESSAGE,
    "bedrock": CONVERSE,
    "hf": CHAT,
}

NEEDS = {"anthropic": "anthropic", "bedrock": "boto3"}
"""The packages of models that are not always installed."""

EACH = pytest.mark.parametrize("name", WHOLE)


@pytest.fixture(autouse=True)
def short_silence(monkeypatch):
    """Silence is short."""
    monkeypatch.setattr("rxagent.models.reply_reader._SILENCE", 0.2)


def make(name, url):
    """Return a model of a protocol at an address."""
    root = url.removesuffix("/v1")
    match name:
        case "chat" | "responses":
            api = {} if name == "chat" else {"api": "responses"}
            return OpenAIModel("m", api_base=url, api_key="k", timeout=20, **api)
        case "anthropic":
            return AnthropicModel("m", api_base=root, api_key="k", timeout=20)
        case "hf":
            return InferenceClientModel("m", api_base=url, token="hf_any", timeout=20)
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    kwargs = {"region_name": "us-east-1", "endpoint_url": root, **keys}
    return AmazonBedrockModel("amazon.nova-pro-v1:0", client_kwargs=kwargs, timeout=20)


def play(name, body, again, status="200 OK", kind="application/json"):
    """Return the deltas of a reply behind which the same bytes come again and again."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
    with answering(head.encode() + body, again) as url:
        return list(each(make(name, url)("Hi")))


@EACH
@pytest.mark.parametrize("again", [b"", b"\n"])
def test_whole_replies(name, again):
    """A whole reply ends in silence, which blanks do not break."""
    deltas = play(name, json.dumps(WHOLE[name]).encode(), again)

    assert [TextDelta("Hi"), Finish("stop")] == deltas


@EACH
@pytest.mark.parametrize("again", [b"", b" "])
@pytest.mark.parametrize("body", [b'{"error": {"message": "Slow down."}}', b""])
def test_failed_replies(name, again, body):
    """So does the body of a failed one, which keeps its status and its words."""
    with pytest.raises(ModelError) as caught:
        play(name, body, again, "429 Too Many Requests")

    assert 429 == caught.value.status
    assert not body or "Slow down." in str(caught.value)


@pytest.mark.parametrize(
    "again", [b": ping\n\n", b"\n", b'event: ping\ndata: {"type": "ping"}\n\n']
)
def test_a_foreign_mark_of_an_end(again):
    """Signs of life behind `[DONE]` do not keep a reply open that lacks its reason."""
    start = {"type": "text", "text": "Hi"}
    stream = event("content_block_start", index=0, content_block=start) + DONE

    with pytest.raises(ModelUnavailable, match="broke off"):
        play("anthropic", stream, again, kind="text/event-stream")


def test_an_end_of_bedrock_that_is_repeated():
    """An end that is repeated is said once, and keeps no reply open."""
    text = event_frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi"}})
    stop = event_frame("messageStop", {"stopReason": "end_turn"})

    found = play("bedrock", text + stop, stop, kind="application/vnd.amazon.eventstream")

    assert [TextDelta("Hi"), Finish("stop")] == found
