"""Bedrock's models, called through the real boto3 and aiohttp over a real socket."""

import asyncio
import gzip
import json
import pickle
import shutil
import ssl
import sys
import zlib
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, HTTPServer
from subprocess import run
from threading import Event, Thread
from time import perf_counter

import pytest
from attrs import evolve

from rxagent import Agent, tool
from rxagent import operators as ops
from rxagent.errors import (
    MalformedReply,
    ModelError,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from rxagent.events import Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from rxagent.messages import Image, Message, Request
from rxagent.models import AmazonBedrockModel, resolve
from rxagent.models.bedrock import PROVIDER
from rxagent.pickling import PicklingError
from rxagent.streams import each
from rxagent.testing.contract import ModelContract
from rxagent.testing.far_ends import Broken, Rejected, Silence, Waiting
from rxagent.testing.far_ends.bedrock import KEYS, BedrockFarEnd
from rxagent.testing.leaks import keepers

from ..models.raw import answering

boto3 = pytest.importorskip("boto3")

from botocore.auth import SigV4Auth  # noqa: E402 - after the skip
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

keepers["executor"] = lambda opened: isinstance(opened, Thread) and opened.name[:8] == "asyncio_"
"""An event loop keeps the threads on which aiohttp looks up hosts."""

HELLO = TextDelta("Hello"), Finish("stop")


class TestContract(ModelContract):
    """Bedrock's models keep the contract."""

    @pytest.fixture
    def far_end(self):
        """A server that speaks the Converse protocol."""
        with BedrockFarEnd() as far_end:
            yield far_end

    def test_usage_in_detail(self, far_end):
        """Tokens of a cache are part of the input; Bedrock does not count those of reasoning."""
        used = Usage(100, 20, cached_tokens=60, cache_write_tokens=30)
        model = far_end.serve(*HELLO, used)

        assert evolve(used, model=model.model_id) == list(each(model("Hi")))[-1]


@pytest.fixture
def far_end():
    """A server that speaks the Converse protocol."""
    with BedrockFarEnd() as far_end:
        yield far_end


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch, tmp_path):
    """Hide the credentials of the machine on which the tests run."""
    for name in ("AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def relay():
    """Return a context manager that passes connections on, with their number, also over TLS."""

    @contextmanager
    def relay(far_end, certificate=None):
        connections, tasks = [], []
        ready, ended = Future(), Event()

        async def pump(reader, writer):
            with suppress(OSError):
                while data := await reader.read(1 << 16):
                    writer.write(data)
                    await writer.drain()
            writer.close()

        async def accept(reader, writer):
            connections.append(writer)
            tasks.append(asyncio.current_task())
            there, back = await asyncio.open_connection("127.0.0.1", far_end.server.port)
            await asyncio.gather(pump(reader, back), pump(there, writer))

        async def serve():
            tls = None
            if certificate is not None:
                tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                tls.load_cert_chain(certificate)
            server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
            port = server.sockets[0].getsockname()[1]
            ready.set_result(f"{'http' if tls is None else 'https'}://127.0.0.1:{port}")
            await asyncio.to_thread(ended.wait)
            server.close()
            for writer in connections:
                writer.transport.abort()
            await asyncio.gather(*tasks)

        thread = Thread(target=lambda: asyncio.run(serve()), name="relay")
        thread.start()
        try:
            yield ready.result(60), connections
        finally:
            ended.set()
            thread.join(60)

    return relay


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A file with a certificate for 127.0.0.1, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    named = ["-subj", "/CN=rxagent", "-addext", "subjectAltName=IP:127.0.0.1"]
    run([*command.split(), *named, "-keyout", path, "-out", path.with_suffix(".crt")], check=True)
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


def text(model, request="Hi"):
    """Return the answer's text."""
    return "".join(delta.text for delta in each(model(request)) if isinstance(delta, TextDelta))


def received(far_end):
    """Return the latest request as it arrived."""
    return far_end.server.requests[-1]


def signature_of(request, url):
    """Return the signature that a request must have, from what arrived."""
    names = request.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    signed = AWSRequest(
        "POST",
        url + request.path,
        {name: request.headers[name] for name in names.split(";") if name != "host"},
        json.dumps({k: v for k, v in request.body.items() if k != "modelId"}),
    )
    signed.context["timestamp"] = request.headers["x-amz-date"]
    keys = Credentials(KEYS["aws_access_key_id"], KEYS["aws_secret_access_key"])
    signer = SigV4Auth(keys, "bedrock", KEYS["region_name"])
    return signer.signature(signer.string_to_sign(signed, signer.canonical_request(signed)), signed)


@pytest.mark.parametrize("stream", [True, False])
def test_signed(far_end, stream):
    """A request is signed as AWS checks it, and asks for a stream or a whole reply."""
    model = far_end.serve(*HELLO, stream=stream)
    assert "Hello" == text(model)

    request = received(far_end)
    path = "converse-stream" if stream else "converse"
    assert f"/model/{model.model_id}/{path}" == request.path
    assert f"Signature={signature_of(request, far_end.url)}" in request.headers["authorization"]


def test_a_name_with_signs(far_end):
    """The signs in a model's name arrive, and are signed, as they are written."""
    name = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    far_end.answer_to(name, *HELLO)
    assert "Hello" == text(far_end.connect(name))

    request = received(far_end)
    assert f"Signature={signature_of(request, far_end.url)}" in request.headers["authorization"]


def test_environment(far_end, monkeypatch):
    """What boto3 reads from the environment works: keys, region and endpoint."""
    name = far_end.serve(*HELLO).model_id
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", far_end.url)

    assert "Hello" == text(resolve(f"bedrock:{name}"))
    said = received(far_end).headers["authorization"]
    assert "Credential=from-the-environment/" in said
    assert "/eu-west-1/bedrock/" in said


def test_another_environment(far_end, monkeypatch):
    """A change of the environment is noticed by the next request."""
    given = {"endpoint_url": far_end.url, "region_name": "us-east-1"}
    model = AmazonBedrockModel(far_end.serve(*HELLO).model_id, client_kwargs=given)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    for key in ("first", "second"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        text(model)
        assert f"Credential={key}/" in received(far_end).headers["authorization"]


def test_profile(far_end, tmp_path):
    """A profile of the AWS command line is an argument of the client too."""
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-3\n")
    keys = "[work]\naws_access_key_id = of-work\naws_secret_access_key = x\n"
    (tmp_path / "credentials").write_text(keys)
    given = {"endpoint_url": far_end.url, "profile_name": "work"}

    assert "Hello" == text(AmazonBedrockModel(far_end.serve(*HELLO).model_id, client_kwargs=given))
    said = received(far_end).headers["authorization"]
    assert "Credential=of-work/" in said
    assert "/eu-west-3/" in said


def test_bearer_token(far_end, relay, certificate, monkeypatch):
    """An API key of Bedrock is sent as a bearer token, over TLS only."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "key-of-bedrock")
    name = far_end.serve(*HELLO).model_id
    with relay(far_end, certificate) as (url, _):
        given = {"endpoint_url": url, "region_name": "us-east-1", "verify": str(certificate)}
        assert "Hello" == text(AmazonBedrockModel(name, client_kwargs=given))
    assert "Bearer key-of-bedrock" == received(far_end).headers["authorization"]

    plain = {"endpoint_url": far_end.url, "region_name": "us-east-1"}
    with pytest.raises(ModelRejected, match="HTTPS"):
        text(AmazonBedrockModel(name, client_kwargs=plain))


@pytest.mark.parametrize("how", ["nothing", "verify", "environment", "unchecked", "wrong host"])
def test_certificates(far_end, relay, certificate, monkeypatch, how):
    """Certificates are verified as boto3 is configured."""
    name = far_end.serve(*HELLO).model_id
    with relay(far_end, certificate) as (url, _):
        given = {**KEYS, "endpoint_url": url}
        match how:
            case "verify":
                given["verify"] = str(certificate)
            case "environment":
                monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
            case "unchecked":
                given["verify"] = False
            case "wrong host":
                given["verify"] = str(certificate)
                given["endpoint_url"] = url.replace("127.0.0.1", "localhost")
        model = AmazonBedrockModel(name, client_kwargs=given)
        if how in ("nothing", "wrong host"):
            with pytest.raises(ModelUnavailable, match=r"(?i)certificate"):
                text(model)
        else:
            assert "Hello" == text(model)


def test_a_client_of_ones_own(far_end):
    """A client that is given is used with its handlers, and its other calls are its own."""
    client = boto3.session.Session().client("bedrock-runtime", endpoint_url=far_end.url, **KEYS)
    seen = []
    client.meta.events.register("before-sign", lambda request, **_: seen.append(request.url))
    name = far_end.serve(*HELLO).model_id
    model = AmazonBedrockModel(name, client=client)
    assert ["Hello"] * 2 == [text(model), text(model)]
    assert 2 == len(seen)

    messages = [{"role": "user", "content": [{"text": "Hi"}]}]
    stream = client.converse_stream(modelId=name, messages=messages)["stream"]
    pieces = [event["contentBlockDelta"] for event in stream if "contentBlockDelta" in event]
    texts = [piece["delta"]["text"] for piece in pieces]
    assert ["Hello"] == texts
    assert 3 == len(far_end.calls)
    client.close()


def test_a_client_and_arguments():
    """A client has its arguments already."""
    with pytest.raises(TypeError, match="not both"):
        AmazonBedrockModel("m", client=object(), client_kwargs={"region_name": "x"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"specify a region.*Run `aws configure`"),
        ({"region_name": "us-east-1"}, r"locate credentials.*AWS_BEARER_TOKEN_BEDROCK"),
        ({"profile_name": "gone"}, r"profile \(gone\).*aws configure"),
        ({"region_name": "us-east-1", "endpoint_url": "no url"}, "no url"),
        ({"region_name": "us-east-1", "unknown": 1}, "unknown"),
    ],
)
def test_what_is_missing(given, said):
    """A client that cannot be made, or cannot sign, is named with what to do."""
    with pytest.raises(ModelRejected, match=said) as caught:
        text(AmazonBedrockModel("some.model", client_kwargs=given))
    assert ("bedrock", "some.model") == (caught.value.provider, caught.value.model)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"colour": "red"}, 'Unknown parameter in input: "colour"'),
        ({"max_tokens": "many"}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": "hot"}, "inferenceConfig"),
    ],
)
def test_options_that_botocore_refuses(far_end, options, said):
    """An option that its service model does not know is not sent."""
    with pytest.raises(ModelRejected, match=said):
        text(far_end.serve(*HELLO, **options))
    assert [] == far_end.calls


def test_options_arrive(far_end):
    """Options of the model and of the request go to Bedrock."""
    model = far_end.serve(*HELLO, temperature=0.5, inferenceConfig={"maxTokens": 7})
    guard = {"guardrailIdentifier": "abc", "guardrailVersion": "1"}
    text(model, Request("Hi", options={"guardrailConfig": guard, "performanceConfig": {}}))

    body = far_end.bodies[-1]
    assert {"temperature": 0.5, "maxTokens": 7} == body["inferenceConfig"]
    assert guard == body["guardrailConfig"]


def test_an_image_of_the_web(far_end):
    """An address of the web is refused with what to do instead."""
    seen = Message("user", "What is it?", images=[Image("https://example.com/a.png")])

    with pytest.raises(ModelRejected, match="does not read"):
        text(far_end.serve(*HELLO), seen)
    assert [] == far_end.calls


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (Rejected(424, "The model failed."), ModelUnavailable),
        (Rejected(408, "Too slow."), ModelTimeout),
        (Rejected(429, "Not ready.", {"x-amzn-ErrorType": "ModelNotReadyException"}), RateLimited),
        (Rejected(307, "Elsewhere."), ModelError),
    ],
)
def test_errors_at_opening(far_end, sent, kind):
    """Each status of Bedrock has its error, with the sentence of the server."""
    with pytest.raises(kind, match=sent.message):
        text(far_end.serve(sent))


def test_unreachable():
    """A server that is not there is unavailable, and the error says where it was sought."""
    given = {**KEYS, "endpoint_url": "http://127.0.0.1:9"}

    with pytest.raises(ModelUnavailable, match=r"could not be reached at 127\.0\.0\.1:9"):
        text(AmazonBedrockModel("m", client_kwargs=given))


def test_proxy(far_end):
    """boto3's proxies are used."""
    config = Config(proxies={"http": far_end.url})
    name = far_end.serve(*HELLO).model_id
    given = {**KEYS, "endpoint_url": "http://bedrock.invalid", "config": config}

    assert "Hello" == text(AmazonBedrockModel(name, client_kwargs=given))
    assert "bedrock.invalid" == received(far_end).headers["host"]


def test_a_proxy_of_the_environment(far_end, monkeypatch):
    """So are those of the environment, but not for hosts that it excludes."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    given = {**KEYS, "endpoint_url": "http://bedrock.invalid"}
    with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9"):
        text(AmazonBedrockModel("m", client_kwargs=given))

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert "Hello" == text(far_end.serve(*HELLO))


def test_the_read_timeout_of_botocore(far_end):
    """The silence that boto3's configuration allows is the longest."""
    kwargs = {"config": Config(read_timeout=0.2)}

    with pytest.raises(ModelTimeout):
        text(far_end.serve(Silence(), client_kwargs=kwargs))


def test_left_at_once_before_the_headers(far_end):
    """Disposing hangs up within moments, also while the server sends no headers."""
    model = far_end.serve(Waiting())
    waits = []
    for count in range(1, 6):
        subscription = model("Hi").subscribe()
        far_end.wait_call(model, count)
        began = perf_counter()
        subscription.dispose()
        far_end.wait_hang_up(model, count)
        waits.append(perf_counter() - began)

    assert min(waits) < 0.05


def test_a_connection_is_used_again(far_end, relay):
    """Later requests go over the connection of the first."""
    with relay(far_end) as (url, connections):
        model = far_end.serve(*HELLO, Usage(1, 1), client_kwargs={"endpoint_url": url})

        async def ask():
            for _ in range(3):
                assert "Hello" == "".join(
                    [piece async for piece in each(model("Hi").pipe(ops.text()))]
                )

        asyncio.run(ask())
    assert 1 == len(connections)


def test_no_sdk_on_the_loop(far_end):
    """Neither boto3 nor aiohttp is imported, nor a client made, on the event loop's thread."""
    code = f"""
import asyncio, builtins, sys, threading
from rxagent import Agent
from rxagent.models import AmazonBedrockModel
real, wrong = builtins.__import__, []
main = threading.main_thread()
def watched(name, *args, **kwargs):
    new = name.partition(".")[0] in ("boto3", "botocore", "aiohttp") and name not in sys.modules
    if new and threading.current_thread() is main:
        wrong.append(name)
    return real(name, *args, **kwargs)
builtins.__import__ = watched
model = AmazonBedrockModel({far_end.serve(*HELLO).model_id!r}, client_kwargs={{
    **{KEYS!r}, "endpoint_url": {far_end.url!r}}})
async def main_task():
    print(await Agent(model).start("Hi"))
asyncio.run(main_task())
print(wrong)
"""
    said = run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert ["Hello", "[]"] == said.stdout.splitlines()


def test_pickling(far_end):
    """A model is pickled and copied with its arguments, and refused with a client."""
    model = far_end.serve(*HELLO)
    assert ["Hello"] * 2 == [text(pickle.loads(pickle.dumps(model))), text(deepcopy(model))]

    client = boto3.session.Session().client("bedrock-runtime", **KEYS)
    with pytest.raises(PicklingError, match="its client"):
        pickle.dumps(AmazonBedrockModel("m", client=client))
    client.close()


def test_broken_bytes_of_a_gateway(far_end):
    """A page in place of a reply is no answer, whatever its status."""
    from rxagent.testing.scenarios import Reply

    model = far_end.serve(*HELLO)
    page = "<html><title>Sign in</title></html>"
    far_end.server.scenario(model.model_id, lambda body: [Reply(200, page)])
    with pytest.raises(ModelError, match="Sign in"):
        text(model)


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "deflate"])
@pytest.mark.parametrize("status", [200, 429])
def test_compressed(name, status):
    """A proxy before Bedrock may compress what it passes on, in several parts."""
    content = [{"text": "Hello"}]
    reply = {"output": {"message": {"content": content}}, "stopReason": "end_turn"}
    body = json.dumps(reply if status == 200 else {"message": "Slow down"}).encode()
    parts = [body] if name == "deflate" else [body[:9], body[9:]]
    compress = zlib.compress if name == "deflate" else gzip.compress
    coded = b"".join(map(compress, parts))
    head = f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Encoding: {name}\r\n"
    with answering(f"{head}Content-Length: {len(coded)}\r\n\r\n".encode() + coded) as url:
        model = AmazonBedrockModel("m", client_kwargs={**KEYS, "endpoint_url": url})
        if status == 200:
            assert "Hello" == text(model)
        else:
            with pytest.raises(RateLimited, match="Slow down"):
                text(model)


