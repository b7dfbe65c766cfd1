import asyncio
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import reactivex as rx

import rxagent.tools
from rxagent.messages import ToolSpec
from rxagent.streams import each, last
from rxagent.tools import Tool, as_tool, tool


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


class Bank:
    """A bank."""

    def balance(self, account: str) -> int:
        """Return what is on an account."""
        return len(account)

    def __call__(self, question: str) -> str:
        """Ask the bank."""
        return question[::-1]


class Clock:
    """Tell the time."""

    def __call__(self) -> str:
        return "noon"


def search(query: str, key: str) -> str:
    """Search."""
    return f"{query} by {key}"


def test_a_tool_is_still_its_function():
    """Calling a tool calls the function, and its signature is the function's."""
    assert 5 == add(2, 3) == add(a=2, b=3)
    assert ["a", "b"] == list(inspect.signature(add).parameters)
    assert add.function is inspect.unwrap(add)


def test_a_tool_has_a_name_a_description_and_parameters():
    """Name, description and parameters are what a model sees."""
    assert ToolSpec("add", "Return the sum of two integers.", add.parameters) == add.spec


def test_a_tool_cannot_be_changed():
    """One tool serves any number of runs."""
    with pytest.raises(AttributeError):
        add.name = "plus"


def test_name_and_description_may_be_chosen():
    """A name, a description and a time-out given to the decorator win."""

    @tool(name="plus-1", description="Add one.", timeout=2)
    def increment(n: int) -> int:
        return n + 1

    assert ("plus-1", "Add one.", 2) == (increment.name, increment.description, increment.timeout)
    assert 3 == increment(2)


def test_a_tool_may_be_made_from_a_tool():
    """A tool of a tool differs in what is said, and keeps the rest."""
    slow = tool(add, timeout=9)
    plus = tool(slow, name="plus")

    assert ("add", 9) == (slow.name, slow.timeout)
    assert ("plus", add.description, 9) == (plus.name, plus.description, plus.timeout)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_above_zero(timeout):
    """A tool without any time would never run."""
    with pytest.raises(ValueError, match="above 0"):
        tool(search, timeout=timeout)


CALLABLES = [
    (search, "search", "Search.", {"query": "a", "key": "b"}, "a by b"),
    (partial(search, key="secret"), "search", "Search.", {"query": "a"}, "a by secret"),
    (partial(search, "a"), "search", "Search.", {"key": "b"}, "a by b"),
    (Bank().balance, "balance", "Return what is on an account.", {"account": "abc"}, 3),
    (Bank(), "Bank", "Ask the bank.", {"question": "ab"}, "ba"),
    (Clock(), "Clock", "Tell the time.", {}, "noon"),
    (partial(Bank(), "ab"), "Bank", "Ask the bank.", {}, "ba"),
]


@pytest.mark.parametrize(
    ("function", "name", "description", "arguments", "result"),
    CALLABLES,
    ids=[
        "function",
        "partial by name",
        "partial by place",
        "method",
        "object",
        "object without docstring",
        "partial of an object",
    ],
)
def test_whatever_can_be_called_can_be_a_tool(function, name, description, arguments, result):
    """It is described by its own words, and what is bound is hidden from the model."""
    made = as_tool(function)

    assert (name, description) == (made.name, made.description)
    assert list(arguments) == list(made.parameters["properties"])
    assert result == last(made.stream(arguments))


def test_parameters_by_place_alone_are_called_by_place():
    """A model names every argument, also those that Python does not."""

    @tool
    def power(base: int, exponent: int = 2, /, *, factor: int = 1) -> int:
        """Raise to a power."""
        return factor * base**exponent

    assert 18 == last(power.stream({"base": 3, "factor": 2}))
    assert 8 == last(power.stream({"base": 2, "exponent": 3}))


def test_a_tool_stays_itself():
    """What is a tool already is not made again."""
    assert add is as_tool(add)


def test_what_knows_how_to_be_a_tool_is_asked():
    """An object with `as_tool` is the tool it says."""

    class Agent:
        def as_tool(self) -> Tool:
            return add

    assert add is as_tool(Agent())


def test_a_function_is_a_cold_stream():
    """Each subscription runs the function once, none before it."""
    runs = []

    @tool
    def note(word: str) -> int:
        """Note a word."""
        runs.append(word)
        return len(runs)

    stream = note.stream({"word": "a"})

    assert [] == runs
    assert [[1], [2]] == [list(each(stream)), list(each(stream))]


