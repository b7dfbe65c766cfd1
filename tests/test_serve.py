"""The how-to that serves runs is true: over a real socket, by a real server."""

import gc
import http.client
import itertools
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import uvicorn

from rxagent import Agent
from rxagent.events import (
    FinalAnswer,
    ReasoningDelta,
    RunCompleted,
    RunFailed,
    RunStarted,
    TextDelta,
)
from rxagent.models import OpenAIModel
from rxagent.runs.run_reader import RunReader
from rxagent.streams.each import EMPTY
from rxagent.testing import ScriptedServer
from rxagent.testing.frames import text_chunk
from rxagent.testing.leaks import assert_no_leaks, snapshot
from rxagent.wire import loads

HOW_TO = Path(__file__).parents[1] / "docs" / "how-to" / "serve.py"
PAGE = HOW_TO.with_suffix(".md")


@pytest.fixture(scope="module")
def serve():
    """Import the module that the page shows."""
    spec = spec_from_file_location("serve", HOW_TO)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def serving(app):
    """Serve an application on 127.0.0.1, and return its port."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def serving_as_told(models):
    """Run the command of the page on a port of its own, and yield its process."""
    command = re.search(r"^uvicorn .*", PAGE.read_text("utf-8"), re.MULTILINE)[0]
    environment = {"OPENAI_BASE_URL": models.url, "OPENAI_API_KEY": "any", "NO_PROXY": "127.0.0.1"}
    with subprocess.Popen(
        [sys.executable, "-m", *shlex.split(command), "--port", "0"],
        cwd=HOW_TO.parent,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            yield server
        finally:
            server.kill()


class Tab:
    """A client of its own; what it watches is read line by line."""

    def __init__(self, port):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._response = None
        self.last_id = None

    def ask(self, method, path, body=None, **headers):
        """Return the status and the body of an answer."""
        headers["Content-Type"] = "application/json"
        self._connection.request(method, path, body and json.dumps(body), headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read() or "null")

    def start(self, task):
        status, body = self.ask("POST", "/runs", {"task": task})
        assert 201 == status
        return body["run"]

    def open(self, run, **headers):
        """Begin to watch a run, and return the tab."""
        self._connection.request("GET", f"/runs/{run}", headers=headers)
        self._response = self._connection.getresponse()
        assert "text/event-stream; charset=utf-8" == self._response.headers["Content-Type"]
        assert "no-cache" == self._response.headers["Cache-Control"]
        assert "no" == self._response.headers["X-Accel-Buffering"]
        return self

    def __iter__(self):
        """Yield the stamped events as they arrive."""
        for line in self._response:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "data":
                yield loads(value)

    def close(self):
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Halfway:
    """A model that says one word, and another one when it may."""

    def __init__(self):
        self.is_silent, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, request):
        yield "Hello"
        self.is_silent.set()
        assert self.may_go_on.wait(60)
        yield " there."


def until(kind, received):
    """Return the events that come, up to the first one of a kind."""
    events = []
    for stamped in received:
        events.append(stamped.event)
        if isinstance(stamped.event, kind):
            return events
    raise AssertionError(f"{kind.__name__} never came, but {events}")


def test_a_run_is_sent_line_by_line(serve):
    """What is served is the run itself, stamped with its name and without a gap."""
    agent = Agent(lambda request: iter(["Hello", " there."]))
    with serving(serve.create_app(agent)) as port, Tab(port) as tab:
        run = tab.start("Greet me.")
        received = list(tab.open(run))

    assert {run} == {stamped.run for stamped in received}
    assert RunStarted("Greet me.", "agent") == received[0].event
    assert [FinalAnswer("Hello there."), RunCompleted()] == [one.event for one in received[-2:]]
    assert str(received[-1].seq + 1) == tab.last_id


def test_a_closed_tab_leaves_the_run(serve):
    """Who closes the tab is forgotten while the model is silent, and the run goes on."""
    model = Halfway()
    with serving(serve.create_app(Agent(model))) as port, Tab(port) as owner:
        run = owner.start("Greet me.")
        assert model.is_silent.wait(60)
        before = snapshot()
        with Tab(port) as tab:
            until(TextDelta, tab.open(run))
        assert_no_leaks(before)
        model.may_go_on.set()
        answer = until(FinalAnswer, owner.open(run))[-1]

    assert FinalAnswer("Hello there.") == answer


def test_a_reload_goes_on_where_the_tab_was(serve):
    """What both tabs received is the run, with neither a gap nor a double."""
    model = Halfway()
    with serving(serve.create_app(Agent(model))) as port:
        with Tab(port) as tab:
            run = tab.start("Greet me.")
            before = until(TextDelta, tab.open(run))
        model.may_go_on.set()
        with Tab(port) as reloaded:
            after = [one.event for one in reloaded.open(run, **{"Last-Event-ID": tab.last_id})]
        with Tab(port) as late:
            everything = [one.event for one in late.open(f"{run}?since=0")]

    assert TextDelta(" there.") == after[0]
    assert ("", "Hello there.") == said([*before, *after])
    assert everything[-3:] == after[-3:]


def test_wherever_a_tab_breaks_off_a_reload_goes_on(serve):
    """Each id is a place to go on from, also where pieces of two texts were joined."""

    def model(request):
        for n in range(5):
            yield ReasoningDelta(f"{n}?")
            yield TextDelta(f"{n}!")

    with serving(serve.create_app(Agent(model))) as port, Tab(port) as tab:
        list(tab.open(run := tab.start("Count.")))
        with Tab(port) as late:
            places = [(late.last_id, stamped.event) for stamped in late.open(run)]
        ids = list(dict.fromkeys(place for place, _ in places))
        for id in ids:
            with Tab(port) as reloaded:
                after = [one.event for one in reloaded.open(run, **{"Last-Event-ID": id})]
            before = [event for place, event in places if int(place) <= int(id)]
            assert ("0?1?2?3?4?", "0!1!2!3!4!") == said([*before, *after])

    assert len(ids) < len(places)


def said(events):
    """Return the thoughts and the text that events bring."""
    return tuple(
        "".join(event.text for event in events if isinstance(event, kind))
        for kind in (ReasoningDelta, TextDelta)
    )


def test_a_stop_button_hangs_up_on_the_model(serve):
    """Stopping a run closes the model's request, and every viewer receives RunFailed."""
    with ScriptedServer() as models:
        agent = Agent(OpenAIModel("slow", api_base=models.url, api_key="any"))
        with serving(serve.create_app(agent)) as port, Tab(port) as tab, Tab(port) as button:
            run = tab.start("Count.")
            received = iter(tab.open(run))
            until(TextDelta, received)
            assert (204, None) == button.ask("DELETE", f"/runs/{run}")
            last = until(RunFailed, received)[-1]
        assert models.wait_hang_up().hung_up

    assert RunFailed("RunCancelled", "RunCancelled: The run was cancelled: stopped") == last