def test_an_unknown_encoding():
    """The error of a body that cannot be read names its encoding."""
    reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: br\r\n\r\n\x0b\x02\x80"
    with answering(reply) as url, pytest.raises(MalformedReply, match="'br', which is not known"):
        text(AmazonBedrockModel("m", client_kwargs={**KEYS, "endpoint_url": url}))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_garbage_that_is_called_compressed(far_end, encoding):
    """What is called compressed and is not is an error of ours."""
    from rxagent.testing.scenarios import Reply

    model = far_end.serve(*HELLO)
    reply = Reply(200, "no such thing", {"Content-Encoding": encoding})
    far_end.server.scenario(model.model_id, lambda body: [reply])
    with pytest.raises(ModelError):
        text(model)


def test_listed(monkeypatch):
    """The declaration lists the models and the inference profiles of the region."""
    from aiohttp import web

    async def models(request):
        return web.json_response({"modelSummaries": [{"modelArn": "a", "modelId": "amazon.nova"}]})

    async def profiles(request):
        summary = {"inferenceProfileId": "us.amazon.nova"}
        return web.json_response({"inferenceProfileSummaries": [summary]})

    async def listed():
        app = web.Application()
        app.router.add_get("/foundation-models", models)
        app.router.add_get("/inference-profiles", profiles)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", url)
        try:
            return url, await asyncio.to_thread(PROVIDER.list_models, 5)
        finally:
            await runner.cleanup()

    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    url, (address, names) = asyncio.run(listed())

    assert url == address
    assert ["amazon.nova", "us.amazon.nova"] == names


