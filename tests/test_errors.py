import copy
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent import errors
from rxagent.errors import ModelUnavailable, RateLimited, RxAgentError, ToolError, describe

CLASSES = [value for name in errors.__all__ if isinstance(value := getattr(errors, name), type)]
every_class = pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)


def drawn_tree():
    """Read the tree in the module's docstring: (name, names of its bases) in the order drawn."""
    above = ["RxAgentError"]
    for line in errors.__doc__.splitlines():
        if drawn := re.match(r"    ([ │]*)[├└]─ (\w+)(?: +\((\w+)\))?", line):
            depth = len(drawn[1]) // 4 + 1
            above[depth:] = [drawn[2]]
            yield drawn[2], [above[depth - 1], *filter(None, [drawn[3]])]


def test_the_tree_that_is_drawn_is_the_tree_of_the_classes():
    """The docstring draws every error under its real base, with the builtin it also is."""
    real = {kind.__name__: [base.__name__ for base in kind.__bases__] for kind in CLASSES}

    assert real == dict(drawn_tree()) | {"RxAgentError": ["Exception"]}


@every_class
def test_fields_that_are_not_given_are_none(kind):
    """An error raised with its message alone has all its fields, with the value None."""
    error = kind("Nothing more is known.")

    assert dict.fromkeys(kind.fields) == {name: getattr(error, name) for name in kind.fields}


@every_class
def test_a_base_s_fields_are_kept(kind):
    """Code that catches a base class can read its fields on every error below it."""
    bases = [base for base in kind.__mro__ if issubclass(base, RxAgentError)]

    assert {name for base in bases for name in base.fields} == set(kind.fields)


@every_class
def test_fields_are_annotated(kind):
    """Each fact has a type that a type checker can read."""
    annotated = {name for base in kind.__mro__ for name in getattr(base, "__annotations__", {})}

    assert set() == set(kind.fields) - annotated


@every_class
def test_fields_survive_pickle_and_copy(kind):
    """An error that crosses a process or is copied is as sad as before."""
    error = kind("It broke.", **{name: f"the {name}" for name in kind.fields})
    error.add_note("while looking the other way")

    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert kind is type(twin)
        assert "It broke." == str(twin)
        assert ("It broke.",) == twin.args
        assert vars(error) == vars(twin)


@every_class
def test_an_unknown_fact_is_refused_by_name(kind):
    """A misspelt fact is a mistake at the raise, not a silent loss."""
    with pytest.raises(TypeError, match=f"{kind.__name__} has no field named colour, weight"):
        kind("It broke.", weight=3, colour="red")


def test_fields_of_subclasses_add_to_those_of_their_base():
    """RateLimited says all that a ModelError says, and when to come back."""
    error = RateLimited("Slow down.", provider="openai", status=429, retry_after=1.5)

    assert ("openai", None, 429, 1.5) == (
        error.provider,
        error.model,
        error.status,
        error.retry_after,
    )


def test_an_error_is_caught_as_the_builtin_it_also_is():
    """Code that knows nothing of rxagent catches a dead connection as it always did."""
    with pytest.raises(ConnectionError, match=r"^The server is gone\.$"):
        raise ModelUnavailable("The server is gone.", provider="openai")


@given(st.text(min_size=1))
def test_describe_says_type_and_message(message):
    """An event speaks of an error as `Type: message`."""
    assert f"ToolError: {message}" == describe(ToolError(message))


@pytest.mark.parametrize("error", [ValueError(), ToolError(), TimeoutError("")])
def test_describe_leaves_no_colon_without_a_message(error):
    """An error that says nothing is named by its type alone."""
    assert type(error).__name__ == describe(error)


def test_describe_survives_an_error_without_a_text():
    """An error whose text cannot be made is named by its type alone."""

    class Untold(Exception):
        def __str__(self):
            raise RuntimeError

    assert "Untold" == describe(Untold())


def test_everything_public_is_listed_in_order():
    """`__all__` is sorted and holds each class of the module."""
    defined = {
        name
        for name, value in vars(errors).items()
        if getattr(value, "__module__", None) == errors.__name__ and not name.startswith("_")
    }

    assert sorted(defined) == errors.__all__
