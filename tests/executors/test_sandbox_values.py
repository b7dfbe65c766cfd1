"""Values: what goes into the sandbox and what comes out of it."""

import dataclasses
import datetime
import enum
import uuid
from collections import Counter, OrderedDict, deque, namedtuple
from decimal import Decimal
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.executors import Functions, SandboxExecutor
from rxagent.executors.sandbox_values import held, plain, result_of_call
from rxagent.streams import operators as stream_ops

from ..laws import examples
from .coding import Ran, functions_of

EXECUTOR = SandboxExecutor()

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.dates()
    | st.times().map(lambda time: time.replace(fold=0))
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC)).map(lambda at: at.replace(fold=0))
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int


@attrs.frozen
class Frozen:
    """A class of attrs."""

    x: int


class Model(pydantic.BaseModel):
    """A model of pydantic."""

    x: int


class Colour(enum.Enum):
    """An Enum."""

    RED = "red"


class Array:
    """Like an array of numpy."""

    def tolist(self):
        """Return a list."""
        return [[1, 2], [3, 4]]


Pair = namedtuple("Pair", "x y")


def came_back(value):
    """Return a value as code returns it that was given it."""
    session = EXECUTOR.open({"value": value})
    try:
        return Ran(session, "value").value
    finally:
        session.close()


@examples(50)
@given(PLAIN)
def test_plain_values_go_in_and_out(value):
    """Plain data that goes in comes out the same, with the same types."""
    assert repr(value) == repr(came_back(value))


CONVERTED = [
    (Point(1), {"x": 1}),
    (Frozen(1), {"x": 1}),
    (Model(x=1), {"x": 1}),
    ([Point(1)], [{"x": 1}]),
    ({"a": (Colour.RED,)}, {"a": ("red",)}),
    (Array(), [[1, 2], [3, 4]]),
    (Pair(1, 2), (1, 2)),
    (deque([1]), [1]),
    (range(3), [0, 1, 2]),
    (Counter("aa"), {"a": 2}),
    (OrderedDict(a=1), {"a": 1}),
    (MappingProxyType({"a": 1}), {"a": 1}),
    ({1: 2}.keys(), {1}),
    (frozenset({1}), frozenset({1})),
    (bytearray(b"x"), b"x"),
    (memoryview(b"x"), b"x"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (PurePosixPath("/x"), PurePosixPath("/x")),
    ("\ud800a", "?a"),
    (Decimal("1.10"), Decimal("1.10")),
]


@pytest.mark.parametrize(("value", "expected"), CONVERTED, ids=lambda value: type(value).__name__)
def test_other_data_becomes_plain(value, expected):
    """Objects that hold data become plain data."""
    back = came_back(value)
    assert (expected, type(expected)) == (back, type(back))


CYCLE = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), "The variable v is an object, which the sandbox cannot hold: <object"),
        ({"a": [len]}, "The variable v holds a builtin_function_or_method, which the sandbox"),
        (Point, "The variable v is a type, which the sandbox cannot hold"),
        (iter([]), "The variable v is a list_iterator"),
        (CYCLE, "The variable v holds itself, or is nested too deeply."),
    ],
    ids=["object", "function", "class", "iterator", "cycle"],
)
def test_what_it_cannot_hold_is_an_error(value, words):
    """The error names the variable and its type, and says what to do."""
    with pytest.raises(TypeError) as raised:
        EXECUTOR.open({"v": value})
    text = str(raised.value)
    assert text.startswith(words), text
    assert "or use ProcessExecutor." in text


def test_a_result_it_cannot_hold_is_given_as_its_text():
    """A tool's result that the sandbox cannot hold is what a model would read of it."""

    class Page:
        def __str__(self):
            return "the text"

    def read() -> Page:
        """Return a page."""
        return Page()

    session = EXECUTOR.open({})
    assert "THE TEXT" == Ran(session, "read().upper()", functions_of(read)).value
    session.close()


@pytest.mark.parametrize(
    ("text", "expected"), [('{"a":[1]}', {"a": [1]}), ("[1]", [1]), ("{a}", "{a}"), ("1", "1")]
)
def test_a_result_that_is_json_is_read(text, expected):
    """Where that text is a JSON object or list, the code gets it as dict or list."""
    assert expected == result_of_call(object(), text)


