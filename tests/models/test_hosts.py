"""Hosts by name keep the contract; and what is particular about them."""

import os
import pickle
import re
from pathlib import Path

import pytest

from rxagent.errors import ModelRejected, ModelUnavailable
from rxagent.events import TextDelta
from rxagent.messages import Message, ToolCall
from rxagent.models import OpenAIModel, hosted, openai, resolve
from rxagent.models.hosts import HOSTS, declared_at
from rxagent.models.openai_chat.oddities import DEEPSEEKS, GEMINIS, USUAL
from rxagent.streams import each
from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends.mistral import MistralFarEnd
from rxagent.testing.scripts import PLAIN

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "hosts.md"


def test_the_page_has_each_host():
    """The table of the page has a row for each host, with its name, its port and its key."""
    rows = re.findall(
        r"^\| `(\w+):` \| (.+?) \| (?:`(\w+)`|none) \|$", PAGE.read_text("utf-8"), re.M
    )
    ports = {host.prefix: re.search(r":(\d+)/", host.url) for host in HOSTS.values()}

    assert sorted(rows) == sorted(
        (prefix, host.name + (f", on port {port[1]}" if port else ""), host.key or "")
        for (prefix, host), port in zip(HOSTS.items(), ports.values(), strict=True)
    )


class TestMistral(ModelContract):
    """The host with the most oddities."""

    @pytest.fixture
    def far_end(self):
        """A server that refuses what Mistral's refuses."""
        with MistralFarEnd() as far_end:
            yield far_end


def text(model):
    """Return the answer's text."""
    return "".join(delta.text for delta in each(model("Hi")) if isinstance(delta, TextDelta))


@pytest.fixture
def elsewhere(monkeypatch):
    """Clear the variables of the environment in which the tests run."""
    for name in os.environ:
        if name.endswith(("_API_KEY", "_BASE_URL")):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_a_host_has_its_address_and_its_key(host, server, elsewhere, monkeypatch):
    """Each is called by its own variables, and by its own address without them."""
    monkeypatch.setenv(host.url_variable, server.url)
    if host.key:
        monkeypatch.setenv(host.key, "secret")
    model = resolve(f"{host.prefix}:plain")

    assert PLAIN == text(model)
    assert (
        f"Bearer {'secret' if host.key else 'none'}" == server.requests[0].headers["authorization"]
    )
    monkeypatch.delenv(host.url_variable)
    assert host.url == model._arguments()["base_url"]
    assert f"resolve('{host.prefix}:plain')" == repr(model)


@pytest.mark.parametrize("host", [host for host in HOSTS.values() if host.key], ids=str)
def test_a_missing_key_names_the_variable_of_the_host(host, elsewhere, monkeypatch):
    """OpenAI's key is never taken for that of another host."""
    monkeypatch.setenv("OPENAI_API_KEY", "OpenAI's")

    with pytest.raises(
        ModelRejected, match=rf"Set {host.key}, or in a program write resolve\(.*api_key="
    ) as raised:
        text(resolve(f"{host.prefix}:plain"))

    assert host.prefix == raised.value.provider


def test_hosts_do_not_share_clients(server, elsewhere, monkeypatch):
    """Two hosts with the same arguments are two servers."""
    monkeypatch.setenv("OLLAMA_BASE_URL", server.url)
    monkeypatch.setenv("LMSTUDIO_BASE_URL", "http://127.0.0.1:9/v1")

    assert PLAIN == text(resolve("ollama:plain"))
    with pytest.raises(ModelUnavailable, match=r"http://127\.0\.0\.1:9"):
        text(resolve("lmstudio:plain"))


def test_what_is_openais_stays_there(server, elsewhere, monkeypatch):
    """Organization and project of the environment are OpenAI's, and go to no other host."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project")
    text(resolve("groq:plain", api_base=server.url, api_key="key"))

    sent = server.requests[0].headers
    assert not {"openai-organization", "openai-project"} & set(sent)


def test_a_wrong_address_is_named(elsewhere, monkeypatch):
    """The address in a variable is checked as that in an argument."""
    monkeypatch.setenv("OLLAMA_BASE_URL", "127.0.0.1:11434")

    with pytest.raises(ModelRejected, match="OLLAMA_BASE_URL is a URL such as"):
        text(resolve("ollama:plain"))


@pytest.mark.parametrize("name", ["ollama", "mistral"])
def test_a_model_of_a_host_can_be_pickled(name, server):
    """It is one of the same host, and of the same settings."""
    model = resolve(f"{name}:plain", api_base=server.url, api_key="key", temperature=0)
    twin = pickle.loads(pickle.dumps(model))

    assert (type(model), repr(model)) == (type(twin), repr(twin))
    assert PLAIN == text(twin)


def test_what_a_host_refuses_may_still_be_asked_for(server):
    """An option of the user's goes before what is known about a host."""
    model = resolve("mistral:plain", api_base=server.url, api_key="key", stream_options={"a": 1})
    text(model)

    assert {"a": 1} == server.requests[0].body["stream_options"]


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_what_a_host_demands_goes_with_its_address(host):
    """It is met by a model of `OpenAIModel` as well, whatever the path."""
    assert host.oddities == declared_at(host.url) == declared_at(f"{host.url}/beta")
    assert USUAL == declared_at("") == declared_at("https://example.com/v1")


OF_GOOGLE = "projects/p/locations/{}/endpoints/openapi"


@pytest.mark.parametrize(
    ("url", "is_vertex"),
    [
        (f"https://aiplatform.googleapis.com/v1/{OF_GOOGLE.format('global')}", True),
        (f"https://us-central1-aiplatform.googleapis.com/v1beta1/{OF_GOOGLE.format('x')}/", True),
        (f"https://aiplatform.eu.rep.googleapis.com/v1/{OF_GOOGLE.format('eu')}", True),
        ("https://us-central1-aiplatform.googleapis.com/v1/projects/p/endpoints/42", False),
        (f"https://aiplatform.googleapis.com.example.com/v1/{OF_GOOGLE.format('x')}", False),
        (f"https://example.com/aiplatform.googleapis.com/{OF_GOOGLE.format('x')}", False),
    ],
)
def test_gemini_on_vertex(url, is_vertex):
    """Vertex serves Gemini, with the same demands, under an address for each region."""
    assert (GEMINIS if is_vertex else USUAL) == declared_at(url)


def test_the_address_of_a_host_decides(server, monkeypatch):
    """A model that is no host's meets the demands of the address that it is given."""
    monkeypatch.setattr(openai, "declared_at", {server.url: DEEPSEEKS}.__getitem__)
    call = Message("assistant", tool_calls=[ToolCall("c", "add", "{}")])
    messages = [Message("user", "Add."), call, Message("tool", "5", tool_call_id="c")]
    model = OpenAIModel("plain", api_base=server.url, api_key="key")
    list(each(model(messages)))

    assert DEEPSEEKS.thought == server.requests[0].body["messages"][1]["reasoning_content"]


def test_there_is_no_other_host():
    """A name that no host has is an attribute error."""
    with pytest.raises(AttributeError, match="no attribute 'acme'"):
        _ = hosted.acme
