"""LiteLLM: what it asks servers of its own accord holds up no event loop, and no answer."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from rxagent.models import LiteLLMModel
from rxagent.models.litellm import loaded
from rxagent.streams import each

from ..models.raw import answering
from .litellm_replies import PROVIDERS, chat, frames_of, ollama, sse

litellm = pytest.importorskip("litellm")


class Lookups:
    """Stands for the client of LiteLLM's that blocks; nothing is sent."""

    def __init__(self):
        self.on_loop = []
        self.are_late = []
        self.has_answer = False

    def get(self, url, *_, **__):
        """Note a request."""
        self.on_loop.append(asyncio._get_running_loop() is not None)
        self.are_late.append(self.has_answer)
        raise OSError(f"no network: {url}")

    post = get


@pytest.fixture
def lookups(monkeypatch):
    """What LiteLLM looks up from now on, and where."""
    sdk, lookups = loaded(), Lookups()
    monkeypatch.setattr(sdk, "module_level_client", lookups)
    monkeypatch.setattr(sdk.utils, "_load_huggingface_tokenizer", lookups.get)
    sdk.utils.cached_get_model_info_helper.cache_clear()
    sdk.utils._HUGGINGFACE_TOKENIZER_LOAD_OUTCOMES.flush_cache()
    return lookups


def of(provider):
    """Return the bytes of a whole reply, streamed."""
    return provider.kind, b"".join(frames_of(provider, provider.stop))


def whole(value):
    """Return the bytes of a reply in one piece."""
    return "application/json", json.dumps(value).encode()


SAID = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Half answer"}}]}
SAID["choices"][0]["finish_reason"] = "stop"
CHUNKS = "text/event-stream", b"".join(sse(chat("Half "), chat("answer"), chat("", "stop")))
REPLIES = {
    "ollama_chat/seldom": (True, of(PROVIDERS["ollama"])),
    "ollama_chat/rare": (False, whole(ollama("Half answer", "stop"))),
    "lemonade/seldom": (True, CHUNKS),
    "lemonade/rare": (False, whole(chat("") | SAID)),
    "huggingface/any/seldom": (True, CHUNKS),
    "openai/meta-llama/Llama-3.1-8B": (True, CHUNKS),
    "openai/deepseek-seldom": (True, CHUNKS),
}


@pytest.mark.parametrize("name", REPLIES)
def test_lookups(lookups, name):
    """A model is looked up before its request only, on a thread, and no tokenizer is loaded."""
    streams, (kind, body) = REPLIES[name]

    async def ask(by):
        found = []
        async for delta in each(by("Hi")):
            lookups.has_answer = True
            found.append(delta)
        return found

    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    with answering(head.encode() + body) as url:
        asyncio.run(ask(LiteLLMModel(name, api_base=url, api_key="key", stream=streams)))

    assert lookups.has_answer
    assert not any(lookups.on_loop)
    assert not any(lookups.are_late)


def test_lookups_of_others(lookups):
    """Code beside rxagent's gets what LiteLLM looks up, where it asks for that itself."""

    async def look():
        return litellm.get_model_info("ollama_chat/seldom")

    assert asyncio.run(look())["input_cost_per_token"] == 0
    assert any(lookups.on_loop)


PROGRAM = """
import socket

def refuse(*arguments):
    raise OSError(f"no network: {arguments}")

socket.getaddrinfo = refuse
from rxagent.models.litellm import loaded
loaded()
from litellm.anthropic_beta_headers_manager import get_provider_name
print(get_provider_name("anthropic"))
"""


def test_the_names_of_headers():
    """Those of Anthropic's are there with LiteLLM; it would download them on a loop."""
    environment = {name: value for name, value in os.environ.items() if "LITELLM" not in name}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert (0, "anthropic\n") == (ran.returncode, ran.stdout), ran.stderr
    assert "no network" not in ran.stderr