def test_a_run_that_fails_says_so(serve):
    """An error is sent as the event that a journal stores."""

    def model(request):
        raise LookupError("no such model")

    with serving(serve.create_app(Agent(model))) as port, Tab(port) as tab:
        last = list(tab.open(tab.start("Greet me.")))[-1]

    assert RunFailed("LookupError", "LookupError: no such model") == last.event


def test_a_run_is_forgotten_after_a_while(serve):
    """A run can be looked up for as long as was said, and then there is none."""
    model = Halfway()
    with serving(serve.create_app(Agent(model), kept=0)) as port, Tab(port) as tab:
        received = iter(tab.open(run := tab.start("Greet me.")))
        until(TextDelta, received)
        model.may_go_on.set()
        until(RunCompleted, received)
        with Tab(port) as late:
            answer = late.ask("GET", f"/runs/{run}")

    assert (404, {"detail": f"There is no run {run!r}."}) == answer


@pytest.mark.parametrize("place", ["99", "-1"])
def test_a_place_that_no_run_has_is_refused(serve, place):
    """A place before the beginning or in the future is an error of who asks."""
    agent = Agent(lambda request: "Hello.")
    with serving(serve.create_app(agent)) as port, Tab(port) as tab:
        run = tab.start("Greet me.")
        status, body = tab.ask("GET", f"/runs/{run}", **{"Last-Event-ID": place})

    assert 400 == status
    assert place in body["detail"]


