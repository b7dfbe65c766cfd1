import enum
import json
import math
import re
from collections import OrderedDict, namedtuple
from contextlib import suppress
from pathlib import Path

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxagent import events, wire
from rxagent.errors import RxAgentError
from rxagent.events import (
    Event,
    FinalAnswer,
    Finish,
    MessageCompleted,
    PlanStarted,
    RunCompleted,
    Stamped,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    UnknownEvent,
    Usage,
)
from rxagent.messages import Image, Message, ProviderData, ToolCall
from rxagent.wire import MalformedLine, Opaque, decode, dumps, encode, loads

KINDS = [
    getattr(events, name)
    for name in events.__all__
    if attrs.has(getattr(events, name)) and name not in ("Stamped", "UnknownEvent")
]

halves = st.characters(categories=["Cs"])
texts = st.text() | halves
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
values = json_values | st.builds(Opaque, texts)
opaque_lookalikes = st.builds(
    lambda dollars, value: {"$" * dollars + "opaque": value}, st.integers(0, 4), json_values
)

kept = st.builds(ProviderData, texts, st.dictionaries(texts, json_values, max_size=2))
extras = st.lists(kept, max_size=2).map(tuple)
calls = st.builds(ToolCall, texts, texts, texts, extras)
pictures = st.builds(Image, texts.map("data:{}".format))
messages = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    texts,
    st.lists(calls, max_size=2),
    st.none() | texts,
    st.lists(pictures, max_size=2),
    texts,
    extras,
)
counts = st.integers(-(10**30), 10**30)
FIELDS = {
    str: texts,
    str | None: st.none() | texts,
    int: counts,
    tuple[ProviderData, ...]: extras,
    tuple[Image, ...]: st.lists(pictures, max_size=2).map(tuple),
    Message: messages,
    Message | None: st.none() | messages,
    ToolCall: calls,
    ToolCall | None: st.none() | calls,
    Usage | None: st.none() | st.builds(Usage, *[counts] * 5, st.none() | texts),
}


def of_kind(kind, inner):
    """Return a strategy for events of one kind, whose values are what `inner` draws."""
    fields = attrs.fields(attrs.resolve_types(kind))
    return st.builds(kind, *(FIELDS.get(field.type, inner) for field in fields))


unknown_events = st.builds(
    UnknownEvent,
    st.sampled_from(["Applauded", "Message", "Stamped", "Event", ""]) | st.just("X"),
    st.dictionaries(texts.filter(lambda name: name not in ("type", "v")), values, max_size=3),
)
flat_events = st.one_of(*(of_kind(kind, values | opaque_lookalikes) for kind in KINDS))
all_events = st.recursive(
    flat_events | unknown_events,
    lambda inner: st.one_of(*(of_kind(kind, inner) for kind in (ToolOutput, ToolCompleted))),
    max_leaves=6,
)
outermost = all_events.filter(
    lambda event: getattr(event, "type", None) not in ("Message", "Stamped")
)
lines = outermost | messages | st.builds(Stamped, texts, counts, st.floats(0, 1e12), all_events)


def back(said):
    """Return what comes back over the wire."""
    return loads(dumps(said))


@given(lines)
@example(FinalAnswer({"$opaque": "text"}))
@example(FinalAnswer({"$$opaque": "text"}))
@example(FinalAnswer({"$opaque": 5}))
@example(FinalAnswer("\x00\x1b[31m\r\n\u2028\ud800"))
def test_what_is_written_reads_back_the_same(said):
    """Every event, stamped event and message with JSON values survives the wire."""
    assert said == decode(encode(said))
    assert said == back(said)


@given(lines)
def test_a_line_is_one_line_of_ascii(said):
    """Whatever a text holds, its line can be sent through anything that reads lines."""
    line = dumps(said)

    assert line.isascii()
    assert line.isprintable()


@given(lines)
def test_the_object_is_what_the_line_says(said):
    """`encode` returns exactly what a reader of JSON gets from the line."""
    assert encode(said) == json.loads(dumps(said))
    assert list(encode(said))[:2] == ["v", "type"]


