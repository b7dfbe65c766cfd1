"""A CodeAgent whose code runs in a process."""

import enum
import threading
from dataclasses import dataclass

import pytest
from reactivex import operators as rxo

from rxagent import CodeAgent
from rxagent.events import FinalAnswer, ToolCompleted, ToolFailed, ToolOutput, ToolStarted
from rxagent.executors import Limits, ProcessExecutor, SandboxExecutor
from rxagent.executors.process_child import open_children
from rxagent.streams import each
from rxagent.testing import ScriptedModel

WATCHDOG = 60


def code(*lines):
    """Return a reply of a model that holds code."""
    return "\n".join(["Thought: go on.", "<code>", *lines, "</code>"])


def agent(*replies, **options):
    """Return an agent whose model gives these replies."""
    limits = Limits(seconds=5, memory=64 * 2**20)
    executor = ProcessExecutor(authorized_imports=["os"], limits=limits)
    return CodeAgent(ScriptedModel(list(replies)), executor=executor, **options)


def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"rain in {city}"


async def population(city: str) -> int:
    """Return the number of people in a city."""
    return len(city) * 1000


class Size(enum.Enum):
    """The size of a dish."""

    SMALL = "small"
    LARGE = "large"


@dataclass
class Dish:
    """A dish."""

    name: str
    price: float
    size: Size = Size.SMALL


def find(name: str) -> list[Dish]:
    """Find dishes."""
    return [Dish(name, 2.5, Size.LARGE)]


def cost(dish: Dish, size: Size = Size.LARGE) -> float:
    """Return what a dish costs."""
    return dish.price * (2 if dish.size is size else 1)


def observations(run):
    """Return what the model read of each piece of code."""
    return [message.text for message in run.state.messages() if message.role == "user"][1:]


def test_variables_persist_over_the_steps_of_a_run():
    """The answer is the Python value, and nothing of the process is left."""
    run = agent(code("result = 2**3.6452", "result"), code("final_answer(7.2904)")).start("2^3.6?")

    assert 7.2904 == run.result(timeout=WATCHDOG)
    assert "12.51" in observations(run)[0]
    assert 2 == len(run.state.steps)


@pytest.mark.parametrize("executor", [ProcessExecutor, SandboxExecutor])
def test_classes_are_what_the_model_is_told(executor):
    """Code that keeps to the forms in the prompt works: dicts both ways, and an enum's values."""
    program = code(
        "dish = find('tea')[0]",
        "assert dish['size'] == 'large'",
        "total = cost(dish) + cost({'name': 'jam', 'price': dish['price']}, size='small')",
        "final_answer(total)",
    )
    prompts = []

    def model(request):
        prompts.append(request.messages[0].text)
        yield program

    run = CodeAgent(model, tools=[find, cost], executor=executor()).start("What is it?")

    assert 10.0 == run.result(timeout=WATCHDOG)
    (prompt,) = prompts
    form = '{"name": string, "price": number, "size": "small" or "large"}'
    assert f"    Result: array of ({form})\n" in prompt
    form = form.replace('"size"', '"size"?')
    assert f'    Args:\n        dish: {form}\n        size: "small" or "large"\n' in prompt
    assert "def cost(dish: Dish, size: Size = 'large') -> float:" in prompt


def test_tools_are_functions_in_the_code():
    """Each call is an event inside the code's own call; asynchronous ones run together."""
    program = code(
        "import asyncio",
        "print(weather('Rome'))",
        "final_answer(sum(await asyncio.gather(population('Rome'), population(city='Oslo'))))",
    )
    events = list(each(agent(program, tools=[weather, population])("Where to go?")))
    inner = [event.value for event in events if isinstance(event, ToolOutput)]

    assert FinalAnswer(8000) == events[-2]
    assert 3 == sum(isinstance(event, ToolStarted) for event in inner)
    assert "rain in Rome\n" in inner
    assert {"weather", "population"} == {
        event.call.name for event in inner if isinstance(event, ToolStarted)
    }


def test_the_model_reads_an_error_with_its_line_and_corrects_it():
    """The run goes on in the same process."""
    run = agent(
        code("kept = 1", "print('so far')", "kept / 0"), code("final_answer(kept + 1)")
    ).start("Divide.")

    assert 2 == run.result(timeout=WATCHDOG)
    assert "Line 3, `kept / 0`: ZeroDivisionError" in observations(run)[0]
    assert "so far" in observations(run)[0]


def test_a_run_goes_on_after_its_process_has_died():
    """The model reads that the variables are lost."""
    run = agent(
        code("import os", "x = 1", "os._exit(1)"), code("x"), code("final_answer(2)")
    ).start("Die.")

    assert 2 == run.result(timeout=WATCHDOG)
    first, second = observations(run)[:2]
    assert "All variables are lost" in first
    assert "NameError" in second


def test_additional_arguments_are_variables():
    """As for any executor."""
    arguments = {"numbers": [1, 2, 3]}

    assert 6 == agent(code("final_answer(sum(numbers))")).run("Sum.", additional_args=arguments)


def test_one_agent_serves_several_runs_at_once():
    """Each has its own process, and its own variables."""
    runs = [
        agent(code(f"x = {number}"), code("final_answer(x)")).start("Keep it.")
        for number in range(4)
    ]

    assert [0, 1, 2, 3] == [run.result(timeout=WATCHDOG) for run in runs]


def test_a_run_can_be_disposed_at_every_event():
    """Nothing follows, and no process, thread or folder is left."""
    reply = code("print('a')", "final_answer(weather('Rome'))")
    events = list(each(agent(reply, tools=[weather])("Go.")))

    first = next(n for n, event in enumerate(events) if isinstance(event, ToolStarted))
    for position in range(first + 1, len(events)):
        run = agent(reply, tools=[weather])("Go.")
        assert events[:position] == list(each(run.pipe(rxo.take(position))))
    assert any(isinstance(event, ToolCompleted) for event in events)
    assert not any(isinstance(event, ToolFailed) for event in events)


def test_cancelling_ends_code_that_does_not_end():
    """The process is killed at once."""
    run = agent(code("print('begun')", "while True: pass")).start("Loop.")
    begun = threading.Event()
    run.subscribe(
        lambda event: begun.set() if isinstance(event, ToolOutput) else None, lambda error: None
    )
    assert begun.wait(WATCHDOG)
    assert 1 == len(open_children())

    run.cancel("enough")

    with pytest.raises(Exception, match="enough"):
        run.result(timeout=WATCHDOG)
