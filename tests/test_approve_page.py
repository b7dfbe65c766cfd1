"""The how-to that approves calls in a web page is true: over a real socket, by a real server."""

import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from rxagent import Agent, Message, ToolCall, tool
from rxagent.agents.approval import by_decision
from rxagent.events import ApprovalAsked, FinalAnswer, RunCompleted, ToolFailed, ToolStarted
from rxagent.testing import ScriptedModel

from .test_serve import HOW_TO, Tab, serving, until


@pytest.fixture
def page(monkeypatch):
    """Import the module that the page shows."""
    monkeypatch.syspath_prepend(str(HOW_TO.parent))
    spec = spec_from_file_location("approve", HOW_TO.with_name("approve.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("serve", None)


@tool
def look(path: str) -> str:
    """Look at a file."""
    return path


def agent():
    """Return an agent whose calls wait for a click."""
    call = ToolCall("c1", "look", '{"path": "a"}')
    model = ScriptedModel([Message("assistant", tool_calls=[call]), "done"])
    return Agent(model, [look], approve=by_decision())


DECISIONS = {
    "allow": ({}, ToolStarted(ToolCall("c1", "look", '{"path": "a"}'))),
    "allow_all": ({}, ToolStarted(ToolCall("c1", "look", '{"path": "a"}'))),
    "edit": ({"arguments": {"path": "b"}}, ToolStarted(ToolCall("c1", "look", '{"path": "b"}'))),
    "deny": ({"reason": "no"}, ToolFailed("c1", "CallDenied: look was denied: no")),
}


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_click_decides_and_the_next_one_conflicts(page, decision):
    """Two tabs watch; the click of one decides, that of the other gets 409 and the reason."""
    with serving(page.create_app(agent())) as port, Tab(port) as tab, Tab(port) as other:
        run = tab.start("Look.")
        received = iter(tab.open(run))
        asked = until(ApprovalAsked, received)[-1]
        fields, expected = DECISIONS[decision]
        body = {"question": asked.id, "decision": decision, **fields}
        path = f"/runs/{run}/decisions"

        assert (204, None) == other.ask("POST", path, body)
        status, refused = other.ask("POST", path, body)
        assert 409 == status
        assert refused["detail"]
        events = until(RunCompleted, received)
        assert expected in events
        assert FinalAnswer("done") in events


def test_the_page_and_what_it_does_not_know(page):
    """The page is HTML; an unknown run, call or decision is an error."""
    with serving(page.create_app(agent())) as port, Tab(port) as tab:
        tab._connection.request("GET", "/")
        html = tab._connection.getresponse().read().decode()
        assert html.startswith("<!doctype html>")
        body = {"question": "q1", "decision": "allow"}
        assert 404 == tab.ask("POST", "/runs/none/decisions", body)[0]
        run = tab.start("Look.")
        path = f"/runs/{run}/decisions"
        assert 409 == tab.ask("POST", path, body)[0]
        assert 422 == tab.ask("POST", path, {**body, "decision": "perhaps"})[0]
        tab.ask("DELETE", f"/runs/{run}")