def silent(port, run):
    """Ask for a run, and never read what comes."""
    tab = socket.socket()
    tab.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    tab.connect(("127.0.0.1", port))
    tab.sendall(f"GET /runs/{run} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return tab


def waiting():
    """Return how many letters wait for each tab; a run keeps its replay once for all viewers."""
    return [
        sum(len(getattr(event, "text", "")) for event in iter(reader._buffer.take, EMPTY))
        for reader in gc.get_objects()
        if isinstance(reader, RunReader) and setattr(reader._buffer, "_replay", None) is None
    ]


@pytest.mark.slow
@pytest.mark.parametrize("count", [5_000, pytest.param(30_000, marks=pytest.mark.soak)])
def test_tabs_that_read_nothing_cost_little(serve, count):
    """Thirty of them hold neither the run, nor other tabs, nor more than was said of its text."""
    may_begin, piece, tabs = threading.Event(), "x" * 999 + " ", 30

    def model(request):
        assert may_begin.wait(60)
        yield from [piece] * count

    with ExitStack() as opened:
        port = opened.enter_context(serving(serve.create_app(Agent(model))))
        tab = opened.enter_context(Tab(port))
        run = tab.start("Tell me a very long story.")
        deaf = [opened.enter_context(silent(port, run)) for _ in range(tabs)]
        for one in deaf:
            assert one.recv(12, socket.MSG_WAITALL | socket.MSG_PEEK)  # it is followed
        received = iter(tab.open(run))
        may_begin.set()
        letters = sum(
            len(stamped.event.text) for stamped in received if isinstance(stamped.event, TextDelta)
        )
        held = waiting()
        with Tab(port) as other:
            assert 201 == other.ask("POST", "/runs", {"task": "Another."})[0]

    assert letters == count * len(piece)
    assert tabs <= len(held)
    assert max(held) <= serve.BEHIND * len(piece)


def test_a_tab_that_fell_behind_receives_everything(serve):
    """What a tab receives after a long sleep continues the run, without a gap and nothing twice."""
    count = 5_000

    def model(request):
        for number in range(count):
            yield ReasoningDelta(f"{number}?" + "r" * 500) if number % 3 else f"{number}!" * 100

    with serving(serve.create_app(Agent(model))) as port, Tab(port) as tab, Tab(port) as quick:
        run = tab.start("Count.")
        slow = iter(tab.open(run))
        before = until(ReasoningDelta, slow)
        expected = [one.event for one in quick.open(run)]
        with Tab(port) as late:
            whole = said([one.event for one in late.open(run)])
        rest = [one.event for one in slow]

    assert whole == said(expected)
    assert isinstance(rest[-1], RunCompleted)
    assert whole == said([*before, *rest])


def test_ctrl_c_ends_a_server_with_an_open_tab():
    """The page's command ends though a tab watches, and no model is left speaking."""
    with ScriptedServer() as models:
        models.scenario("gpt-5-mini", counting)
        with serving_as_told(models) as server:
            port = int(first(r"running on \S+:(\d+)", server.stderr))
            with Tab(port) as tab:
                until(TextDelta, tab.open(tab.start("Count.")))
                server.send_signal(signal.SIGINT)
                server.communicate(timeout=60)
        assert models.wait_hang_up().hung_up


def counting(body):
    """Count for ever, as a model that is asked to."""
    for number in itertools.count(1):
        yield text_chunk(f"{number} ")
        yield 0.02


def first(pattern, lines):
    """Return what a pattern has found in the first line that it is found in."""
    return next(found[1] for line in lines if (found := re.search(pattern, line)))
