"""The chat template shows a request as the training showed its examples."""

from itertools import islice
from pathlib import Path
from random import Random

import pytest

import rxagent
from rxagent import Agent, CodeAgent, tool
from rxagent.events import Finish
from rxagent.models import as_model
from rxagent.models.errors import ErrorFactory
from rxagent.models.local.chat_template import ChatTemplate
from rxagent.models.local.conversation import rendered
from rxagent.models.local.text_reader import TextReader
from training.example import ASSISTANT, Offered
from training.kinds.all import examples
from training.kinds.requests import Asked
from training.kinds.tools import offered
from training.recording import recording

SOURCE = (Path(rxagent.__file__).parent / "models" / "tiny" / "chat_template.jinja").read_text()
TEMPLATE = ChatTemplate(SOURCE)
KINDS = {"arithmetic", "units", "dates", "talk", "off-subject", "tools", "calculator"}
SOME = [
    each
    for each in islice(examples(5), 40)
    if each.kind in KINDS and each.replies[0].results[1:] == ()
]


def prompt_of(request):
    """Return the prompt that the model would read."""
    render = TEMPLATE.render
    return rendered(request, SOURCE, render, ErrorFactory("builtin", "tiny"), constrained=True)


def prompts_of(example):
    """Play an example with a scripted model, and return the prompts that a model would read."""
    replies, prompts = iter(example.replies), []

    def model(request):
        prompts.append(prompt_of(request))
        reader = TextReader("", {tool.name: tool.parameters for tool in request.tools})
        deltas = [*reader.add(next(replies).text), *reader.end(is_cut=False)]
        yield from deltas
        yield Finish("tool_calls" if reader.calls else "stop")

    results = iter([result for reply in example.replies for result in reply.results])
    offered = [recording(tool, [], returns=lambda: next(results, "done")) for tool in example.tools]
    kind = CodeAgent if example.is_code else Agent
    kind(as_model(model), offered).run(example.question)
    return prompts


@pytest.mark.parametrize("example", SOME, ids=lambda example: example.question[:30])
def test_examples_are_prompts(example):
    """The prompts are the beginnings of the example's text."""
    text = "".join(part for part, _ in example.parts())
    ends = [at + len(ASSISTANT) for at in range(len(text)) if text.startswith(ASSISTANT, at)]

    assert [text[:end] for end in ends] == prompts_of(example)


def shown_of(tools, task):
    """Return the names of the tools that an agent's prompt shows."""
    prompts = []
    model = as_model(lambda request: prompts.append(prompt_of(request)) or "Fine.")
    Agent(model, tools).run(task)
    listed = prompts[0].removeprefix("<|call|>").split("<|user|>")[0]
    return [line.split("(")[0] for line in listed.splitlines()]


def described(name, description):
    """Return a tool."""
    return tool(lambda: "", name=name, description=description)


WEATHER = described("weather", "Return the weather in a city.")
PARTS = [described(f"part_{number}", f"Return part {number}.") for number in range(49)]


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("What is the weather in Oslo?", ["weather"]),
        ("What is part 7, and the weather?", ["part_7", "weather"]),
        ("What is the weather, and part 7 of part 9?", ["weather", "part_7", "part_9"]),
        ("Parts, please.", ["part_0", "part_1", "part_2", "part_3"]),
        ("What is 90 + 80?", ["part_0", "part_1", "part_2", "part_3"]),
        ("What is it?", []),
    ],
)
def test_the_tools_of_the_task_are_shown(task, names):
    """The prompt has the tools whose words are in the task, in its order; the first, for sums."""
    assert names == shown_of([*PARTS, WEATHER], task)


def test_requests_that_no_tool_fits_have_an_end():
    """Tools are listed beside one that shares no word with its request."""
    random = Random(1)
    wanted = Asked(Offered("part", {}, "Return it."), "Look up 5", {})

    assert [[wanted.tool]] * 5 == [offered(random, [wanted]) for _ in range(5)]
