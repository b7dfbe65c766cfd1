import http.server
import threading

import pytest

from rxagent.models import prefixes


def test_every_provider_is_shown(call):
    """Each prefix that a model's name may have gets a line."""
    out = call("models")[1]

    assert [*prefixes()] == [line.partition(":")[0] for line in out.splitlines()]


def test_what_is_not_set_up_says_how(call):
    """Without a key nothing can be reached, and each line says what to set."""
    code, out, err = call("models")

    assert (69, "") == (code, err)
    assert "openai: not set up. Set OPENAI_API_KEY (" in out
    assert "azure: not set up. Set AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY, OPENAI_API" in out


def test_what_can_be_reached_is_listed(call, reachable):
    """The models of a server that answers are listed by the names that -m takes."""
    code, out, _ = call("models")

    assert 0 == code
    assert f"openai: can be reached at {reachable.url}" in out
    assert "\n  openai:plain\n" in out


def test_what_cannot_be_reached_says_why(call, reachable, monkeypatch):
    """A server that does not answer is shown with the reason."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    code, out, _ = call("models")

    assert 69 == code
    assert "openai: cannot be reached. Connection error." in out


@pytest.mark.parametrize(
    "body", [b"[]", b'{"data": null}', b'{"data": [{"id": null}, {"id": 5}]}', b"nonsense", b""]
)
def test_a_server_that_answers_something_else_is_a_sentence(call, reachable, monkeypatch, body):
    """Whatever a server sends as its list of models, there is no traceback."""

    class Odd(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing here."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        code, out, err = call("models")
        server.shutdown()
        thread.join()

    assert (code, err) in ((0, ""), (69, ""))
    assert "\nopenai: " in out


def test_the_wait_is_limited(call, reachable, monkeypatch):
    """A server that accepts and stays silent counts as unreachable after --timeout."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/v1")
        code, out, _ = call("models", "--timeout", "0.2")

    assert 69 == code
    assert "openai: cannot be reached. Request timed out." in out