@pytest.mark.hypothesis
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_line_names_its_event(kind):
    """`type` is the name of the event's class, whatever the event is."""
    event = of_kind(kind, values)

    @given(event)
    def check(event):
        assert (wire.VERSION, kind.__name__) == (encode(event)["v"], encode(event)["type"])
        assert kind is type(back(event))

    check()


def test_every_event_is_tried():
    """The strategies above draw all events of the algebra."""
    promised = {
        kind
        for name in events.__all__
        if issubclass(kind := getattr(events, name), Event) and attrs.has(kind)
    }

    assert {*KINDS, UnknownEvent} == promised


CALL = ToolCall("call_1", "add", '{"a": 2}')

EXAMPLES = [
    (TextDelta("Hi"), '{"type":"TextDelta","text":"Hi"}'),
    (PlanStarted(), '{"type":"PlanStarted"}'),
    (
        ToolStarted(CALL),
        '{"type":"ToolStarted","call":{"id":"call_1","name":"add","arguments":"{\\"a\\": 2}"}}',
    ),
    (ToolCallDelta(0, "call_1"), '{"type":"ToolCallDelta","index":0,"id":"call_1"}'),
    (RunCompleted(), '{"type":"RunCompleted"}'),
    (
        RunCompleted(Usage(3, 4)),
        '{"type":"RunCompleted","usage":{"input_tokens":3,"output_tokens":4}}',
    ),
    (
        ToolOutput("call_1", TextDelta("Hi")),
        '{"type":"ToolOutput","call_id":"call_1","event":{"type":"TextDelta","text":"Hi"}}',
    ),
    (
        ToolCompleted("call_1", "5", 5),
        '{"type":"ToolCompleted","call_id":"call_1","result":"5","value":5}',
    ),
    (
        FinalAnswer({"a": [1, None]}),
        '{"type":"FinalAnswer","value":{"a":[1,null]}}',
    ),
    (
        Stamped("run_1", 7, 1.5, Finish("stop")),
        '{"type":"Stamped","run":"run_1","seq":7,"at":1.5,'
        '"event":{"type":"Finish","reason":"stop"}}',
    ),
    (
        Message("assistant", "Hi", [CALL]),
        '{"type":"Message","role":"assistant","text":"Hi",'
        '"tool_calls":[{"id":"call_1","name":"add","arguments":"{\\"a\\": 2}"}]}',
    ),
]


@pytest.mark.parametrize(("said", "line"), EXAMPLES, ids=lambda said: type(said).__name__)
def test_lines_look_as_promised(said, line):
    """Lines that were written once can be read for ever, so their form is a promise."""
    line = f'{{"v":{wire.VERSION},{line[1:]}'

    assert line == dumps(said)
    assert said == loads(line)


FOLDER = Path(__file__).parent / "golden"
GOLDEN = sorted(FOLDER.glob("wire_v*.jsonl"))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_lines_of_each_version_are_read(file):
    """A line of any version is read for ever, and written again it says the same."""
    lines = file.read_text().splitlines()
    version = int(file.stem.removeprefix("wire_v"))

    assert {version} == {json.loads(line)["v"] for line in lines}
    for line in lines:
        assert json.loads(line) | {"v": wire.VERSION} == json.loads(dumps(loads(line)))


def test_each_version_has_its_lines():
    """The lines of every version are kept, those of the present one too."""
    assert [f"wire_v{number + 1}" for number in range(wire.VERSION)] == [
        file.stem for file in GOLDEN
    ]


def test_each_event_has_a_line_of_the_present_version():
    """The present version's file has a line of each event, of a stamped one and of a message."""
    lines = (FOLDER / f"wire_v{wire.VERSION}.jsonl").read_text().splitlines()
    written = {json.loads(line)["type"] for line in lines}

    assert {*(kind.__name__ for kind in KINDS), "Stamped", "Message"} == written


def written_fields():
    """Return the names of all that is written on lines, each with the names of its fields."""
    kinds = [*KINDS, Stamped, Message, ToolCall, Image, ProviderData]
    fields = {kind.__name__: filter(sent, attrs.fields(kind)) for kind in kinds}
    return {name: [field.name for field in each] for name, each in fields.items()}


def sent(field):
    """Return whether a field is written; others belong to the process."""
    return field.metadata.get("sent", True)


