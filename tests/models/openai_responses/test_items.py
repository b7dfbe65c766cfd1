"""Items: a reply is the same message, whichever events hold it and however they name its items."""

import json
from contextlib import suppress
from itertools import chain, count

from attrs import evolve, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from rxagent.draft import Draft, grow
from rxagent.errors import MalformedReply
from rxagent.events import Finish
from rxagent.testing.far_ends.responses_events import event

from ...laws import examples

ADDED, DONE = "response.output_item.added", "response.output_item.done"

# Replies.

WORDS = st.text(alphabet="ab \n🎈", min_size=1, max_size=6)


def message(*parts):
    """Return a message of these texts."""
    content = [{"type": "output_text", "text": text, "annotations": []} for text in parts]
    return {"type": "message", "role": "assistant", "status": "completed", "content": content}


def thought(secret, *parts):
    """Return reasoning of these texts."""
    summary = [{"type": "summary_text", "text": text} for text in parts]
    return {"type": "reasoning", "encrypted_content": secret, "summary": summary}


def call(id, arguments):
    """Return a call."""
    fields = {"type": "function_call", "status": "completed", "name": "add"}
    return {**fields, "call_id": f"call_{id}", "arguments": arguments}


@st.composite
def replies(draw, are_alike):
    """Draw the items of a reply; their texts may be alike, or are all different."""
    items = []
    for number, kind in enumerate(draw(st.lists(st.sampled_from("mtc"), min_size=1, max_size=5))):
        mark = "" if are_alike else f"{number}:"
        texts = [mark + text for text in draw(st.lists(WORDS, min_size=1, max_size=2))]
        match kind:
            case "m":
                items.append(message(*texts))
            case "t":
                items.append(thought(f"secret {number}", *texts))
            case "c":
                items.append(call(number, json.dumps({"a": texts})))
    return items


# Servers.


@frozen
class Style:
    """How a server names items."""

    ids: str
    """`stable`, `fresh` with each event, or `none`."""

    indexes: str
    """`right`, `zero` or `none`; `some` are missing."""

    parts: bool
    """Whether the parts of an item are numbered."""


CERTAIN = [
    Style(ids, indexes, True)
    for ids, indexes in [
        ("stable", "right"),
        ("stable", "none"),
        ("stable", "zero"),
        ("stable", "some"),
        ("fresh", "right"),
        ("none", "right"),
    ]
]
"""Styles that tell items apart, even if their texts are alike."""

ANY = [
    Style(ids, indexes, parts)
    for ids in ("stable", "fresh", "none")
    for indexes in ("right", "none", "some")
    for parts in (True, False)
]


@frozen
class Way:
    """How a server sends an item.

    Attributes:
        begins: Whether an event says that it begins.
        cut: How many characters of the last text are missing in its pieces.
        texts: How often each text is repeated as a whole.
        parts: How often each part is repeated as a whole.
        wholes: How often the item is repeated as a whole.
    """

    begins: bool = True
    cut: int = 0
    texts: int = 1
    parts: int = 0
    wholes: int = 1
    size: int = field(default=2)


WAYS = st.builds(
    Way,
    begins=st.booleans(),
    cut=st.sampled_from([0, 0, 1, 99]),
    texts=st.integers(0, 2),
    parts=st.integers(0, 2),
    wholes=st.integers(1, 2),
    size=st.integers(1, 3),
)
"""Ways that send all of an item before the end of the reply."""

_TEXTS = {
    "message": ("output_text", "content_index", "text", "content_part"),
    "reasoning": ("reasoning_summary_text", "summary_index", "text", "reasoning_summary_part"),
    "function_call": ("function_call_arguments", "none", "arguments", "none"),
}


