"""Prompts: the texts that agents send are those of the snapshots, unless they are replaced."""

import pickle
from pathlib import Path

import pytest

from rxagent import Agent, State, tool
from rxagent.agents.code_blocks import Tags
from rxagent.agents.prompts import CODE_PROMPTS, PROMPTS, Prompts, render
from rxagent.messages import ToolSpec

from .reading import ReadingModel, call, played

SNAPSHOTS = Path(__file__).parents[1] / "golden" / "prompts"
KNOWN = {**PROMPTS, **CODE_PROMPTS}
NO_TEXT = {
    "name": "agent",
    "tools": (),
    "text_answers": True,
    "form": None,
    "instructions": None,
}


@tool
def search(query: str, limit: int = 5) -> str:
    """Search the web."""
    return query


@tool
def now() -> str:
    """Return the time."""
    return "noon"


@tool
async def wait(seconds: float) -> None:
    """Wait.

    Args:
        seconds: How long.
    """


TOOLS = (search.spec, now.spec)
CODE = {
    "name": "agent",
    "tools": (),
    "tags": Tags(),
    "structured": False,
    "form": None,
    "language": "The code is Python.",
    "instructions": None,
}
RENDERED = {
    "closing": ("closing", {"limit": 20, "what": "call tools"}),
    "closing-code": ("closing", {"limit": 20, "what": "run code"}),
    "code_system": ("code_system", {**CODE, "tools": (search, now), "instructions": "Be brief."}),
    "code_system-async": ("code_system", {**CODE, "tools": (wait, now)}),
    "code_system-form": ("code_system", {**CODE, "form": "array of integer"}),
    "code_system-structured": ("code_system", {**CODE, "structured": True, "language": ""}),
    "code_system-markdown": ("code_system", {**CODE, "tags": Tags.of("markdown")}),
    "code_task": (
        "code_task",
        {"task": "Look.", "given": {"page": 5}, "handed": {"table": "a table"}, "lost": True},
    ),
    "code_task-lost": ("code_task", {"task": "Look.", "given": {}, "handed": {}, "lost": True}),
    "no_code": ("no_code", {"what": "no code", "tags": Tags(), "structured": False}),
    "no_code-empty": ("no_code", {"what": "empty", "tags": Tags(), "structured": True}),
    "given": ("given", {"task": "Look.", "given": {"page": 5, "who": "Ann"}}),
    "plan": ("plan", {"steps": 20, "tools": TOOLS, "update": False}),
    "plan-update": ("plan", {"steps": 17, "tools": TOOLS, "update": True}),
    "plan-without-tools": ("plan", {"steps": 1, "tools": (), "update": False}),
    "summarise": (
        "summarise",
        {"task": "Read it.", "before": "It began.", "record": "Agent: Hi.", "words": 100},
    ),
    "summarise-first": (
        "summarise",
        {"task": "Read it.", "before": "", "record": "Agent: Hi.", "words": 100},
    ),
    "summary": ("summary", {"count": "2 steps", "text": "It began."}),
    "system": ("system", {**NO_TEXT, "tools": TOOLS}),
    "system-final-answer": (
        "system",
        {
            "name": "clerk",
            "tools": TOOLS,
            "text_answers": False,
            "form": None,
            "instructions": "Be brief.",
        },
    ),
    "system-form": ("system", {**NO_TEXT, "tools": TOOLS, "form": '{"title": string}'}),
    "system-without-tools": ("system", NO_TEXT),
}


@pytest.mark.parametrize("name", RENDERED)
def test_a_prompt_is_that_of_its_snapshot(name):
    """A changed prompt changes a file of this folder, where it can be reviewed."""
    prompt, values = RENDERED[name]

    assert (SNAPSHOTS / f"{name}.txt").read_text("utf-8") == render(prompt, **values) + "\n"


def test_every_prompt_has_a_snapshot():
    """Each prompt is rendered, and each file of the folder is one of these."""
    assert {*RENDERED} == {path.stem for path in SNAPSHOTS.glob("*.txt")}
    assert {*KNOWN} <= {prompt for prompt, _ in RENDERED.values()}
    for prompt, values in RENDERED.values():
        assert {*values} == {*KNOWN.get(prompt, values)}


