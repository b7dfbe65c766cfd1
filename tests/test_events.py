import copy
import math
import pickle
from contextlib import suppress

import attrs
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rxagent import events
from rxagent.events import (
    Delta,
    Event,
    FinalAnswer,
    Stamped,
    StepRetried,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    UnknownEvent,
    Usage,
)
from rxagent.messages import Message, ToolCall

from .strategies import prefixes, runs

REQUIRED = attrs.NOTHING

TABLE = {
    "RunStarted": {"task": REQUIRED, "agent": REQUIRED, "message": None},
    "MessageReceived": {"message": REQUIRED},
    "StepStarted": {"number": REQUIRED},
    "StepRetried": {"attempt": REQUIRED, "error": REQUIRED},
    "StepFailed": {"error": REQUIRED},
    "StepLimitReached": {"limit": REQUIRED},
    "PlanStarted": {},
    "Planned": {"text": REQUIRED},
    "Summarised": {"text": REQUIRED, "steps": REQUIRED},
    "TextDelta": {"text": REQUIRED},
    "ReasoningDelta": {"text": REQUIRED, "extra": ()},
    "RefusalDelta": {"text": REQUIRED},
    "ToolCallDelta": {
        "index": REQUIRED,
        "id": None,
        "name": None,
        "arguments": None,
        "extra": (),
    },
    "Usage": {
        "input_tokens": REQUIRED,
        "output_tokens": REQUIRED,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "cache_write_tokens": 0,
        "model": None,
        "unreported": 0,
    },
    "Finish": {"reason": REQUIRED},
    "MessageCompleted": {"message": REQUIRED},
    "ApprovalAsked": {"call": REQUIRED, "id": ""},
    "ApprovalAnswered": {"call_id": REQUIRED, "decision": REQUIRED, "call": None, "id": ""},
    "ToolStarted": {"call": REQUIRED},
    "ToolOutput": {"call_id": REQUIRED, "value": REQUIRED},
    "ToolCompleted": {
        "call_id": REQUIRED,
        "result": REQUIRED,
        "value": None,
        "images": (),
        "session": None,
    },
    "ToolFailed": {"call_id": REQUIRED, "error": REQUIRED, "session": None},
    "FinalAnswer": {"value": REQUIRED},
    "RunCompleted": {"usage": None},
    "RunFailed": {"kind": REQUIRED, "error": REQUIRED},
}
"""The table of events: each one's fields in the order of their positions, with their defaults."""

DELTAS = {
    "TextDelta",
    "ReasoningDelta",
    "RefusalDelta",
    "ToolCallDelta",
    "Usage",
    "Finish",
    "StepRetried",
}
WITH_VALUES = {"ToolOutput", "ToolCompleted", "FinalAnswer"}

CALL = ToolCall("call_1", "add", '{"a": 2, "b": 3}')
MADE_OF = {
    "message": Message("assistant", "Five.", tool_calls=[CALL]),
    "call": CALL,
    "usage": Usage(3, 4),
    "value": {"answer": [1, 2.5, None]},
    **dict.fromkeys(("number", "attempt", "limit", "index"), 1),
    **dict.fromkeys(("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"), 2),
    **dict.fromkeys(("cache_write_tokens", "unreported"), 2),
}


def kind_of(name):
    """Return the event class of that name."""
    return getattr(events, name)


def make(kind):
    """Return an event of that kind with every field filled."""
    return kind(*(MADE_OF.get(field.name, f"the {field.name}") for field in attrs.fields(kind)))


every_kind = pytest.mark.parametrize("kind", [kind_of(name) for name in TABLE], ids=[*TABLE])


class Array:
    """What numpy's arrays have that matters here: a shape, and elementwise operators."""

    def __init__(self, *items):
        self.items, self.shape = items, (len(items),)

    def _each(self, other, operator):
        if self.shape != other.shape:
            raise ValueError("operands could not be broadcast together")
        return Array(*map(operator, self.items, other.items))

    def __eq__(self, other):
        return self._each(other, lambda one, two: one == two)

    def __ne__(self, other):
        return self._each(other, lambda one, two: one != two)

    def __and__(self, other):
        return self._each(other, lambda one, two: one and two)

    def __or__(self, other):
        return self._each(other, lambda one, two: one or two)

    def __bool__(self):
        raise ValueError("the truth value of an array is ambiguous")

    def all(self):
        """Tell whether every element is true."""
        return all(self.items)


class Table:
    """What data frames have that matters here: no truth value, but a method that compares."""

    def __init__(self, **columns):
        self.columns = columns

    def __eq__(self, other):
        raise ValueError("can only compare identically-labelled tables")

    def equals(self, other):
        """Tell whether both tables hold the same."""
        return self.columns == other.columns