class Server:
    """Sends items in the style of a server."""

    def __init__(self, style, draw):
        self._style = style
        self._draw = draw
        self._fresh = count()

    def id(self, number):
        """Return an id for an item."""
        match self._style.ids:
            case "stable":
                return {"id": f"id_{number}"}
            case "fresh":
                return {"id": f"fresh_{next(self._fresh)}"}
        return {}

    def place(self, number, of_item=None):
        """Return the fields that name an item."""
        named = (
            {}
            if of_item
            else {name.replace("id", "item_id"): id for name, id in self.id(number).items()}
        )
        match self._style.indexes:
            case "right":
                return {**named, "output_index": number}
            case "zero":
                return {**named, "output_index": 0}
            case "some" if self._draw(st.booleans()):
                return {**named, "output_index": number}
        return named

    def item(self, kind, number, item):
        """Return an event that holds an item."""
        return event(kind, item={**self.id(number), **item}, **self.place(number, item))

    def send(self, number, item, way):
        """Yield the events of an item."""
        name, numbered, under, part_name = _TEXTS[item["type"]]
        empty = {"message": {"content": []}, "reasoning": {"summary": []}}
        begun = {**item, **empty.get(item["type"], {"arguments": ""}), "status": "in_progress"}
        if way.begins:
            yield self.item(ADDED, number, begun)
        parts = item.get("content") or item.get("summary") or [{"text": item.get("arguments")}]
        for at, part in enumerate(parts):
            part_at = {numbered: at} if self._style.parts else {}
            text = part["text"]
            sent = text[: max(0, len(text) - way.cut)] if at == len(parts) - 1 else text
            for start in range(0, len(sent), way.size):
                piece = sent[start : start + way.size]
                yield event(f"response.{name}.delta", delta=piece, **self.place(number), **part_at)
            for _ in range(way.texts):
                yield event(
                    f"response.{name}.done", **{under: text}, **self.place(number), **part_at
                )
            for _ in range(way.parts if part_name != "none" else 0):
                yield event(
                    f"response.{part_name}.done", part=part, **self.place(number), **part_at
                )
        for _ in range(way.wholes):
            yield self.item(DONE, number, item)

    def end(self, items):
        """Return the last event."""
        output = [{**self.id(number), **item} for number, item in enumerate(items)]
        return event("response.completed", response={"status": "completed", "output": output})


def read_message(read, events, origin=None):
    """Return the message of a reply, and check that it ends once."""
    draft = Draft()
    deltas = read(b"".join(events), origin=origin)
    for delta in deltas:
        draft = grow(draft, delta)
    assert 1 == sum(isinstance(delta, Finish) for delta in deltas)
    return draft.message


def check(message, items):
    """Check that a message holds these items, and each of them once."""
    pairs = zip(items, [None, *items], strict=False)
    items = [item for item, before in pairs if item["type"] != "message" or item != before]
    said = [part["text"] for item in items for part in item.get("content", ())]
    thought = [part["text"] for item in items for part in item.get("summary", ())]
    called = [item for item in items if item["type"] == "function_call"]

    assert "".join(said) == message.text
    assert "".join(thought).replace("\n\n", "") == message.reasoning.replace("\n\n", "")
    assert [(item["call_id"], item["name"], item["arguments"]) for item in called] == [
        (call.id, call.name, call.arguments) for call in message.tool_calls
    ]


def check_kept(message, items):
    """Check that each item with encrypted reasoning is kept, once."""
    secrets = [item["encrypted_content"] for item in items if item["type"] == "reasoning"]
    kept = [part.data["block"].get("encrypted_content") for part in message.extra]

    assert secrets == [secret for secret in kept if secret is not None]


# Laws.

TWICE = st.integers(1, 2)

MANY = examples(100)
"""There are many styles of servers."""


@MANY
@given(st.sampled_from(CERTAIN), st.data())
def test_items_that_are_alike(read, style, data):
    """Where ids or indexes are right, nothing is lost and nothing is doubled."""
    items = data.draw(replies(are_alike=True))
    server = Server(style, data.draw)
    events = [
        event for at, item in enumerate(items) for event in server.send(at, item, data.draw(WAYS))
    ]
    has_output = data.draw(st.booleans())
    message = read_message(read, [*events, server.end(items if has_output else [])], "here")

    check(message, items)
    check_kept(message, items)


@MANY
@given(st.sampled_from(ANY), st.data())
def test_items_that_differ(read, style, data):
    """Where ids change and indexes are missing, the contents tell items apart."""
    items = data.draw(replies(are_alike=False))
    server = Server(style, data.draw)
    events = [
        event for at, item in enumerate(items) for event in server.send(at, item, data.draw(WAYS))
    ]
    has_output = data.draw(st.booleans())

    check(read_message(read, [*events, server.end(items if has_output else [])], "here"), items)


