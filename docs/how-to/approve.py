"""Approve an agent's calls in a web page, with FastAPI; `serve.py` starts and sends the runs."""

from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI, HTTPException
from fastapi.responses import HTMLResponse
from serve import create_app as create_server

from rxagent import Agent, Run, tool
from rxagent.agents.approval import Allow, AllowAll, Decision, Deny, Edit, by_decision, by_name
from rxagent.errors import NotAsked


@tool
def delete(path: str) -> str:
    """Delete a file."""
    return f"{path} is deleted."  # or so the model believes


def create_app(agent: Agent | None = None) -> FastAPI:
    """Return an application with a page on which each call waits for a click.

    Args:
        agent: The agent; its policy of approval waits for `run.decide`.
    """
    policy = by_name({"get_*": Allow(), "*": by_decision()})
    app = create_server(agent or Agent("openai:gpt-5-mini", [delete], approve=policy))
    runs: dict[str, Run] = app.state.runs

    @app.get("/", response_class=HTMLResponse)
    async def page() -> str:
        return PAGE

    @app.post("/runs/{name}/decisions", status_code=204)
    async def decide(
        name: str,
        question: Annotated[str, Body()],
        decision: Annotated[Literal["allow", "allow_all", "deny", "edit"], Body()],
        reason: Annotated[str, Body()] = "",
        arguments: Annotated[dict[str, Any] | None, Body()] = None,
    ) -> None:
        if name not in runs:
            raise HTTPException(404, f"There is no run {name!r}.")
        decisions: dict[str, Decision] = {
            "allow": Allow(),
            "allow_all": AllowAll(),
            "deny": Deny(reason),
            "edit": Edit(arguments or {}),
        }
        try:
            runs[name].decide(question, decisions[decision])
        except NotAsked as error:  # another tab was faster, or the run has ended
            raise HTTPException(409, str(error)) from None

    return app


PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Approvals</title>
<form id="task"><input name="task" size="60" value="Delete old.txt."><button>Start</button></form>
<ul id="calls"></ul>
<p id="answer"></p>
<script>
const items = new Map()  // by the ids of the questions
let run

async function post(path, body) {
  const headers = {"Content-Type": "application/json"}
  return fetch(path, {method: "POST", headers, body: JSON.stringify(body)})
}

function ask({id, call}, path) {
  const item = document.createElement("li")
  item.append(`${call.name} ${call.arguments} `)
  for (const decision of ["allow", "allow_all", "deny"]) {
    const button = document.createElement("button")
    button.append(decision)
    button.onclick = async () => {
      const answer = await post(`/runs/${run}/decisions`, {question: id, decision})
      if (answer.status === 409) end(id)  // decided elsewhere, or no longer asked
    }
    item.append(button)
  }
  item.dataset.path = JSON.stringify(path)
  items.set(id, item)
  document.getElementById("calls").append(item)
}

function end(id) {
  items.get(id)?.remove()
  items.delete(id)
}

function retract(path) {  // failed without an answer; alike calls side by side stay
  const alike = [...items].filter(([, item]) => item.dataset.path === JSON.stringify(path))
  if (alike.length === 1) end(alike[0][0])
}

function show(event, around = []) {
  const text = document.getElementById("answer")
  switch (event.type) {
    case "StepStarted": if (!around.length) text.textContent = ""; break
    case "TextDelta": if (!around.length) text.textContent += event.text; break
    case "ApprovalAsked": ask(event, [...around, event.call.id]); break
    case "ApprovalAnswered": end(event.id); break
    case "ToolFailed": retract([...around, event.call_id]); break
    case "ToolOutput": if (event.event) show(event.event, [...around, event.call_id])
  }
}

document.getElementById("task").onsubmit = async submitted => {
  submitted.preventDefault()
  const task = new FormData(submitted.target).get("task")
  run = (await (await post("/runs", {task})).json()).run
  const source = new EventSource(`/runs/${run}`)
  source.onmessage = message => message.data.split("\\n").forEach(line => {
    const {event} = JSON.parse(line)
    show(event)
    if (["RunCompleted", "RunFailed"].includes(event.type)) source.close()
  })
}
</script>
"""
