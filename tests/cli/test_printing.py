"""Every command shows text of servers, models, tools and files so that no terminal obeys it."""

import ast
import http.server
import json
import logging
import re
import threading
from pathlib import Path

import pytest

import rxagent.cli
from rxagent.testing.frames import call_chunks, finish_chunk, reasoning_chunk, text_chunk

EVIL = (
    "gpt\x1b]52;c;cm0gLXJm\x07\x1b]0;pwned\x1b\\\x1b[2J\x9b31m\x9d0;x\x9c\x7f\b\r\x00"
    "\u202e\u2066\u2028\u2029\u0085\U000e0041end"
)
OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)


class Evil(http.server.BaseHTTPRequestHandler):
    """Sends control characters in every place of a reply."""

    status = 200

    def do_GET(self):
        """List models."""
        model = {"id": EVIL, "object": "model", "created": 0, "owned_by": EVIL}
        self.reply({"object": "list", "data": [model]})

    def do_POST(self):
        """Answer with an empty reply, or with an error."""
        self.rfile.read(int(self.headers["content-length"]))
        self.reply({})

    def reply(self, value):
        """Send a value, or an error."""
        if self.status != 200:
            value = {"error": {"message": EVIL, "type": EVIL, "code": EVIL}}
        body = json.dumps(value).encode()
        self.send_response(self.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Log nothing."""


@pytest.fixture(params=[200, 400, 401, 404, 429, 500])
def evil(request, folder, monkeypatch):
    """Return the status of the replies of a server with evil words, to which requests go."""
    handler = type("Evil", (Evil,), {"status": request.param})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "x")
        yield request.param
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "arguments",
    [
        ["models"],
        *(["run", *how, "-m", "openai:x", "hi"] for how in ([], ["-q"], ["-v"], ["--plain"])),
        ["run", "--json", "-v", "-m", "openai:x", "hi"],
        ["chat", "-v", "-m", "openai:x"],
    ],
    ids=" ".join,
)
def test_no_word_of_a_server_is_obeyed(call, evil, arguments):
    """Names of models, and errors of any status, with or without the place where they happened."""
    _, out, err = call(*arguments, piped="hi\n/state\n")

    assert [] == OBEYED.findall(out + err)
    if arguments == ["models"] or evil != 200:
        assert re.search(r"(␛|\\u001b)\]52;c;", out + err)


@pytest.mark.parametrize("options", [[], ["-q"], ["--plain"], ["--json"]], ids=" ".join)
@pytest.mark.parametrize("command", ["run", "chat"])
def test_no_word_of_a_model_or_tool_is_obeyed(call, reachable, folder, command, options):
    """Text, reasoning, names and arguments of calls, results and errors of tools."""
    (folder / "evil.py").write_text(
        f'def tell(text: str) -> str:\n    """Tell."""\n    return {EVIL!r}\n\n\n'
        f'def fail(text: str) -> str:\n    """Fail."""\n    raise ValueError({EVIL!r})\n',
        encoding="utf-8",
    )

    def script(body):
        if any(message["role"] == "tool" for message in body["messages"]):
            return [text_chunk(EVIL), finish_chunk("stop")]
        argument = json.dumps({"text": EVIL})
        calls = [(0, "a", "tell"), (1, "b", "fail"), (2, EVIL, EVIL)]
        said = [chunk for call in calls for chunk in call_chunks(*call, argument)]
        return [reasoning_chunk(EVIL), text_chunk(EVIL), *said, finish_chunk("tool_calls")]

    reachable.scenario("evil", script)
    tools = ["-t", "evil:tell", "-t", "evil:fail"]
    code, out, err = call(
        command, *options, *tools, "-m", "openai:evil", *(["hi"] * (command == "run")), piped="hi\n"
    )

    assert 0 == code
    assert [] == OBEYED.findall(out + err)
    assert "end" in out


WORDS = [
    ["run", "-m", EVIL, "hi"],
    ["run", "-m", f"openai:{EVIL}", "-t", EVIL, "hi"],
    ["run", "-m", "openai:x", "-t", f"{EVIL}:x", "hi"],
    ["run", "-m", "openai:x", "-t", f"broken:{EVIL}", "hi"],
    ["run", "-m", "openai:x", "-v", "-t", "broken:x", "hi"],
    ["run", "--timeout", EVIL, "hi"],
    ["run", f"--{EVIL}", "hi"],
    [EVIL],
    ["completion", EVIL],
    ["draw", EVIL],
    ["draw", "evil.marble"],
    ["draw", "drawn.marble"],
    ["draw", "evil.marble", "-o", f"{EVIL}/x/y.svg"],
    ["draw", "a/drawn.marble", "drawn.marble", "-o", f"{EVIL}/"],
]


@pytest.mark.parametrize("arguments", WORDS, ids=range(len(WORDS)))
def test_no_word_of_the_user_or_of_a_file_is_obeyed(call, folder, arguments):
    """Usage errors repeat the arguments, and errors of files their contents."""
    (folder / "broken.py").write_text(f"raise ValueError({EVIL!r})\n", encoding="utf-8")
    (folder / "evil.marble").write_text(f"out: --{EVIL}\n", encoding="utf-8", newline="")
    (folder / "a").mkdir()
    drawn = f"# {EVIL}\nmodel: --'{EVIL}'--|\n> model\nout:   --'{EVIL}'--|\n"
    for name in ("drawn.marble", "a/drawn.marble"):
        (folder / name).write_text(drawn, encoding="utf-8", newline="")
    arguments = [word.replace("\x00", "") for word in arguments]
    _, out, err = call(*arguments)

    assert out + err
    assert [] == OBEYED.findall(out + err)


def test_no_word_of_a_settings_file_is_obeyed(call, folder):
    """A folder from elsewhere may contain a file of settings."""
    name = json.dumps(EVIL.replace("\x7f", "").replace("\x00", ""))
    (folder / "rxagent.toml").write_text(f"{name} = 1\n", encoding="utf-8")
    code, out, err = call("run", "hi")

    assert 2 == code
    assert [] == OBEYED.findall(out + err)


def test_no_word_that_is_logged_is_obeyed(call, folder, reachable, monkeypatch):
    """Warnings of the package and of the SDKs, with their tracebacks, are shown the same way."""
    (folder / "logs.py").write_text(
        "import logging\n\n"
        "def log(text: str) -> str:\n"
        '    """Log."""\n'
        "    try:\n"
        f"        raise ValueError({EVIL!r})\n"
        "    except ValueError:\n"
        f"        logging.getLogger('elsewhere').exception('%s', {EVIL!r})\n"
        "    return 'done'\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    _, out, err = call("run", "-m", "openai:demo", "-t", "logs:log", "hi")

    assert "Traceback" in err
    assert [] == OBEYED.findall(out + err)


def test_one_function_prints():
    """No module of the command line prints other than by `echo`."""
    for path in Path(rxagent.cli.__file__).parent.glob("*.py"):
        if path.name in ("stdio.py", "editor.py", "terminal.py"):
            continue  # `echo` itself, and the signs that the terminal obeys on purpose
        calls = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        assert [] == [
            name
            for name in calls
            if name == "print" or re.search(r"click\.s?echo|(?<!os)\.write$", name)
        ]