def test_broken_while_silent(far_end):
    """A connection that breaks before the headers is unavailable."""
    with pytest.raises(ModelUnavailable):
        text(far_end.serve(Broken()))


def test_an_agent_with_tools(far_end):
    """Calls are run, results and reasoning sent; in the closing turn the tools are gone."""

    @tool
    def add(a: int, b: int) -> int:
        """Return the sum of two integers."""
        return a + b

    def script(request):
        results = [message.text for message in request.messages if message.role == "tool"]
        if not results:
            thought = ReasoningDelta("I must add.")
            called = ToolCallDelta(0, "call_1", "add", '{"a": 2, "b": 3}')
            return [thought, called, Finish("tool_calls"), Usage(10, 5)]
        return [TextDelta(f"It is {results[-1]}."), Finish("stop"), Usage(20, 5)]

    model = far_end.perform(script)
    assert "It is 5." == Agent(model, [add]).run("How much is 2 + 3?")
    assert "It is 5." == Agent(model, [add], max_steps=1).run("How much is 2 + 3?")

    _, second, _, closing = far_end.bodies
    reasoning = {"reasoningText": {"text": "I must add.", "signature": "c2lnbmVk"}}
    assert {"reasoningContent": reasoning} == second["messages"][1]["content"][0]
    assert "toolResult" in second["messages"][2]["content"][0]
    gone = [one["toolSpec"] for one in closing["toolConfig"]["tools"]]
    assert [("add", "It cannot be called any more.")] == [
        (one["name"], one["description"]) for one in gone
    ]