@MANY
@given(st.sampled_from(ANY), st.data())
def test_what_only_the_end_has(read, style, data):
    """The last event adds what was not sent before: items, and the end of one."""
    items = data.draw(replies(are_alike=False))
    server = Server(style, data.draw)
    sent = data.draw(st.integers(0, len(items)))
    events = [
        event
        for at, item in enumerate(items[:sent])
        for event in server.send(at, item, data.draw(WAYS))
    ]
    if sent < len(items):
        way = Way(data.draw(st.booleans()), data.draw(st.integers(0, 9)), texts=0, wholes=0)
        if items[sent]["type"] != "function_call":
            events += server.send(sent, items[sent], way)

    check(read_message(read, [*events, server.end(items)], "here"), items)


@MANY
@given(st.sampled_from(CERTAIN), st.data())
def test_calls_side_by_side(read, style, data):
    """Calls whose events are mixed are put together, each for itself."""
    items = [
        call(at, json.dumps({"a": data.draw(WORDS)})) for at in range(data.draw(st.integers(2, 3)))
    ]
    server = Server(style, data.draw)
    ways = [data.draw(WAYS) for _ in items]
    if style.indexes != "right":
        ways = [evolve(way, begins=True) for way in ways]
    queues = [list(server.send(at, item, ways[at])) for at, item in enumerate(items)]
    events = []
    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        events.append(queue.pop(0))
    message = read_message(read, [*events, server.end(items)], "here")

    expected = {item["call_id"]: item["arguments"] for item in items}
    assert expected == {call.id: call.arguments for call in message.tool_calls}
    assert len(items) == len(message.tool_calls)
    assert {"add"} == {call.name for call in message.tool_calls}


@MANY
@given(st.sampled_from(["all", "one", "right behind"]), st.data())
def test_items_that_are_sent_again(read, what, data):
    """An item that comes again is one: under its id or another, at its index or behind it."""
    items = data.draw(replies(are_alike=False))
    server = Server(Style("stable", "right", True), data.draw)
    sent = [list(server.send(at, item, data.draw(WAYS))) for at, item in enumerate(items)]
    place = data.draw(st.integers(0, len(items) - 1))
    again = range(len(items)) if what == "all" else [place]
    index = 1 if what == "right behind" and items[place]["type"] != "reasoning" else 0
    id = data.draw(st.sampled_from([0, 100]))
    way = Way(begins=data.draw(st.booleans()) or bool(id))
    repeated = [
        one.replace(f"id_{at}".encode(), f"id_{at + id}".encode()).replace(
            f'"output_index": {at}'.encode(), f'"output_index": {at + index}'.encode()
        )
        for at in again
        for one in server.send(at, items[at], way)
    ]
    if what == "right behind":
        sent.insert(place + 1, repeated)
    else:
        sent.append(repeated)
    last = data.draw(st.sampled_from([[], items]))
    message = read_message(read, [*chain(*sent), server.end(last)], "here")

    check(message, items)
    check_kept(message, items)


@given(replies(are_alike=False), st.data())
def test_a_list_that_repeats_items(read, items, data):
    """Of the items in the last event, or in a reply that is one, each is said once."""
    ids = count()
    output = [{**item, "id": f"id_{next(ids)}"} for item in items for _ in range(data.draw(TWICE))]
    end = event("response.completed", response={"status": "completed", "output": output})

    check(read_message(read, [end], "here"), items)


def test_pieces_that_only_begin_alike(read):
    """A message that begins as the one before it, and goes on otherwise, is said as a whole."""
    server = Server(CERTAIN[0], None)
    items = [message("Hello"), message("Hello there"), message("Hell")]
    events = [one for at, item in enumerate(items) for one in server.send(at, item, Way())]

    check(read_message(read, [*events, server.end([])]), items)


@given(st.data())
def test_one_index_that_is_wrong(read, data):
    """One index that is wrong costs nothing, where the ids are right or the contents differ."""
    ids = data.draw(st.sampled_from(["stable", "fresh"]))
    items = data.draw(replies(are_alike=False))
    server = Server(Style(ids, "right", True), data.draw)
    events = [
        event for at, item in enumerate(items) for event in server.send(at, item, Way(wholes=1))
    ]
    at = data.draw(st.integers(0, len(events) - 1))
    head, _, body = events[at].partition(b"data: ")
    fields = json.loads(body)
    fields["output_index"] = data.draw(st.sampled_from([7, -1, "x", None, 1.5, [0]]))
    is_piece_of_call = "arguments" in fields["type"] or ADDED in fields["type"]
    if ids == "stable" or not is_piece_of_call:
        events[at] = head + b"data: " + json.dumps(fields).encode() + b"\n\n"

    check(read_message(read, [*events, server.end(items)], "here"), items)


