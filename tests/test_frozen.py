"""Frozen values: they are read like plain ones, and nothing changes them."""

import copy
import json
import pickle
from collections import OrderedDict, defaultdict
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.events import FinalAnswer
from rxagent.frozen import FrozenDict, FrozenList, freeze, plain_type, thaw

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
containers = json_values.filter(lambda value: isinstance(value, dict | list))
python_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.integers() | st.text(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=10,
)

CHANGES = {
    FrozenDict: [
        lambda value: value.__setitem__("a", 1),
        lambda value: value.__delitem__("a"),
        lambda value: value.__ior__({"a": 1}),
        lambda value: value.clear(),
        lambda value: value.pop("a", None),
        lambda value: value.popitem(),
        lambda value: value.setdefault("a", 1),
        lambda value: value.update(a=1),
    ],
    FrozenList: [
        lambda value: value.__setitem__(0, 1),
        lambda value: value.__setitem__(slice(None), []),
        lambda value: value.__delitem__(0),
        lambda value: value.__delitem__(slice(None)),
        lambda value: value.__iadd__([1]),
        lambda value: value.__imul__(2),
        lambda value: value.append(1),
        lambda value: value.clear(),
        lambda value: value.extend([1]),
        lambda value: value.insert(0, 1),
        lambda value: value.pop(),
        lambda value: value.remove(1),
        lambda value: value.reverse(),
        lambda value: value.sort(),
    ],
}


def parts(value):
    """Yield a value and everything in it."""
    yield value
    inner = value.values() if isinstance(value, dict) else value
    for item in inner if isinstance(value, dict | list | tuple) else ():
        yield from parts(item)


def same_types(one, other):
    """Tell whether two values have the same types all the way down."""
    return [type(part) for part in parts(one)] == [type(part) for part in parts(other)]


@given(python_values)
def test_a_frozen_value_reads_like_the_plain_one(value):
    """A frozen value equals the plain one both ways, and shows and dumps the same."""
    frozen = freeze(value)

    assert value == frozen
    assert frozen == value
    assert repr(value) == repr(frozen)
    assert plain_type(value) is plain_type(frozen)
    assert FinalAnswer(value) == FinalAnswer(frozen)


@given(json_values)
def test_a_frozen_value_is_the_same_json(value):
    """json writes a frozen value as it writes the plain one."""
    assert json.dumps(value) == json.dumps(freeze(value))


@given(python_values)
def test_thawing_undoes_freezing(value):
    """What is thawed is the plain value again, with the same types all the way down."""
    thawed = thaw(freeze(value))

    assert value == thawed
    assert same_types(value, thawed)


@given(python_values, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_a_frozen_value_travels(value, protocol):
    """Pickled and copied, by any protocol, a frozen value is equal and frozen all the way down."""
    frozen = freeze(value)

    for twin in (
        pickle.loads(pickle.dumps(frozen, protocol)),
        copy.deepcopy(frozen),
        copy.copy(frozen),
        freeze(frozen),
    ):
        assert frozen == twin
        assert same_types(frozen, twin)


@given(containers)
def test_nothing_changes_a_frozen_value(value):
    """Every method that changes a dict or list raises TypeError, at every depth."""
    frozen = freeze(value)

    for part in parts(frozen):
        for change in CHANGES.get(type(part), ()):
            with pytest.raises(TypeError, match=r"cannot be changed.*value\.copy\(\)"):
                change(part)
        if isinstance(part, dict | list):
            part.__init__([("a", 1)])
    assert value == frozen


@given(containers)
def test_a_copy_can_be_changed(value):
    """`copy()` gives a plain value all the way down, which shares nothing with the frozen one."""
    frozen = freeze(value)
    plain = frozen.copy()

    assert same_types(value, plain)
    for part in list(parts(plain)):
        if isinstance(part, dict | list):
            part.clear()
    assert value == frozen


@pytest.mark.parametrize(("kind", "plain"), [(FrozenDict, dict), (FrozenList, list)])
def test_every_method_that_changes_is_refused(kind, plain):
    """What a plain container has and a tuple or mapping view has not is a change, and refused."""
    reading = {*dir(tuple), *dir(MappingProxyType), "__reversed__", "copy", "__copy__"}
    reading |= {"fromkeys", "__init__"}  # they make another one; this one's `__init__` does nothing
    changing = set(dir(plain)) - reading

    assert {name for name in changing if getattr(kind, name) is getattr(plain, name)} == set()


@given(containers)
def test_the_giver_changes_nothing(value):
    """A frozen value is a copy: what the giver does to the plain one later does not reach it."""
    frozen, before = freeze(value), copy.deepcopy(value)
    for part in list(parts(value)):
        if isinstance(part, dict | list):
            part.clear()

    assert before == frozen


def test_only_containers_are_copied():
    """Whatever is no dict, list or tuple stays the object that it is."""
    thing, kinds = object(), {1, 2}

    frozen = freeze({"thing": thing, "deep": [(kinds, [thing])]})

    assert frozen["thing"] is thing
    assert frozen["deep"][0][0] is kinds
    assert frozen["deep"][0][1][0] is thing


@pytest.mark.parametrize(
    "value",
    [OrderedDict(a=[1]), defaultdict(list, a=[1]), MappingProxyType({"a": [1]})],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_of_dict_is_frozen(value):
    """What JSON would write as an object becomes a frozen dict."""
    frozen = freeze([value])[0]

    assert FrozenDict is type(frozen)
    assert FrozenList is type(frozen["a"])
    assert {"a": [1]} == frozen


def test_what_holds_itself_is_refused():
    """A value that holds itself cannot be frozen, and the error says so."""
    ring = []
    ring.append(ring)

    with pytest.raises(ValueError, match="list holds itself"):
        freeze(ring)


def test_sums_are_plain():
    """Operators that make another value give a plain one."""
    one, other = freeze([[1]]), freeze({"a": 1})

    for result in (one + one, one * 2, one[:], other | other, {} | other):
        assert type(result) in (list, dict)