def test_some_prompts_are_replaced():
    """The others stay; a template may include the one that it replaces."""
    model = ReadingModel(call(0, "now"), "Done.", "Noon.")
    prompts = {"system": '{% include "system.md" %}\nAnswer as {{ name }}.', "closing": "Now!"}
    agent = Agent(model, [now], prompts=prompts, name="clerk", max_steps=1)
    played(agent("Time?", additional_args={"where": "Rome"}))
    first, closing = model.requests
    system = render("system", **{**NO_TEXT, "name": "clerk", "tools": (now.spec,)})

    assert f"{system}\nAnswer as clerk." == first.messages[0].text
    assert "- where = Rome" in first.messages[1].text
    assert "Now!" == closing.messages[-1].text


def test_every_prompt_of_an_agent_can_be_replaced():
    """Each is used where its own would be."""
    model = ReadingModel("A plan.", call(0, "now"), "Noon.")
    prompts = {name: f"my {name}" for name in PROMPTS}
    agent = Agent(model, [now], prompts=prompts, planning_interval=5, max_steps=1)
    events, _ = played(agent("Time?", additional_args={"where": "Rome"}, state=State()))
    plan, first, closing = [[m.text for m in each.messages] for each in model.requests]

    assert ["my system", "my given", "my plan"] == plan
    assert ["my system", "my given", "A plan."] == first[:3]
    assert "my closing" == closing[-1]
    assert "my given" == events[0].message.text


@pytest.mark.parametrize(
    ("prompts", "sentence"),
    [
        (
            {"sytem": "Hi"},
            "prompts has no key 'sytem'; the prompts of this agent are closing, given,",
        ),
        ({"sytem": "Hi"}, "...Did you mean system?"),
        ({5: "Hi"}, "prompts has no key 5"),
        ({"system": None}, "prompts['system'] must be the text of a template, not None."),
        (
            {"system": "{{ nam }}"},
            "prompts['system'] uses the value 'nam', which it does not get; it gets form, "
            "instructions, name, text_answers, tools. Did you mean name?",
        ),
        ({"plan": "{{ task }}"}, "prompts['plan'] uses the value 'task', which it does not get"),
        ({"plan": "{% if %}"}, "prompts['plan'] is not a template of Jinja2: line 1: Expected"),
        ({"plan": '{% include "pan.md" %}'}, "prompts['plan'] includes 'pan.md', which is not one"),
        ("Be kind.", "prompts must be a dict, not 'Be kind.'."),
    ],
)
def test_wrong_prompts_are_refused_by_name(prompts, sentence):
    """The error names the key, or the value that a template misses, and what there is."""
    with pytest.raises((TypeError, ValueError)) as refused:
        Agent("openai:gpt-5-mini", prompts=prompts)

    text = str(refused.value)
    assert text.endswith(sentence[3:]) if sentence.startswith("...") else text.startswith(sentence)


def test_a_value_without_an_attribute_ends_the_run():
    """The error says which prompt could not be filled in, and why."""
    agent = Agent(ReadingModel("Hi."), [now], prompts={"system": "{{ tools[0].nme }}"})
    _, error = played(agent("Time?"))

    assert str(error).startswith("prompts['system'] cannot be filled in: ")
    assert "nme" in str(error)


def test_prompts_are_values():
    """They are compared and sent to other processes within their agent."""
    agent = Agent("openai:gpt-5-mini", prompts={"plan": "Plan."})

    assert Prompts({"plan": "Plan."}) == Prompts({"plan": "Plan."}) != Prompts(None)
    assert Prompts({"plan": "Plan."}) == pickle.loads(pickle.dumps(agent))._prompts


def test_a_tool_without_parameters_is_listed():
    """Also one whose schema has no properties."""
    tools = (ToolSpec("bare", "Do it.", {}),)

    assert "- bare(): Do it." in render("plan", steps=2, tools=tools, update=False)
