"""OpenAI's models through the Responses protocol, by the real SDK over a real socket."""

import pytest

from rxagent.errors import ModelRejected
from rxagent.events import Finish, ReasoningDelta, TextDelta, Usage
from rxagent.messages import Request
from rxagent.models import AzureOpenAIModel, OpenAIModel, resolve
from rxagent.streams import each
from rxagent.testing import ScriptedServer
from rxagent.testing.far_ends.responses import ResponsesFarEnd
from rxagent.testing.far_ends.responses_events import ResponseRendering
from rxagent.testing.frames import whole
from rxagent.testing.scenarios import Reply
from rxagent.testing.scripts import PLAIN

SAID = [ReasoningDelta("Hm."), TextDelta("Hello"), TextDelta(" there."), Finish("stop")]


@pytest.fixture
def far_end():
    """A server that speaks the protocol."""
    with ResponsesFarEnd() as far_end:
        yield far_end


def texts(model, request="Hi"):
    """Return the pieces of an answer."""
    return [delta.text for delta in each(model(request)) if isinstance(delta, TextDelta)]


def test_options(far_end):
    """Options go into the body, those of the request before those of the model."""
    model = far_end.serve(*SAID, reasoning={"effort": "low"}, max_output_tokens=100)
    request = Request("Hi", options={"max_output_tokens": 50, "reasoning": {"summary": "auto"}})

    assert ["Hello", " there."] == texts(model, request)
    assert (50, {"summary": "auto"}, False) == tuple(
        far_end.bodies[0][name] for name in ("max_output_tokens", "reasoning", "store")
    )


@pytest.mark.parametrize("name", ["input", "messages"])
def test_options_that_the_request_holds(name):
    """What the request itself holds is no option."""
    with pytest.raises(TypeError, match=f"no option named {name}"):
        OpenAIModel("gpt-5-mini", api="responses", **{name: []})


def test_unknown_protocols():
    """A misspelt protocol is refused."""
    with pytest.raises(ValueError, match="must be 'chat' or 'responses'"):
        OpenAIModel("gpt-5-mini", api="respones")


def test_a_whole_reply():
    """A reply that is not streamed has the same deltas, each text in one."""
    rendering = ResponseRendering("here")
    items = [delta for item in [*SAID, Usage(3, 4)] for delta in rendering.delta(item)]
    assert items
    list(rendering.end())
    with ScriptedServer(paths=ResponsesFarEnd.paths) as server:
        server.scenario("here", lambda body: [Reply(200, rendering.response("completed"))])
        model = OpenAIModel(
            "here", api="responses", api_base=server.url, api_key="any", stream=False
        )
        deltas = list(each(model("Hi")))

    thought, kept, *rest = deltas
    assert (SAID[0], "") == (thought, kept.text)
    assert [TextDelta("Hello there."), Finish("stop"), Usage(3, 4, model="here")] == [
        delta for delta in rest if not isinstance(delta, ReasoningDelta)
    ]
    assert False is server.requests[0].body["stream"]


def test_by_its_prefix(far_end, monkeypatch):
    """The prefix `responses` stands for OpenAI's models with this protocol."""
    monkeypatch.setenv("OPENAI_BASE_URL", far_end.server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    far_end.server.scenario("gpt-5", lambda body: far_end._answer("gpt-5", lambda _: SAID, body))

    assert ["Hello", " there."] == texts(resolve("responses:gpt-5"))
    assert "/v1/responses" == far_end.server.requests[0].path


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("deployed", {}),
        ("gpt-4.1", {"azure_deployment": "deployed"}),
        ("gpt-4.1", {"client_kwargs": {"azure_deployment": "deployed"}}),
    ],
)
def test_azure(far_end, name, given):
    """Azure serves the protocol, too; it finds the deployment by the model that is sent."""
    answer = lambda body: far_end._answer("deployed", lambda _: SAID, body)  # noqa: E731
    far_end.server.scenario("deployed", answer)
    where = {"azure_endpoint": far_end.url, "api_version": "v", "api_key": "any"}
    model = AzureOpenAIModel(name, api="responses", **where, **given)

    assert ["Hello", " there."] == texts(model)
    assert "/openai/responses?api-version=v" == far_end.server.requests[0].path


def test_both_protocols_at_once(far_end):
    """Models of both protocols call the same server, each in its own way."""
    far_end.server.scenario("chat", lambda body: [Reply(200, whole(body, [_chunk(PLAIN)]))])
    chat = OpenAIModel("chat", api_base=far_end.server.url, api_key="any")

    assert (["Hello", " there."], [PLAIN]) == (texts(far_end.serve(*SAID)), texts(chat))


def _chunk(text):
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}


def test_a_missing_key(monkeypatch):
    """Without a key the error says which variable to set."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(ModelRejected, match="Set OPENAI_API_KEY"):
        list(each(resolve("responses:gpt-5")("Hi")))
