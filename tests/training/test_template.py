"""The chat template shows a request as the training showed its examples."""

from itertools import islice
from pathlib import Path

import pytest

import rxagent
from rxagent import Agent, CodeAgent, tool
from rxagent.events import Finish
from rxagent.models import as_model
from rxagent.models.errors import ErrorFactory
from rxagent.models.local.chat_template import ChatTemplate
from rxagent.models.local.conversation import rendered
from rxagent.models.local.text_reader import TextReader
from training.example import ASSISTANT
from training.kinds.all import examples
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


def test_of_many_tools_those_of_the_task_are_shown():
    """Of more than four tools, the prompt has the four whose words are in the task."""

    def numbered(number):
        return tool(lambda: "", name=f"part_{number}", description=f"Return part {number}.")

    def weather(city: str) -> str:
        """Return the weather in a city."""
        return city

    prompts = []
    model = as_model(lambda request: prompts.append(prompt_of(request)) or "Fine.")
    Agent(model, [*map(numbered, range(49)), weather]).run("What is the weather in Oslo?")

    assert "weather(city: str) Return the weather in a city." in prompts[0]
    assert 3 == prompts[0].count("part_")
