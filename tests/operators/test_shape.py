"""Values of JSON that streams: valid at every prefix, and the same however the text is cut."""

import json
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

import attrs
import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, HttpUrl, TypeAdapter
from typing_extensions import TypedDict

from rxagent import operators as ops
from rxagent.errors import ModelUnavailable
from rxagent.events import Finish, StepRetried, TextDelta, ToolCallDelta

from ..ids import shown


class Link(BaseModel):
    """A link: its URL is a text that does not grow."""

    url: HttpUrl
    rank: int


class Note(TypedDict):
    """A note, whose text grows."""

    text: str
    tag: Literal["new", "newer"]


@dataclass
class Report:
    """A report with parts of each kind."""

    title: str
    links: list[Link] = field(default_factory=list)
    notes: dict[str, Note] = field(default_factory=dict)
    day: date | None = None
    size: tuple[int, str] | Literal["none"] = "none"


TEXTS = st.text(max_size=8)
REPORTS = st.builds(
    Report,
    TEXTS,
    st.lists(
        st.builds(Link, url=st.just("https://a.example/b"), rank=st.integers(-99, 999)), max_size=3
    ),
    st.dictionaries(
        TEXTS,
        st.fixed_dictionaries({"text": TEXTS, "tag": st.sampled_from(["new", "newer"])}),
        max_size=2,
    ),
    st.none() | st.dates(),
    st.just("none") | st.tuples(st.integers(), TEXTS),
)
ADAPTER = TypeAdapter(Report)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


def received(items, operator):
    """Return all that an operator emits, an error last."""
    out = []
    rx.from_iterable(items).pipe(operator).subscribe(out.append, out.append)
    return out


def cut(text, cuts):
    """Return a text in pieces."""
    ends = sorted({0, len(text), *(at % (len(text) + 1) for at in cuts)})
    return [text[start:end] for start, end in pairwise(ends)]


CUTS = st.lists(st.integers(0, 500), max_size=10)


@given(REPORTS, st.booleans(), st.integers(1, 9))
def test_every_value_is_valid_and_the_last_is_whole(report, is_indented, size):
    """Each prefix gives nothing or a value of the type; texts grow, and lists do not shrink."""
    text = ADAPTER.dump_json(report, indent=2 if is_indented else None).decode()

    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    values = received(map(TextDelta, pieces), ops.partial(Report))

    assert report == values[-1]
    for value in values:
        assert isinstance(value, Report)
        assert value == ADAPTER.validate_json(ADAPTER.dump_json(value), strict=True)
        assert report.title.startswith(value.title) or "\\" in text
        assert value.links == report.links[: len(value.links)]
        assert value.day in (None, report.day)
        assert value.size[:1] in ("n", report.size[:1])
    assert sorted(map(len, (value.links for value in values))) == [
        len(value.links) for value in values
    ]


@given(REPORTS, CUTS)
def test_how_the_json_is_cut_makes_no_difference(report, cuts):
    """After each piece the value is that of the text so far, whatever the pieces before."""
    text = ADAPTER.dump_json(report).decode()
    pieces = cut(text, cuts)

    values = received([*map(TextDelta, pieces), Finish("stop")], ops.partial(Report))

    alone = []
    for many in range(len(pieces) + 1):
        prefix = "".join(pieces[:many])
        alone += received([TextDelta(prefix)], ops.partial(Report))[-1:]
    assert [new for new, old in zip(alone, [None, *alone], strict=False) if new != old] == values


def test_a_text_with_bare_line_breaks_grows():
    """It is read at each of its signs, as local models write it."""
    values = received(map(TextDelta, '{"text": "a\nb\tc"}'), ops.partial(dict[str, str]))

    texts = [value["text"] for value in values if value]
    assert ["", "a", "a\n", "a\nb", "a\nb\t", "a\nb\tc"] == texts


@given(JSON, CUTS)
def test_a_value_of_any_type_ends_as_it_is_written(value, cuts):
    """Without a type to keep to, the last value is that of the JSON."""
    text = json.dumps({"a": value})

    assert {"a": value} == received(map(TextDelta, cut(text, cuts)), ops.partial(dict))[-1]


@pytest.mark.parametrize("value", [True, False, 0, -12, 1.5e-7, 1e30, "true", [], [True], [1.5]])
def test_a_value_may_be_alone(value):
    """A number is whole at the end of the turn; all else is when it is written."""
    text = json.dumps(value)
    kind = type(value)
    for operator in (ops.partial(kind), ops.partial(kind | None)):
        for at in range(len(text)):
            pieces = pieces_of([text[:at], text[at:]])

            assert value == received([*pieces, Finish("stop")], operator)[-1]
            if kind not in (int, float):
                assert value == received(pieces, operator)[-1]