def frozen_fields(version):
    """Return the names and fields of a version."""
    return json.loads((FOLDER / f"fields_v{version}.json").read_text())


def test_the_fields_are_those_of_the_version():
    """A new event or field needs a new version, for which its fields are written down once."""
    assert frozen_fields(wire.VERSION) == written_fields(), (
        "The events or their fields differ from those of the present version. Raise VERSION in "
        f"rxagent/wire.py, and add tests/golden/fields_v{wire.VERSION + 1}.json with the new ones; "
        "the files of earlier versions stay as they are."
    )


@pytest.mark.parametrize("version", range(2, wire.VERSION + 1))
def test_a_version_adds_names_and_fields_alone(version):
    """Each version has all fields of the one before, and others."""
    before, after = frozen_fields(version - 1), frozen_fields(version)

    assert before != after
    for name, fields in before.items():
        assert [field for field in after[name] if field in fields] == fields


@pytest.mark.parametrize("version", range(1, wire.VERSION + 1))
def test_lines_of_a_version_have_its_fields(version):
    """What was frozen as the fields of a version is what its lines hold."""
    fields = frozen_fields(version)
    for line in (FOLDER / f"wire_v{version}.jsonl").read_text().splitlines():
        said = json.loads(line)
        name = said["type"]
        written = said.keys() - {"v", "type"} - ({"event"} if name == "ToolOutput" else set())

        assert written <= {*fields[name]}