def test_objects_of_the_code_come_out_as_their_attributes():
    """An object of a class that the code defines is a dict outside; a function is its text."""
    session = EXECUTOR.open({})
    Ran(session, "class P:\n    def __init__(self): self.x = [1]\ndef f(): pass")
    assert {"x": [1]} == Ran(session, "P()").value
    assert [{"x": [1]}, "len"] == Ran(session, "[P(), len]").value
    assert "function" in Ran(session, "f").value
    assert {"a": {"x": [1]}} == Ran(session, "final_answer({'a': P()})").value
    session.close()


def test_arguments_come_out_as_plain_data():
    """A tool gets plain data, by position and by name."""
    seen = []

    def call(name, args, kwargs):
        seen.append((name, args, dict(kwargs)))
        return stream_ops.of()

    session = EXECUTOR.open({})
    code = "class P:\n    def __init__(self): self.x = 1\nf(P(), (1, {2}), b=b'x')"
    assert (
        "gave no result" in Ran(session, code, Functions(frozenset(["f"]), frozenset(), call)).error
    )
    session.close()
    assert [("f", ({"x": 1}, (1, {2})), {"b": b"x"})] == seen


def test_deep_values_do_not_overflow():
    """A value that is nested deeper than Python can follow is an error or a text."""
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TypeError, match="nested too deeply"):
        held("It", deep)
    with pytest.raises(RecursionError):
        plain(deep)


NO_LEAVE = [
    ("{A()}", "holds an object of a class in a set"),
    ("{A(): 1}", "holds an object of a class in a set"),
    ("[{(A(), 1)}]", "holds an object of a class in a set"),
    ("deep", "is nested too deeply"),
    ("later()", "holds a call that was not awaited. Write `await`"),
    ("[{'a': later()}]", "holds a call that was not awaited. Write `await`"),
    ("f'It is {later()}.'", "holds a call that was not awaited. Write `await`"),
    ("B(later())", "holds a call that was not awaited. Write `await`"),
    ("own()", "holds a call that was not awaited. Write `await`"),
]


@pytest.mark.parametrize(("expression", "why"), NO_LEAVE)
@pytest.mark.parametrize("place", ["{}", "final_answer({})", "take({})", "take(x={})"])
def test_what_cannot_leave_is_an_error_of_the_code(expression, why, place):
    """As the last value, the answer or an argument it is an error of the code, which goes on."""
    seen = []

    def take(x: Any) -> None:
        """Take a value."""
        seen.append(x)

    async def later() -> int:
        """Return 1."""
        return 1

    tools = functions_of(take, later)
    session = EXECUTOR.open({})
    code = (
        "class A: pass\nclass B:\n    def __init__(self, x): self.x = x\n"
        "async def own(): return 1\n"
        "deep = 1\nfor i in range(20_000): deep = [deep]\nx = 2\n"
    )
    ran = Ran(session, code + place.format(expression), tools)
    assert why in ran.error
    assert [] == seen
    assert 2 == Ran(session, "x").value
    if place != "{}":
        caught = f"try:\n    {place.format(expression)}\nexcept Exception:\n    x = 3\nx"
        assert 3 == Ran(session, caught, tools).value
    session.close()


class Failing:
    """An object of which one method raises."""

    def __init__(self, method):
        self._method = method

    def __getattribute__(self, name):
        """Return a method that raises, for one name."""
        if name == object.__getattribute__(self, "_method"):
            raise RuntimeError("refused")
        return object.__getattribute__(self, name)


class Ragged:
    """Like an array that cannot become a list."""

    def tolist(self):
        """Refuse."""
        raise ValueError("ragged")

    def __repr__(self):
        """Refuse."""
        raise ValueError("no repr")

    def __str__(self):
        """Return the text."""
        return "the text"


class Dumping(Ragged):
    """Like a model that cannot become a dict."""

    model_dump = Ragged.tolist


class Keys(dict):
    """A dict that cannot be read."""

    def items(self):
        """Refuse."""
        raise ValueError("no items")


@pytest.mark.parametrize(
    "value", [Ragged(), Dumping(), Keys(a=1), Failing("model_dump"), Failing("__attrs_attrs__")]
)
def test_an_object_whose_methods_raise_is_its_text(value):
    """A result that cannot be copied is given as its text; as a variable, it is a TypeError."""
    assert "the text" == result_of_call(value, "the text")
    with pytest.raises(TypeError, match=r"^It .* or use ProcessExecutor\.$"):
        held("It", value)
