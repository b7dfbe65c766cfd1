"""What JSON means, where pydantic reads more or less: digits, dates, whole numbers, constants."""

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import attrs
import pytest
import reactivex as rx
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    field_validator,
    model_validator,
)
from typing_extensions import TypedDict

from rxagent import operators as ops
from rxagent.errors import InvalidArguments
from rxagent.events import TextDelta
from rxagent.shapes import Shape
from rxagent.shapes.json_type import JsonType
from rxagent.tools import tool

from ..ids import shown


@dataclass
class Entry:
    """An entry of an account."""

    amount: Decimal
    rate: float = 0.0
    count: int = 0


class Account(BaseModel):
    """A class of pydantic, which pydantic reads by a validator of its own."""

    total: Decimal
    by_month: dict[str, Decimal | None] = {}


class Typed(TypedDict):
    """A typed dict."""

    total: Decimal


@attrs.frozen
class Frozen:
    """A class of attrs."""

    total: Decimal


NUMBERS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?\Z").filter(
    lambda number: number != "-0"  # an integer has no sign at 0
)
HOLDERS = [
    (Decimal, "{}", lambda value: value),
    (Decimal | None, "{}", lambda value: value),
    (Decimal | str, "{}", lambda value: value),
    (Decimal | bool | Literal["none"], "{}", lambda value: value),
    (list[Decimal], "[{}]", lambda value: value[0]),
    (tuple[str, Decimal], '["a", {}]', lambda value: value[1]),
    (dict[str, Decimal], '{{"a": {}}}', lambda value: value["a"]),
    (Entry, '{{"amount": {}, "rate": 1.50, "count": 2.0}}', lambda value: value.amount),
    (list[Entry], '[{{"amount": {}}}]', lambda value: value[0].amount),
    (Account, '{{"total": {}}}', lambda value: value.total),
    (Account, '{{"total": 1, "by_month": {{"May": {}}}}}', lambda value: value.by_month["May"]),
    (Typed, '{{"total": {}}}', lambda value: value["total"]),
    (Frozen, '{{"total": {}}}', lambda value: value.total),
    (Entry | Account, '{{"total": {}}}', lambda value: value.total),
]
SHAPES = [(Shape.of("output", kind), form, get) for kind, form, get in HOLDERS]


def read(shape, text):
    """Return the value of a JSON text."""
    return shape.validated(shape.parsed(text))


@given(NUMBERS, st.sampled_from(SHAPES))
@example("12345678901234567.89", SHAPES[0])
@example("1.10", SHAPES[0])
def test_a_decimal_has_the_digits_that_were_written(number, case):
    """Wherever it stands in a type; as a text, it always had them."""
    shape, form, get = case
    found, quoted = (get(read(shape, form.format(text))) for text in (number, f'"{number}"'))

    assert (Decimal, Decimal(number).as_tuple()) == (type(found), found.as_tuple())
    assert found.as_tuple() == quoted.as_tuple()


@given(NUMBERS, st.sampled_from([float, list[float], dict[str, float]]))
def test_a_float_is_a_float(number, kind):
    """What is no Decimal is read as ever, beside one, too."""
    written = {float: number, list[float]: f"[{number}]"}.get(kind, f'{{"a": {number}}}')
    expected = json.loads(written, parse_int=float)
    beside = Shape.of("output", tuple[kind, Decimal])
    try:
        found = read(Shape.of("output", kind), written)
    except ValidationError:
        assert "e" in number.lower()  # more than a float can hold
        return
    assert expected == found
    assert (found, Decimal("0.10")) == read(beside, f"[{written}, 0.10]")


def test_a_whole_number_may_stand_beside_digits():
    """1.0 is an integer, and costs the Decimal nothing."""
    assert Entry(Decimal("1.10"), 2.5, 3) == read(
        Shape.of("output", Entry), '{"amount": 1.10, "rate": 2.50, "count": 3.0}'
    )


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Decimal | float, "1.10", 1.1),
        (str | Decimal, '"1.10"', "1.10"),
        (str | Decimal, "1.5", Decimal("1.5")),
        (Decimal | int, "7", 7),
        (datetime | Decimal, '"1991"', Decimal(1991)),
        (Any, "1.10", 1.1),
    ],
    ids=shown,
)
def test_a_union_is_read_by_its_kinds(kind, text, value):
    """A number is never a text, and a number in quotes is one where texts come first."""
    found = read(Shape.of("output", kind), text)

    assert (type(value), value) == (type(found), found)