PROJECT = Path(__file__).parents[1]
PAGES = [PROJECT / "README.md", PROJECT / "rxagent/wire.py", *(PROJECT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_lines_on_a_page_have_the_present_version(page):
    """A page that shows lines shows those that are written now."""
    shown = re.findall(r'"v": ?(\d+)', page.read_text(encoding="utf-8"))

    assert {*shown} <= {str(wire.VERSION)}


def test_inner_events_may_be_nested_a_hundred_times():
    """An agent that calls an agent that calls an agent is still one line."""
    event = TextDelta("Hi")
    for depth in range(100):
        event = ToolOutput(f"call_{depth}", event)

    assert event == back(event)


Point = namedtuple("Point", "x y")


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


SAID_AS = [
    ((1, (2,)), [1, [2]]),
    (Point(1, 2), [1, 2]),
    (Colour.RED, "red"),
    (Level.HIGH, 3),
    (OrderedDict(a=Colour.RED), {"a": "red"}),
]


@pytest.mark.parametrize(("value", "said"), SAID_AS, ids=repr)
def test_what_json_says_otherwise_comes_back_as_that(value, said):
    """Tuples come back as lists, and subclasses as what they derive from."""
    assert FinalAnswer(said) == back(FinalAnswer(value))


class Silent:
    def __repr__(self):
        raise RuntimeError("no words")


NOT_SAID = [
    (math.nan, "nan"),
    (-math.inf, "-inf"),
    (b"\x00", "b'\\x00'"),
    ({1}, "{1}"),
    ({1: "a"}, "{1: 'a'}"),
    ({"a": 1, None: 2}, "{'a': 1, None: 2}"),
    (Finish, "<class 'rxagent.events.Finish'>"),
    (Silent(), "<Silent without a repr>"),
    (10**5000, "<int without a repr>"),
    (Message("user", "Hi"), repr(Message("user", "Hi"))),
]


@pytest.mark.parametrize(("value", "text"), NOT_SAID, ids=[text for _, text in NOT_SAID])
def test_what_json_cannot_say_is_opaque(value, text):
    """A value that JSON has no words for becomes its repr, at any depth, and stays it."""
    once = back(FinalAnswer([{"deep": value}, value]))

    assert FinalAnswer([{"deep": Opaque(text)}, Opaque(text)]) == once
    assert once == back(once)


def test_a_value_that_holds_itself_is_opaque():
    """A value without an end does not stop the writer."""
    endless = []
    endless.append(endless)

    assert FinalAnswer(Opaque("[[...]]")) == back(FinalAnswer(endless))


def around(event, depth):
    """Return an event with so many others around it."""
    for number in range(depth):
        event = ToolOutput(f"call_{number}", event)
    return event


def unwrapped(event):
    """Return what is inside of an event, and the ids of the calls around it."""
    calls = []
    while isinstance(event, ToolOutput):
        calls.append(event.call_id)
        event = event.value
    return event, calls


@pytest.mark.parametrize("depth", [0, 1, 2, 200, 500])
def test_an_event_deep_inside_of_others_comes_back(depth):
    """Up to 500 events may stand around another one, with a stamp around them all."""
    event = around(TextDelta("Hi"), depth)

    assert unwrapped(event) == unwrapped(back(event))
    assert unwrapped(event) == unwrapped(back(Stamped("a", 1, 1.5, event)).event)


@pytest.mark.parametrize("depth", [501, 1_000, 100_000])
def test_an_event_too_deep_inside_of_others_is_refused(depth):
    """What no line holds is refused when it is written, and when it is read; both say so."""
    with pytest.raises(MalformedLine, match=f"{depth} levels deep; .* at most 500"):
        dumps(around(TextDelta("Hi"), depth))

    line = {"type": "TextDelta", "text": "Hi"}
    for _ in range(depth):
        line = {"type": "ToolOutput", "call_id": "c", "event": line}
    with pytest.raises(MalformedLine, match=r"levels deep; .* at most 500"):
        decode({"v": 1, **line})


@pytest.mark.parametrize("at", ["1e999", "-1e999", "1" + "0" * 400])
def test_a_time_that_no_float_can_hold_is_refused(at):
    """What is read can be written again."""
    line = (
        '{"v":5,"type":"Stamped","run":"a","seq":1,"at":AT,"event":{"type":"Finish","reason":"x"}}'
    )

    with pytest.raises(MalformedLine, match="`at`"):
        loads(line.replace("AT", at))


@pytest.mark.parametrize("at", [float("inf"), float("nan")])
def test_a_time_that_json_cannot_express_is_refused(at):
    """Neither a line nor an object with it can be made or read."""
    stamped = Stamped("a", 1, at, TextDelta("Hi"))

    with pytest.raises(MalformedLine, match="A Stamped cannot be written"):
        dumps(stamped)
    with pytest.raises(MalformedLine, match="`at` should be a number"):
        decode(encode(stamped))


def test_a_count_that_is_too_long_to_write_is_refused():
    """Python writes no number of so many digits."""
    with pytest.raises(MalformedLine, match="A Usage cannot be written"):
        dumps(Usage(10**5000, 1))


@pytest.mark.parametrize("depth", range(50, 1_000, 50))
def test_however_deep_an_event_and_its_value_are(depth):
    """A line that is too deep is refused as such, or what stands in it comes back or is opaque."""
    value = 1
    for _ in range(depth):
        value = [value]
    for outer in (0, 200, 400):
        with suppress(MalformedLine):
            value_read, _ = unwrapped(back(around(ToolOutput("c", value), outer)))
            assert isinstance(value_read, list | Opaque)


def test_values_that_are_read_are_frozen():
    """What a line held is read by many, so it cannot be changed."""
    event = back(ToolCompleted("c", "r", {"a": [{"b": 1}]}))
    later = loads('{"v":1,"type":"Later","field":{"a":[1]}}')

    for change in (
        lambda: event.value.clear(),
        lambda: event.value["a"].append(1),
        lambda: event.value["a"][0].update(b=2),
        lambda: later.fields.clear(),
        lambda: later.fields["field"]["a"].append(2),
    ):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    assert event == ToolCompleted("c", "r", {"a": [{"b": 1}]})


def test_a_value_that_is_nested_too_deeply_is_opaque():
    """Depth is no way to stop the writer."""
    deep = []
    for _ in range(100_000):
        deep = [deep]

    assert isinstance(back(FinalAnswer(deep)).value, Opaque)


def test_a_long_repr_is_cut():
    """Bytes that a tool returned do not fill a journal."""
    text = back(FinalAnswer(b"x" * 1_000_000)).value.repr

    assert 10_000 == len(text)
    assert text.endswith("x…")


def test_halves_of_a_character_survive_and_find_each_other():
    """A surrogate survives alone; next to its other half it comes back as their character."""
    assert TextDelta("\ud83d") == back(TextDelta("\ud83d"))
    assert TextDelta("😀") == back(TextDelta("\ud83d\ude00"))


@given(lines, st.dictionaries(st.text("xyz", min_size=1), json_values))
def test_unknown_fields_are_ignored(said, more):
    """What a later version says besides is not read, and does not hinder."""
    if isinstance(said, UnknownEvent):
        more = {}

    assert said == decode(encode(said) | more)


def test_unknown_fields_of_inner_objects_are_ignored():
    """That holds for calls and messages inside an event, too."""
    call = {"id": "call_1", "name": "add", "arguments": "", "price": 3}

    assert ToolStarted(ToolCall("call_1", "add")) == decode(
        {"v": 3, "type": "ToolStarted", "call": call}
    )


@pytest.mark.parametrize(
    "line",
    [
        '{"v":3,"type":"Applauded","by":["me",{"times":3}],"value":null,"event":{"type":5}}',
        '{"v":3,"type":"Applauded","by":{"$opaque":"<me>"},"to":{"$$opaque":"<you>"}}',
        '{"v":3,"type":"Applauded","by":{"$opaque":5},"to":{"$opaque":"a","b":1}}',
        '{"v":3,"type":"ToolOutput","call_id":"c","event":{"type":"Applauded","v":7}}',
        '{"v":3,"type":"ToolOutput","call_id":"c","event":{"type":"Message","role":5}}',
    ],
)
def test_unknown_events_survive_as_they_were_written(line):
    """An event of a later version is passed on without loss, by one who does not know it."""
    line = line.replace('"v":3', f'"v":{wire.VERSION}', 1)

    assert line == dumps(loads(line))


@given(json_values)
def test_any_field_of_an_unknown_event_survives(value):
    """Whatever JSON an unknown event holds, the same JSON is written again."""
    line = {"v": wire.VERSION, "type": "Applauded", "field": value}

    assert UnknownEvent is type(decode(line))
    assert line == encode(decode(line))


NEXT = wire.VERSION + 1
READ = f"versions 1 to {wire.VERSION} can be read."

BAD_LINES = [
    ("", "The line is not JSON: Expecting value: line 1 column 1 (char 0)."),
    ("{", "The line is not JSON: Expecting property name enclosed in double quotes"),
    ("[]", "A line is an object, not an array."),
    ("null", "A line is an object, not null."),
    ("{}", "The line has no version: `v` is missing."),
    (f'{{"v":{NEXT},"type":"TextDelta"}}', f"The line's version is {NEXT}; {READ}"),
    ('{"v":0,"type":"TextDelta"}', f"The line's version is 0; {READ}"),
    ('{"v":true,"type":"TextDelta"}', f"The line's version is True; {READ}"),
    (
        '{"v":3,"type":"ReasoningDelta","text":"","extra":[{"provider":"p","data":5}]}',
        "ReasoningDelta cannot be read: `extra[0].data` should be an object, not a number.",
    ),
    ('{"v":3}', "`type` should be the name of an event, not null."),
    ('{"v":3,"type":5}', "`type` should be the name of an event, not a number."),
    ('{"v":3,"type":"TextDelta"}', "TextDelta cannot be read: `text` is missing."),
    (
        '{"v":3,"type":"TextDelta","text":5}',
        "TextDelta cannot be read: `text` should be a string, not a number.",
    ),
    (
        '{"v":3,"type":"StepStarted","number":true}',
        "StepStarted cannot be read: `number` should be a number, not a boolean.",
    ),
    (
        '{"v":3,"type":"ToolCallDelta","index":0,"name":[]}',
        "ToolCallDelta cannot be read: `name` should be a string, not an array.",
    ),
    (
        '{"v":3,"type":"ToolStarted","call":null}',
        "ToolStarted cannot be read: `call` should be an object, not null.",
    ),
    (
        '{"v":3,"type":"ToolStarted","call":{"id":1}}',
        "ToolStarted cannot be read: "
        "`call.id` should be a string, not a number; `call.name` is missing.",
    ),
    (
        '{"v":3,"type":"MessageCompleted","message":{"role":"user","tool_calls":"ab"}}',
        "MessageCompleted cannot be read: `message.tool_calls` should be an array, not a string.",
    ),
    (
        '{"v":3,"type":"Message","role":"user","tool_calls":[{"id":"a","name":5}]}',
        "Message cannot be read: `tool_calls[0].name` should be a string, not a number.",
    ),
    (
        '{"v":3,"type":"ToolOutput","call_id":"c"}',
        "ToolOutput cannot be read: `value` is missing.",
    ),
    ('{"v":3,"type":"ToolOutput","call_id":"c","event":5}', "`event` should be an object, not"),
    (
        '{"v":3,"type":"ToolOutput","call_id":"c","event":{}}',
        "`event.type` should be the name of an event, not null.",
    ),
    (
        '{"v":3,"type":"ToolOutput","call_id":"c","event":{"type":"ToolOutput",'
        '"call_id":"c","event":{"type":"TextDelta","text":{}}}}',
        "TextDelta cannot be read: `event.event.text` should be a string, not an object.",
    ),
    (
        '{"v":3,"type":"Stamped","run":"r","seq":0,"at":"now"}',
        "Stamped cannot be read: `at` should be a number, not a string; `event` is missing.",
    ),
    ('{"v":3,"type":"FinalAnswer","value":NaN}', "The line is not JSON: NaN is not JSON."),
    ('{"v":3,"type":"StepStarted","number":' + "1" * 5000 + "}", "The line is not JSON: Exceeds"),
    ("[" * 100_000, "The line is nested too deeply for Python's JSON."),
]


@pytest.mark.parametrize(("line", "sentence"), BAD_LINES, ids=[line[:60] for line, _ in BAD_LINES])
def test_a_bad_line_is_refused_in_words(line, sentence):
    """What cannot be read says which part of it, and what should have stood there."""
    with pytest.raises(MalformedLine) as refused:
        loads(line)

    assert str(refused.value).startswith(sentence)


def test_a_malformed_line_is_an_error_of_ours_and_a_value_error():
    """It can be caught with all that rxagent raises, and as what Python calls it."""
    assert (RxAgentError, ValueError) == MalformedLine.__bases__


@given(json_values)
def test_any_object_is_read_or_refused(value):
    """No JSON at all makes the reader fail in another way."""
    for line in (value, {"v": 3, "type": value}, {"v": 3, "type": "ToolStarted", "call": value}):
        try:
            read = decode(line)
        except MalformedLine:
            continue
        assert isinstance(read, Event)


@given(st.text() | st.text('{}[]":,v1type\\u'))
def test_any_text_is_read_or_refused(text):
    """No text at all makes the reader fail in another way."""
    try:
        read = loads(text)
    except MalformedLine:
        return
    assert isinstance(read, Event)


@pytest.mark.parametrize("said", [None, "Hi", {"type": "TextDelta"}, Usage, CALL, Event()])
def test_only_words_are_encoded(said):
    """What is neither event nor message is refused before anything is written."""
    with pytest.raises(TypeError, match="An event, a Stamped or a Message can be encoded, not"):
        encode(said)


def test_a_whole_number_is_a_time():
    """Other languages write 2.0 as 2."""
    line = {"v": 3, "type": "Stamped", "run": "r", "seq": 0, "at": 2, "event": {"type": "X"}}

    assert 2.0 == decode(line).at
    assert float is type(decode(line).at)


def test_what_is_promised_is_what_is_visible():
    """`__all__` names the five functions and words of the room."""
    assert ["VERSION", "MalformedLine", "Opaque", "decode", "dumps", "encode", "loads"] == (
        wire.__all__
    )


def test_messages_keep_their_tuples():
    """A message that was read equals one that was made, and can be kept in a set."""
    message = Message("assistant", "Hi", [CALL], images=[Image("data:,")])

    assert {message} == {back(message)}
    assert {MessageCompleted(message)} == {back(MessageCompleted(message))}


@pytest.mark.parametrize("kind", [ToolCompleted, ToolFailed])
def test_the_variables_of_code_stay_in_this_process(kind):
    """They are neither written nor read."""
    event = kind("c", "text", session=object())
    line = encode(event)

    assert "session" not in line
    assert None is decode({**line, "session": 5}).session