def test_a_stream_emits_what_is_yielded():
    """A generator's values and an Observable's are the stream's."""

    @tool
    def count(to: int) -> Iterator[int]:
        """Count."""
        yield from range(to)

    @tool
    def again(to: int) -> rx.Observable[int]:
        """Count once more."""
        return rx.range(to)

    assert [0, 1, 2] == list(each(count.stream({"to": 3}))) == list(each(again.stream({"to": 3})))


def test_a_stream_has_one_loop():
    """What a function returns to be awaited is awaited where the stream was subscribed."""

    async def running_loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    @tool
    def ask() -> Any:
        """Ask later."""
        return running_loop()

    async def main() -> bool:
        received = asyncio.get_running_loop().create_future()
        ask.stream({}).subscribe(received.set_result)
        async with asyncio.timeout(5):
            return await received is asyncio.get_running_loop()

    assert asyncio.run(main())


def test_a_stream_fails_as_its_function_does():
    """What the function raises travels by on_error."""

    @tool
    def divide(a: int, b: int) -> float:
        """Divide."""
        return a / b

    with pytest.raises(ZeroDivisionError):
        last(divide.stream({"a": 1, "b": 0}))
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'b'"):
        last(divide.stream({"a": 1}))


def test_a_stream_fails_with_nothing_that_ends_the_process():
    """A BaseException is wrapped in an Exception, so that it harms no subscriber."""

    @tool
    def leave() -> None:
        """Leave."""
        raise SystemExit(2)

    with pytest.raises(Exception, match="SystemExit: 2") as received:
        last(leave.stream({}))
    assert isinstance(received.value, Exception)


def no_docstring(a: int): ...  # noqa: D103  # which is the case
def no_annotation(a):
    """Do it."""


def many(*numbers: int):
    """Do it."""


def any_name(**options: int):
    """Do it."""


def of_a_class(bank: Bank):
    """Do it."""


def of_a_function(call: Callable[[int], int]):
    """Do it."""


def of_what_is_not_there(a: "DataFrame"):  # noqa: F821
    """Do it."""


def größe(a: int):
    """Do it."""


def only_parameters(a: int):
    """
    Args:
        a: A number.
    """


REFUSED = [
    (lambda x: x, ["lambda", 'def double(n: int) -> int: """Return twice n."""']),
    (no_docstring, ["no_docstring has no docstring", "def no_docstring(...): "]),
    (only_parameters, ["only_parameters has no docstring"]),
    (no_annotation, ["'a' of no_annotation has no annotation", "def no_annotation(a: str)"]),
    (many, ["many takes *numbers", "numbers: list[str]"]),
    (any_name, ["any_name takes **options", "options: dict[str, str]"]),
    (of_a_class, ["'bank' of of_a_class has type Bank", "bank: Given[Bank]"]),
    (of_a_function, ["has type collections.abc.Callable[[int], int]", "call: Given["]),
    (of_what_is_not_there, ["name 'DataFrame' is not defined", "TYPE_CHECKING"]),
    (größe, ["'größe' cannot be a tool's name", 'tool(function, name="...")']),
    (Bank.balance, ["balance is a method without an object", "tool(thing.balance)"]),
    (Bank, ["is not a function", "annotations and a docstring"]),
    (print, ["print takes *args"]),
    (dict.fromkeys, ["has no annotation"]),
    (3, ["3 is not a function"]),
]


@pytest.mark.parametrize(("thing", "said"), REFUSED, ids=lambda case: getattr(case, "__name__", ""))
def test_what_cannot_be_described_is_refused_with_the_fix(thing, said):
    """The sentence names what lacks, and shows what to write."""
    with pytest.raises(TypeError) as refused:
        as_tool(thing)

    assert [] == [words for words in said if words not in str(refused.value)]


@pytest.mark.parametrize("name", [" ", "a b", "a.b", "x" * 65])
def test_a_name_is_one_that_providers_take(name):
    """What providers would answer with an error is refused before."""
    with pytest.raises(TypeError, match="1 to 64 of"):
        tool(search, name=name)


def test_everything_public_is_listed_in_order():
    """`__all__` is what the doorway shows, each name leads somewhere, others do not."""
    assert sorted(rxagent.tools.__all__) == dir(rxagent.tools)
    assert all(getattr(rxagent.tools, name) for name in rxagent.tools.__all__)
    with pytest.raises(AttributeError, match=r"'rxagent.tools' has no attribute 'toolz'"):
        _ = rxagent.tools.toolz


def test_the_doorway_waits_for_use():
    """Pydantic is not imported before there is a tool."""
    program = "import rxagent.tools, sys; print('pydantic' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30
    )

    assert ("False\n", "") == (ran.stdout, ran.stderr)