def test_every_event_is_in_the_table():
    """The module promises the events of the table, what they are made of, and nothing else."""
    around = {"Delta", "Event", "Stamped", "UnknownEvent"}

    assert sorted([*TABLE, *around]) == events.__all__


def test_random_runs_have_every_event():
    """The laws about all runs are tried with each event that a run may have."""
    missing = {*TABLE}

    class AllFound(Exception):
        """No more runs are needed."""

    @settings(max_examples=300, phases=[Phase.generate])
    @given(runs() | prefixes())
    def draw(events):
        missing.difference_update(type(event).__name__ for event in events)
        if not missing:
            raise AllFound

    with suppress(AllFound):
        draw()

    assert set() == missing


@every_kind
def test_fields_stand_in_the_table_s_order(kind):
    """Events are made and matched by position, so the order of fields is a promise."""
    fields = {field.name: field.default for field in attrs.fields(kind)}

    assert list(TABLE[kind.__name__].items()) == list(fields.items())
    assert tuple(fields) == kind.__match_args__


@every_kind
def test_events_are_frozen_and_slotted(kind):
    """An event can be shared, since it cannot be changed or given attributes."""
    event = make(kind)

    assert not hasattr(event, "__dict__")
    for name in (*TABLE[kind.__name__], "colour"):
        with pytest.raises(AttributeError):
            setattr(event, name, "changed")


@every_kind
def test_equal_happenings_are_equal(kind):
    """Events have no identity: two that say the same are the same, copied and pickled ones too."""
    event = make(kind)

    assert event == make(kind)
    assert event == copy.deepcopy(event)
    assert event == pickle.loads(pickle.dumps(event))


@every_kind
def test_equal_events_have_equal_hashes(kind):
    """Events can be put into sets, whatever their values are."""
    assert {make(kind)} == {make(kind)}


@every_kind
def test_events_of_different_kinds_differ(kind):
    """Events of different types differ, even with equal fields."""
    same = [other for other in map(kind_of, TABLE) if make(kind) == make(other)]

    assert [kind] == same


@every_kind
def test_deltas_are_those_of_the_grammar(kind):
    """A Delta is what may come from a model, and every delta is an event."""
    assert issubclass(kind, Event)
    assert (kind.__name__ in DELTAS) is issubclass(kind, Delta)


@every_kind
def test_repr_makes_the_event_again(kind):
    """What a failing test prints can be pasted."""
    assert make(kind) == eval(repr(make(kind)), {**vars(events), "Message": Message})


PAIRS_THAT_DIFFER = [
    (1, True),
    (1, 1.0),
    (0.0, False),
    ("1", 1),
    (None, 0),
    ([1], (1,)),
    ([1], [True]),
    ([1], [1, 1]),
    ({"a": 1}, {"a": 1.0}),
    ({"a": 1}, {"b": 1}),
    ([{"a": (1, 2)}], [{"a": (1, 2.0)}]),
    (FinalAnswer(1), FinalAnswer(True)),
    (Array(1, 2), Array(1, 3)),
    (Array(1, 2), Array(1, 2, 3)),
    (Array(1, 2), [1, 2]),
    (Table(a=1), Table(a=2)),
]