@pytest.mark.parametrize(
    "kind", [kind for kind, _, _ in HOLDERS] + [float | Decimal, datetime, Annotated[float, "x"]]
)
def test_the_schema_for_models_is_that_of_pydantic(kind):
    """Nothing of how values are read is sent to a provider."""

    def untitled(schema):
        if isinstance(schema, list):
            return [untitled(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        items = {name: untitled(each) for name, each in schema.items()}
        if "properties" in items:
            for field in items["properties"].values():
                field.pop("title", None)
        return items

    if "Frozen" not in shown(kind):
        assert untitled(TypeAdapter(kind).json_schema()) == JsonType.of(kind).json


LIKE_NUMBERS = st.from_regex(r"\A[+-]?([0-9]{1,12}\.?[0-9]{0,6}|\.[0-9]{1,6})\Z")
DATES = [
    (kind, form)
    for kind in (datetime, date, time, timedelta, AwareDatetime)
    for kind, form in (
        (kind, "{}"),
        (kind | None, "{}"),
        (list[kind], "[{}]"),
        (dict[str, kind | None], '{{"a": {}}}'),
        (dict[kind, int], "{{{}: 1}}"),
        (kind | UUID, "{}"),
        (UUID | time | kind | int, "{}"),
    )
]


@given(LIKE_NUMBERS, st.sampled_from(DATES))
@example("1991", DATES[0])
@example("0", (date, "{}"))
def test_a_number_is_no_date(number, case):
    """To pydantic, a text of digits is the seconds since 1970; a model means a year, or nothing."""
    kind, form = case
    shape = Shape.of("output", kind)
    with pytest.raises(ValidationError, match=r"valid|should be|Input"):
        read(shape, form.format(f'"{number}"'))


@given(st.datetimes(), st.times(), st.timedeltas(timedelta(0), timedelta(days=999)))
def test_dates_are_read_as_they_are_written(moment, hour, length):
    """What the schema asks for is accepted."""
    written = [moment.isoformat(), moment.date().isoformat(), hour.isoformat()]
    found = read(Shape.of("output", tuple[datetime, date, time]), json.dumps(written))
    assert (moment, moment.date(), hour) == found

    text = TypeAdapter(timedelta).dump_json(length).decode()
    assert length == read(Shape.of("output", timedelta), text)


@pytest.mark.parametrize(
    ("kind", "value"),
    [(str | datetime, "1991"), (date | str, "1991"), (Literal["1991"] | datetime, "1991")],
    ids=shown,
)
def test_a_text_of_digits_is_a_text_where_one_is_meant(kind, value):
    """Where pydantic reads a text and no date, it is one."""
    assert value == read(Shape.of("output", kind), f'"{value}"')


FINITE = [(float, "{}"), (list[float], "[1.0, {}]"), (dict[str, float | None], '{{"a": {}}}')]


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_only_finite_numbers_are_answers(constant):
    """JSON has no others; a type that expressly allows them has them."""
    for kind, form in FINITE:
        with pytest.raises(ValidationError, match="finite number"):
            read(Shape.of("output", kind), form.format(constant))
    allowed = Annotated[float, Field(allow_inf_nan=True)]

    for kind, form in [
        (allowed, "{}"),
        (list[allowed], "[{}]"),
        (Any, "{}"),
        (dict, '{{"a": {}}}'),
    ]:
        found = repr(read(Shape.of("output", kind), form.format(constant)))
        assert "nan" in found or "inf" in found


@tool
def pay(amount: Decimal, day: date | None = None, rates: list[float] = []) -> str:  # noqa: B006
    """Pay."""
    return "paid"


@given(NUMBERS)
def test_a_tool_gets_all_digits(number):
    """In an object, encoded twice, and as a bare value."""
    for written in (f'{{"amount": {number}}}', json.dumps(f'{{"amount": {number}}}')):
        found = pay.read(written).arguments["amount"]
        assert Decimal(number).as_tuple() == found.as_tuple()


def test_a_tool_gets_no_number_as_a_date():
    """The model reads what is wrong; code may pass numbers that JSON does not have."""
    with pytest.raises(InvalidArguments, match=r'Argument day is "0" but should be a valid date'):
        pay.read('{"amount": 1, "day": "0"}')
    rates = pay.read('{"amount": 1, "rates": [NaN]}').arguments["rates"]
    assert [True] == [rate != rate for rate in rates]


@given(NUMBERS, st.lists(st.integers(1, 40), max_size=3))
def test_a_growing_value_has_all_digits(number, cuts):
    """A number appears once it is whole, with the digits of the answer."""
    text = f'{{"total": {number}, "by_month": {{"May": {number}}}}}'
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    pieces = [TextDelta(text[a:b]) for a, b in zip([0, *ends], ends, strict=False) if a < b]
    values, parts = [], []
    rx.from_iterable(pieces).pipe(ops.partial(Account)).subscribe(values.append)
    rx.from_iterable(pieces).pipe(ops.sealed_at("by_month.*", Decimal)).subscribe(parts.append)

    assert {Decimal(number).as_tuple()} == {value.total.as_tuple() for value in values}
    assert [Decimal(number).as_tuple()] == [part.as_tuple() for part in parts]


class Rounded(BaseModel):
    """Rounds what it gets, which a text is not."""

    price: Decimal
    at: datetime

    @field_validator("price", mode="before")
    @classmethod
    def in_cents(cls, value):
        """Round a number."""
        return round(value, 2)


class Summed(BaseModel):
    """Adds a total where there is none."""

    prices: list[Decimal]
    total: Decimal

    @model_validator(mode="before")
    @classmethod
    def with_total(cls, fields):
        """Add the total."""
        return {**fields, "total": sum(fields["prices"])}


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (Rounded, '{"price": 19.999, "at": "2026-11-29T10:00:00Z"}'),
        (Summed, '{"prices": [1.25, 2.5]}'),
        (Annotated[Decimal, BeforeValidator(lambda value: value * 2)], "1.25"),
        (Annotated[date, WrapValidator(lambda value, read: read(value))], '"2026-11-29"'),
    ],
)
def test_a_validator_that_comes_first_gets_what_pydantic_gives_it(kind, written):
    """Such a type is read as pydantic alone reads it."""
    read = JsonType.of(kind)

    assert TypeAdapter(kind).validate_json(written) == read.validated(read.parsed(written))