ROLE = """[profile role]
region = us-east-1
role_arn = arn:aws:iam::123456789012:role/agent
source_profile = work
[profile work]
aws_access_key_id = a
aws_secret_access_key = b
"""

DENIED = b"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
<Type>Sender</Type><Code>AccessDenied</Code><Message>You may not be that role.</Message>
</Error></ErrorResponse>"""


@pytest.mark.parametrize("is_there", [True, False])
def test_a_role_that_is_refused(tmp_path, monkeypatch, is_there):
    """What the service says that gives credentials is the error, and where it is not, that."""

    class Sts(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(403)
            self.send_header("content-length", str(len(DENIED)))
            self.end_headers()
            self.wfile.write(DENIED)

        def log_message(self, *_):
            """Say nothing here."""

    (tmp_path / "config").write_text(ROLE)
    monkeypatch.setenv("AWS_PROFILE", "role")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with HTTPServer(("127.0.0.1", 0), Sts) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        port = server.server_port if is_there else 9
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{port}")
        kind, said = ModelRejected, "403.+You may not be that role"
        if not is_there:
            kind, said = ModelUnavailable, "credentials cannot be fetched"
        try:
            with pytest.raises(kind, match=said):
                text(AmazonBedrockModel("m"))
        finally:
            server.shutdown()
            thread.join()