PAIRS_THAT_ARE_EQUAL = [
    (math.nan, float("nan")),
    ([math.nan, {"a": math.nan}], [float("nan"), {"a": float("nan")}]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ([1, [2.0, (None,)]], [1, [2.0, (None,)]]),
    (FinalAnswer([math.nan]), FinalAnswer([float("nan")])),
    (Array(1, 2), Array(1, 2)),
    (Array(1, math.nan), Array(1, float("nan"))),
    ([Array(1)], [Array(1)]),
    (Table(a=1), Table(a=1)),
]


def with_value(value):
    """Return an event of each kind that carries values, with this one."""
    return [
        ToolOutput("call_1", value),
        ToolCompleted("call_1", "the text", value),
        FinalAnswer(value),
        UnknownEvent("Applauded", {"by": value}),
    ]


@pytest.mark.parametrize(("one", "other"), PAIRS_THAT_DIFFER)
def test_values_differ_by_type_and_by_value(one, other):
    """A value is what it is: 1 is neither True nor 1.0, at any depth, from either side."""
    for left, right in zip(with_value(one), with_value(other), strict=True):
        assert left != right
        assert right != left


@pytest.mark.parametrize(("one", "other"), PAIRS_THAT_ARE_EQUAL)
def test_equal_values_are_equal(one, other):
    """NaN equals itself, arrays are equal element by element, tables as they say themselves."""
    assert with_value(one) == with_value(other)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_a_copied_value_is_the_same_value(value):
    """Equality looks at what a value holds, never at which object holds it."""
    assert with_value(value) == with_value(copy.deepcopy(value))


@given(json_values, json_values)
def test_equality_is_as_strict_as_repr(one, other):
    """Two plain values are equal exactly when they read the same, but for zero's sign and order."""

    def plain(value):
        match value:
            case float():
                return repr(value + 0.0)
            case list() | tuple():
                return type(value)(map(plain, value))
            case dict():
                return {key: plain(item) for key, item in value.items()}
        return repr(value)

    assert (plain(one) == plain(other)) is (FinalAnswer(one) == FinalAnswer(other))


models = st.sampled_from([None, "big", "small"])
usages = st.none() | st.builds(Usage, *[st.integers(0, 10**9)] * 5, models)


@given(usages, usages, usages)
def test_usage_sums_in_any_grouping_and_none_is_its_zero(one, other, third):
    """Sums of usage are a monoid: never seen is unknown, and unknown adds nothing."""
    plus = Usage.sum

    assert plus(plus(one, other), third) == plus(one, plus(other, third))
    assert one == plus(one, None) == plus(None, one)
    assert plus(other, one) == plus(one, other)


def test_usage_that_was_reported_as_nothing_is_not_unknown():
    """Zero tokens reported is a report."""
    assert Usage(0, 0) == Usage.sum(Usage(0, 0), None)
    assert None is Usage.sum(None, None)


def test_usage_adds_each_kind_of_token():
    """Cached and reasoning tokens are summed beside the tokens they are part of."""
    total = Usage.sum(Usage(1348, 24, 1000, 8, 300), Usage(10, 5, 4, 3, 2))

    assert Usage(1358, 29, 1004, 11, 302) == total
    assert 1387 == total.total_tokens


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [("big", "big", "big"), ("big", "small", None), ("big", None, None), (None, None, None)],
)
def test_a_sum_is_of_a_model_if_all_of_it_is(one, other, both):
    """Tokens of several models, or of unknown ones, are not said to be of one."""
    assert both == Usage.sum(Usage(1, 2, model=one), Usage(3, 4, model=other)).model


def test_what_was_not_used_is_not_printed():
    """Only the numbers that every report has are always shown."""
    assert "Usage(input_tokens=1, output_tokens=2)" == repr(Usage(1, 2))
    assert "Usage(input_tokens=1, output_tokens=2, cache_write_tokens=1, model='big')" == repr(
        Usage(1, 2, cache_write_tokens=1, model="big")
    )


def test_deltas_can_be_matched_by_position():
    """An event is taken apart by `match` in the order of the table."""
    match ToolCallDelta(0, "call_1", "add", "{"):
        case ToolCallDelta(index, id, name, arguments):
            assert (0, "call_1", "add", "{") == (index, id, name, arguments)


def test_a_stamp_says_run_number_time_and_event():
    """Time and identity are put on an event from outside, in this order."""
    stamped = Stamped("run_1", 0, 1.5, TextDelta("hi"))

    assert ["run", "seq", "at", "event"] == [field.name for field in attrs.fields(Stamped)]
    assert Stamped("run_1", 0, 1.5, TextDelta("hi")) == stamped
    assert stamped != attrs.evolve(stamped, seq=1)
    assert not isinstance(stamped, Event)


def test_a_retry_is_a_delta():
    """`retry` and `fallback` emit it among deltas, so what they return is a model again."""
    assert isinstance(StepRetried(2, "ModelTimeout: silent for 20 s"), Delta)


def test_values_alone_are_left_out_of_the_hash():
    """Events with values hash by their other fields; all others by every field."""
    unhashed = {
        name for name in TABLE for field in attrs.fields(kind_of(name)) if field.hash is False
    }

    assert WITH_VALUES == unhashed


def test_the_variables_of_code_are_not_compared():
    """They belong to this process: events that differ in nothing else are equal, shown alike."""
    for event, other in [
        (ToolCompleted("c", "5", 5), ToolCompleted("c", "5", 5, session=object())),
        (ToolFailed("c", "E: no"), ToolFailed("c", "E: no", object())),
    ]:
        assert event == other
        assert repr(event) == repr(other)


def test_the_model_of_a_usage_is_not_compared():
    """Reports of equal tokens are equal, whichever model they name."""
    assert Usage(5, 2) == Usage(5, 2, model="big")
    assert hash(Usage(5, 2)) == hash(Usage(5, 2, model="big"))
