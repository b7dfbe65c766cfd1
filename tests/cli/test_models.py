import http.server
import threading
from importlib.util import find_spec

import pytest

from rxagent.models import prefixes, provider
from rxagent.models.hosts import HOSTS


def test_every_provider_is_shown(call):
    """Each prefix that a model's name may have gets a line, but hosts share two."""
    lines = call("models")[1].splitlines()
    own = [
        line.partition(":")[0] for line in lines if not line.startswith(("Hosts", "Servers", " "))
    ]
    shared = " ".join(lines[-2:])

    assert [name for name in prefixes() if name not in HOSTS] == own
    assert (
        "Hosts that are not set up, with the variables of their keys: deepseek (DEEPSEEK" in shared
    )
    assert "Servers that do not answer: llamacpp (http://127.0.0.1:9/v1), " in shared
    assert [] == [name for name in HOSTS if f" {name} (" not in shared]


@pytest.mark.parametrize("name", ["groq", "ollama"])
def test_a_host_that_is_set_up_is_shown_by_itself(call, server, monkeypatch, name):
    """A host with a key, or a server that answers, gets lines of its own."""
    monkeypatch.setenv(f"{name.upper()}_BASE_URL", server.url)
    monkeypatch.setenv("GROQ_API_KEY", "scripted")
    code, out, _ = call("models")

    assert 0 == code
    assert f"{name}: can be reached at {server.url}" in out
    assert f" {name} (" not in out
    assert f"more: rxagent models {name}\n" in out


@pytest.mark.parametrize("name", ["openai", "openai:", "groq", "hf"])
def test_the_parameters_of_a_provider_are_shown(call, name):
    """With a prefix the parameters of its models are listed, each with what it is."""
    code, out, err = call("models", name)

    assert (69, "") == (code, err)
    assert "\nParameters:\n  model_id: The model's name" in out
    assert "\n  api_key=None: " in out
    assert "\n  **options: " in out


def test_an_unknown_prefix_is_a_wrong_use(call):
    """A prefix that no provider has is an error that lists those that are known."""
    code, out, _ = call("models", "nope")

    assert 2 == code
    known = ", ".join(f"{prefix}:" for prefix in prefixes())
    assert f"There is no provider 'nope'; those known are {known}" in " ".join(out.split())


@pytest.fixture
def _no_engine(monkeypatch):
    """Hide the engine of the built-in model, which can always be reached where it is installed."""

    def found(name):
        return None if name == "onnxruntime_genai" else find_spec(name)

    monkeypatch.setattr(provider, "find_spec", found)


@pytest.mark.usefixtures("_no_engine")
def test_what_is_not_set_up_says_how(call):
    """Without a key and an engine nothing can be reached, and each line says what to set."""
    code, out, err = call("models")

    assert (69, "") == (code, err)
    assert "openai: not set up. Set OPENAI_API_KEY (" in out
    assert "azure: not set up. Set AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY, OPENAI_API" in out


def test_what_can_be_reached_is_listed(call, reachable):
    """The models of a server that answers are listed by the names that -m takes."""
    code, out, _ = call("models", "openai")

    assert 0 == code
    assert f"openai: can be reached at {reachable.url}" in out
    assert "\n  openai:plain\n" in out


def test_a_long_list_is_cut(call, reachable):
    """Beside those of others, only some of a provider's models are listed."""
    lines = call("models")[1].splitlines()
    listed = [line for line in lines if line.startswith("  openai:")]

    assert 20 == len(listed)
    assert lines[lines.index(listed[-1]) + 1].endswith("more: rxagent models openai")


@pytest.mark.usefixtures("_no_engine")
def test_what_cannot_be_reached_says_why(call, reachable, monkeypatch):
    """A server that does not answer is shown with the reason."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    code, out, _ = call("models")

    assert 69 == code
    assert "openai: cannot be reached. Connection error." in out


@pytest.fixture
def listing(call, reachable, monkeypatch):
    """Return a function that shows the models of a server that sends some bytes as their list."""

    def listing(body, prefix="openai", kind="application/json"):
        class Odd(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Say nothing here."""

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            host = f"127.0.0.1:{server.server_port}"
            monkeypatch.setenv(f"{prefix.upper()}_BASE_URL", f"http://user:secret@{host}/v1")
            monkeypatch.setenv(f"{prefix.upper()}_API_KEY", "scripted")
            code, out, err = call("models", prefix)
            server.shutdown()
            thread.join()
        assert not err
        return code, out.replace(host, "HOST").partition("\nParameters")[0]

    return listing


SOMETHING_ELSE = [
    (b"<html>\n<b>Log in</b>\x1b[2J", "text/html", ": <html> <b>Log in</b>␛[2J"),
    (b"<p>" + b"x" * 5000, "text/html", ": <p>" + "x" * 196 + "…"),
    (b'["a", "b"]', "application/json", ': ["a", "b"]'),
    (b'{"data": [{"id": null}, {"id": 5}]}', "application/json", ': {"data": [{"id": null}, '),
    (b'{"data": "none"}', "application/json", ': {"data": "none"}'),
    (b"nonsense", "application/json", ": nonsense"),
    (b"\xff", "application/json", ": \ufffd"),
    (b"[" * 100_000, "application/json", ": [[[["),
    (b"", "application/json", ", an empty body."),
]


@pytest.mark.parametrize("prefix", ["openai", "groq", "ollama"])
@pytest.mark.parametrize(("body", "kind", "shown"), SOMETHING_ELSE, ids=range(len(SOMETHING_ELSE)))
def test_a_server_that_answers_something_else_is_a_sentence(listing, body, kind, shown, prefix):
    """A page or the like is shown, cut and harmless, with what to check."""
    code, out = listing(body, prefix, kind)

    assert 69 == code
    start = f"{prefix}: cannot be used. http://HOST/v1/models answered with something else than "
    assert out.startswith(f"{start}a list of models{shown}")
    assert f"\n  Check the address, {prefix.upper()}_BASE_URL. See https://" in out
    assert len(out) < 500


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [{"name": "x"}, {"id": null}, "a", {"id": ["a"]}, {"id": " "}, {"id": "ok"}]}',
        b'[{"id": "ok"}, null]',
    ],
    ids=range(2),
)
def test_odd_entries_hide_no_good_ones(listing, body):
    """What has no name is left out; some servers send the list alone."""
    code, out = listing(body)

    assert 0 == code
    assert out.endswith("/v1/\n  openai:ok\n")


@pytest.mark.parametrize("body", [b"[]", b'{"data": null}', b'{"data": []}'], ids=range(3))
def test_a_server_without_models_can_be_reached(listing, body):
    """An empty list is one."""
    code, out = listing(body)

    assert 69 == code
    assert out.startswith("openai: can be reached at ")
    assert 1 == len(out.splitlines())


@pytest.mark.usefixtures("_no_engine")
def test_the_wait_is_limited(call, reachable, monkeypatch):
    """A server that accepts and stays silent counts as unreachable after --timeout."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/v1")
        code, out, _ = call("models", "--timeout", "0.2")

    assert 69 == code
    assert "openai: cannot be reached. Request timed out." in out


@pytest.mark.skipif(not find_spec("onnxruntime_genai"), reason="the engine is not installed")
def test_the_built_in_model_can_be_reached(call):
    """It is there without a key, by the name that -m takes."""
    code, out, _ = call("models", "builtin")

    assert 0 == code
    assert "builtin: can be reached on this machine\n  builtin:tiny\n" in out