@given(st.lists(st.fixed_dictionaries({"url": JSON}, optional={"b": JSON}), max_size=4), CUTS)
def test_each_part_is_emitted_once(items, cuts):
    """The parts are those of the whole value, in order, however the text is cut."""
    for text in (json.dumps({"items": items, "n": 1}), json.dumps({"items": items}, indent=1)):
        pieces = [TextDelta(piece) for piece in cut(text, cuts)]

        assert [item["url"] for item in items] == received(pieces, ops.sealed_at("items[*].url"))
        assert items == received(pieces, ops.sealed_at("items[*]"))
        assert items[1:2] == received(pieces, ops.sealed_at("items[1]"))


@given(JSON, CUTS)
def test_the_parts_are_those_of_the_value(value, cuts):
    """Any value at any key is found, with any white space around."""
    text = json.dumps({"x": {'odd "key".': value}}, indent=2)
    pieces = cut(f"```json\n{text}\n```", cuts)

    assert [value] == received(pieces_of(pieces), ops.sealed_at(r'x["odd \"key\"."]'))
    assert [value] == received(pieces_of(pieces), ops.sealed_at("x.*"))
    assert [] == received(pieces_of(pieces), ops.sealed_at("x[*]"))


def pieces_of(texts):
    """Return texts as deltas."""
    return [TextDelta(text) for text in texts]


def test_a_part_comes_at_the_delta_that_closes_it():
    """Nothing waits for the end of the turn, nor a text for the comma behind it."""
    sent, seen = [], []
    source = rx.Subject()
    source.pipe(ops.sealed_at("[*].url")).subscribe(lambda part: seen.append((part, len(sent))))
    for piece in ['[{"url": "a', '"', ', "n": 1}, {"url": 12', "3", "}", "]"]:
        sent.append(piece)
        source.on_next(TextDelta(piece))

    assert [("a", 2), (123, 5)] == seen


@pytest.mark.parametrize(
    ("kind", "wrapped"),
    [(list[int], True), (Literal["red", "green"], True), (str, True), (dict[str, int], False)],
)
def test_what_is_no_object_may_have_one_around_it(kind, wrapped):
    """Structured output is an object, so others are its field `answer`; a bare value is read."""
    value = {list[int]: [1, 23], str: "red"}.get(kind, "red" if wrapped else {"a": 1})

    for text in (json.dumps(value), json.dumps({"answer": value})):
        if wrapped or "answer" not in text:
            assert value == received(map(TextDelta, text), ops.partial(kind))[-1]


def call_of(name, text, index=0):
    """Return the deltas of a call."""
    pieces = (ToolCallDelta(index, None, None, piece) for piece in text)
    return [ToolCallDelta(index, f"call_{index}", name, ""), *pieces]


def test_calls_of_final_answer_are_read_like_the_text():
    """The value is its argument `answer`; calls of other tools are not read."""
    deltas = [
        TextDelta("I have it."),
        *call_of("search", '{"answer": ["no"]}', 1),
        *call_of("final_answer", '{"answer": ["a", "b"]}'),
    ]

    assert [[], [""], ["a"], ["a", ""], ["a", "b"]] == received(deltas, ops.partial(list[str]))
    assert ["a", "b"] == received(deltas, ops.sealed_at("[*]"))


def test_calls_of_a_tool_are_read_each_for_itself():
    """Arguments that arrive side by side do not mix, and the text is not read."""
    one, other = call_of("save", '{"to": ["x", "y"]}'), call_of("save", '{"to": ["z"]}', 1)
    mixed = [each for pair in zip(one, other, strict=False) for each in pair]
    deltas = [TextDelta('{"to": ["no"]}'), *mixed, *one[len(other) :]]

    assert ["x", "z", "y"] == received(deltas, ops.sealed_at("to[*]", str, "save"))
    values = received(deltas, ops.partial(dict[str, list[str]], tool="save"))
    assert {"to": ["x", "y"]} == values[-1]
    assert {"to": ["z"]} in values


def test_a_retried_attempt_is_read_anew():
    """The values of the next attempt follow; nothing of the first one is left in them."""
    deltas = [
        TextDelta('{"a": "no'),
        StepRetried(1, "It broke off."),
        TextDelta('{"a": "y'),
        TextDelta('es"}'),
    ]

    assert [{"a": "no"}, {"a": "y"}, {"a": "yes"}] == received(deltas, ops.partial(dict[str, str]))
    assert ["yes"] == received(deltas, ops.sealed_at("a"))


@pytest.mark.parametrize(
    "text", ["", "Hello.", "No: {}", "}{", "]", '"', "```", "{{", "[[[[", "nul"]
)
def test_what_is_no_json_has_no_values(text):
    """Prose and broken JSON raise nothing and give no part."""
    assert [] == received(map(TextDelta, text), ops.partial(Note))
    assert [] == received(map(TextDelta, text), ops.sealed_at("a[*].b"))