_SIGNS = "call_id", "content_index", "id", "item_id", "summary_index"
_ODD = st.sampled_from(["other", "", 0, 1, 7, None, [], {}])


def signs_in(value):
    """Yield each sign of an event, as the object that has it and its name."""
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if name in _SIGNS:
            yield value, name
        elif isinstance(inner, dict | list):
            yield from signs_in(inner)


@MANY
@given(st.data())
def test_one_odd_sign(read, data):
    """One odd id or number, in any event that is not repeated, costs and doubles nothing."""
    items = data.draw(replies(are_alike=False))
    server = Server(Style("stable", "right", True), data.draw)
    drawn = [data.draw(WAYS) for _ in items]
    ways = [evolve(way, begins=True, cut=0, wholes=min(way.wholes, 1)) for way in drawn]
    events = [one for at, item in enumerate(items) for one in server.send(at, item, ways[at])]
    events.append(server.end(items))
    at = data.draw(st.integers(0, len(events) - 1))
    head, _, body = events[at].partition(b"data: ")
    fields = json.loads(body)
    holder, name = data.draw(st.sampled_from(list(signs_in(fields))))
    holder[name] = data.draw(_ODD)
    events[at] = head + b"data: " + json.dumps(fields).encode() + b"\n\n"
    parts = [item.get("content", item.get("summary", ())) for item in items]
    is_one = all(len(of_item) <= 1 for of_item in parts)
    try:
        message = read_message(read, events)
    except MalformedReply:  # among several parts, it may be that of another one
        assert name.endswith("_index")
        assert not is_one
        return

    said = [part["text"] for item in items for part in item.get("content", ())]
    called = [item for item in items if item["type"] == "function_call"]
    assert "".join(said) == message.text
    assert [(item["name"], item["arguments"]) for item in called] == [
        (call.name, call.arguments) for call in message.tool_calls
    ]


@MANY
@given(st.lists(WORDS, min_size=2, max_size=4), st.booleans(), st.data())
def test_one_odd_number_of_a_part(read, texts, has_output, data):
    """One odd number among alike parts of a message is no matter, or an error; never silent."""
    item = message(*texts)
    server = Server(Style("stable", "right", True), data.draw)
    events = [*server.send(0, item, Way(parts=1)), server.end([item] if has_output else [])]
    numbered = [at for at, one in enumerate(events) if b'"content_index"' in one]
    at = data.draw(st.sampled_from(numbered))
    head, _, body = events[at].partition(b"data: ")
    fields = {**json.loads(body), "content_index": data.draw(_ODD | st.just(10**9))}
    events[at] = head + b"data: " + json.dumps(fields).encode() + b"\n\n"
    with suppress(MalformedReply):
        assert "".join(texts) == read_message(read, events).text


@MANY
@given(st.data())
def test_calls_whose_ids_change(read, data):
    """The id of a call may change with each event, where its item has the same index, or id.

    In the last event the place may be another one, too.
    """
    items = [
        call(at, json.dumps({"a": data.draw(st.integers(0, 1))}))
        for at in range(data.draw(st.integers(1, 3)))
    ]
    ids, indexes = data.draw(st.sampled_from([("stable", "right"), ("fresh", "right")]))
    server = Server(Style(ids, indexes, True), data.draw)
    fresh = count()

    def renewed(item):
        return {**item, "call_id": f"renewed_{next(fresh)}"}

    events = []
    for at, item in enumerate(items):
        _, *pieces, _ = server.send(at, item, Way())
        events += [server.item(ADDED, at, renewed({**item, "arguments": ""})), *pieces]
        events += [server.item(DONE, at, renewed(item))] * data.draw(st.integers(0, 2))
    moved = [{"type": "reasoning", "summary": []}] * data.draw(st.integers(0, 1))
    output = [{**each, "id": f"last_{next(fresh)}"} for each in [*moved, *map(renewed, items)]]
    events.append(event("response.completed", response={"status": "completed", "output": output}))
    message = read_message(read, events)

    assert [item["arguments"] for item in items] == [c.arguments for c in message.tool_calls]