@given(st.text(st.sampled_from('{}[]",:\\ ae1-.'), max_size=40))
def test_no_text_breaks_a_reader(text):
    """Whatever a model writes, the stream goes on."""
    for operator in (ops.partial(Report), ops.partial(list[int]), ops.sealed_at("a[*]")):
        assert not any(
            isinstance(out, Exception) for out in received(map(TextDelta, text), operator)
        )


def test_a_part_that_does_not_fit_is_left_out():
    """The other parts are emitted as instances of the type."""
    text = '[{"url": "https://a.example", "rank": 1.0}, {"url": "no", "rank": 2}, 3]'

    (link,) = received(map(TextDelta, text), ops.sealed_at("[*]", Link))

    assert Link(url="https://a.example", rank=1) == link


def test_an_object_begins_when_its_numbers_are_there():
    """What does not grow is never shown half, and a wrong part hides no right one."""
    text = '[{"rank": 12, "url": "https://a.example"}, {"rank": 3, "url": "https://b.example"}]'

    values = received(map(TextDelta, text), ops.partial(list[Link]))

    assert [0, 1, 2] == list(map(len, values))
    assert 12 == values[1][0].rank


def test_limits_hold_for_values_that_grow():
    """A value that is not long enough yet is not emitted."""
    kind = dict[str, Annotated[str, Field(min_length=3)]]

    assert [{}, {"a": "abc"}, {"a": "abcd"}] == received('{"a": "abcd"}', deltas(ops.partial(kind)))


def deltas(operator):
    """Return an operator on texts, as one on deltas."""
    return lambda source: source.pipe(rx.operators.map(TextDelta), operator)


def test_an_error_follows_the_values():
    """What a broken answer has said is emitted before its error."""
    broken = ModelUnavailable("It broke off.")
    source = rx.concat(rx.of(TextDelta('{"a": "b')), rx.throw(broken))
    out = []
    source.pipe(ops.partial(dict)).subscribe(out.append, out.append)

    assert [{"a": "b"}, broken] == out


@pytest.mark.parametrize("piece", [1, 40])
def test_the_work_is_linear_in_the_text(piece):
    """All values together hold at most 150 times the text, and the last one holds all of it."""
    text = json.dumps(["abcdefgh"] * 2000)
    pieces = [TextDelta(text[at : at + piece]) for at in range(0, len(text), piece)]

    values = received(pieces, ops.partial(list[str]))

    assert json.loads(text) == values[-1]
    assert sum(map(len, values)) <= 150 * len(values[-1])


@attrs.frozen
class Point:
    """A point of attrs."""

    x: int
    _label: str = "point"
    tags: list[str] = attrs.field(factory=list)


@dataclass
class Line:
    """A dataclass that holds instances of attrs."""

    ends: list[Point]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Point, Point(1, "a")),
        (list[Point], [Point(1), Point(2)]),
        (dict[str, Point | None], {"a": Point(1), "b": None}),
        (Line, Line([Point(1), Point(2)])),
        (list[Line], [Line([Point(3)])]),
    ],
    ids=shown,
)
def test_classes_of_attrs_are_read(kind, value):
    """They are built by their own constructor, wherever they stand."""

    def plain(item):
        if isinstance(item, Point):
            return {"x": item.x, "label": item._label, "tags": item.tags}
        if isinstance(item, Line):
            return {"ends": plain(item.ends)}
        if isinstance(item, list):
            return [plain(each) for each in item]
        return {k: plain(v) for k, v in item.items()} if isinstance(item, dict) else item

    text = json.dumps({"answer": plain(value)} if isinstance(value, list) else plain(value))

    assert value == received(map(TextDelta, text), ops.partial(kind))[-1]


@pytest.mark.parametrize(
    "operator",
    [ops.partial(Report), ops.sealed_at("links[*]"), ops.sentences(), ops.words(), ops.lines()],
    ids=["partial", "sealed_at", "sentences", "words", "lines"],
)
def test_an_observer_may_leave_at_any_item(operator):
    """After it has left, nothing comes, and the source is disposed once."""
    text = ADAPTER.dump_json(
        Report("A. B.\n C", [Link(url="https://a.example", rank=n) for n in range(3)]), indent=1
    ).decode()
    many = len(received(map(TextDelta, text), operator))
    for leave_at in range(1, many):
        disposed, out = [], []
        source = rx.Subject()
        watched = source.pipe(rx.operators.finally_action(lambda d=disposed: d.append(1)))
        watched.pipe(operator, rx.operators.take(leave_at)).subscribe(out.append)
        for piece in text:
            source.on_next(TextDelta(piece))
        assert leave_at == len(out)
        assert [1] == disposed
