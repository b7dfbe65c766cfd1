"""No key and no password is written to a recording, and ordinary words are no keys."""

import json
import random
import string

import pytest
import reactivex as rx
from hypothesis import example, given
from hypothesis import strategies as st

from rxagent import Agent, Message, ToolCall
from rxagent import operators as ops
from rxagent.errors import NotRecorded
from rxagent.events import Finish, ReasoningDelta, StepRetried, TextDelta, ToolCallDelta
from rxagent.messages import Request
from rxagent.operators._secrets import SECRET, Secrets
from rxagent.testing import ScriptedModel

from ..laws import examples

SIGNS = string.ascii_letters + string.digits
HEX = string.digits + "abcdef"
SERVICES = [
    *(("sk-proj-", SIGNS + "-_", 156), ("sk-ant-api03-", SIGNS + "-_", 95), ("sk-", SIGNS, 48)),
    *(("sk-", HEX, 32), ("sk-or-v1-", HEX, 64), ("gsk_", SIGNS, 52), ("xai-", SIGNS, 80)),
    *(("hf_", string.ascii_letters, 34), ("ghp_", SIGNS, 36), ("github_pat_", SIGNS + "_", 82)),
    *(("AKIA", string.ascii_uppercase + string.digits, 16), ("AIza", SIGNS + "-_", 35)),
    *(("pplx-", SIGNS, 48), ("tvly-dev-", SIGNS, 32), ("r8_", SIGNS, 37), ("nvapi-", SIGNS, 64)),
    *(("sk_live_", SIGNS, 24), ("xoxb-123456789012-", SIGNS, 24), ("key-", HEX, 32)),
]
KEYS = [
    start + "".join(random.Random(seed).choices(signs, k=length))
    for seed in range(10)
    for start, signs, length in SERVICES
]
WORDS = ["value", "Learn", "contrib", "v2", "internationalization", "s3", "utf8", "2024", "a"]


def divided(data, text):
    """Return a text in pieces, some of which may be empty."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def within(levels, value, in_ascii):
    """Return a value as JSON, which is a text in JSON, and so on."""
    for _ in range(levels):
        value = json.dumps(value, ensure_ascii=in_ascii)
    return value


def outside(levels, text):
    """Return the value that is within so many levels of JSON."""
    for _ in range(levels):
        text = json.loads(text)
    return text


def hidden(secrets, data, text):
    """Return a text without secrets; how it is divided makes no difference, nor doing it again."""
    whole = secrets.hidden(text)
    pieces = divided(data, text)
    assert whole == "".join(secrets.hidden_pieces(pieces))
    assert whole == secrets.hidden(whole)
    return whole


@examples(60)
@given(st.data(), st.sampled_from(KEYS), st.integers(0, 3))
def test_a_key_is_found_in_pieces_and_in_json(data, key, levels):
    """However many texts in texts it is in, and however it was divided."""
    said = [f"Your key is\n{key}.", f'"{key}"', f"Bearer {key}"]
    text = data.draw(st.sampled_from(said))

    found = hidden(Secrets(), data, within(levels, text, in_ascii=True))

    assert text.replace(key, SECRET) == outside(levels, found)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_each_service_is_found(key):
    """By its form alone."""
    assert f"a {SECRET}, b" == Secrets().hidden(f"a {key}, b")


@given(
    st.sampled_from(["key", "sk", "pk", "hf", "xai", "gsk", "Bearer ", "Basic ", "sk-ant", "r8"]),
    st.sampled_from(["-", "_"]),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=8),
)
@example("Bearer ", "", ["authentication"])
@example("https://user:8080/a@b", "", ["x"])
def test_words_are_no_keys(start, between, words):
    """A text that begins as keys do is kept if it is made of words."""
    text = between.join([start, *words])

    assert text == Secrets().hidden(text)


@examples(60)
@given(
    st.data(),
    st.text(min_size=1, max_size=12),
    st.sampled_from(["password", "api_key", "client-secret", "Authorization", "accessToken"]),
    st.integers(1, 3),
    st.booleans(),
)
def test_a_text_under_the_name_of_a_secret_is_found(data, value, name, levels, in_ascii):
    """In JSON within a text, whatever it holds; what stands beside it is kept."""
    fields = {"user": "ann", name: value, "note": 'a "key": "word"', "key": "name"}
    text = within(levels, fields, in_ascii)

    found = outside(levels, hidden(Secrets(), data, text))

    assert {**fields, name: SECRET} == found


@given(st.text(min_size=1), st.integers(1, 40))
def test_a_password_that_was_cut_off_is_found(value, at):
    """An answer may end in the middle of a call."""
    start = '{"user": "ann", "password": "'
    text = start + json.dumps(value)[1:-1][:at]

    assert start + SECRET == Secrets().hidden(text)


@examples(60)
@given(st.data(), st.text(min_size=8).map(str.strip), st.integers(0, 3), st.booleans())
def test_a_known_secret_is_found_however_it_is_escaped(data, value, levels, in_ascii):
    """The value of a variable may hold quotes, backslashes and any other character."""
    if len(value) < 8 or SECRET in value or value in f"It is {SECRET}.":
        return
    text = within(levels, f"It is {value}.", in_ascii)

    found = outside(levels, hidden(Secrets([value]), data, text))

    assert value not in found


@given(st.integers(1, 40))
def test_a_known_secret_that_was_cut_off(length):
    """A text that ends with more than half of a secret ends with a secret."""
    known = "correct horse battery staple, no form."
    text = "It is " + known[:length]

    expected = f"It is {SECRET}" if length >= len(known) // 2 else text
    assert expected == Secrets([known]).hidden(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"headers": {"Cookie": ["a=b", "c=d"]}}, {"headers": {"Cookie": [SECRET, SECRET]}}),
        ({"password": "", "token": 5}, {"password": "", "token": 5}),
        ({KEYS[0]: 1}, {SECRET: 1}),
        ({"password": {"type": "string"}}, {"password": {"type": "string"}}),
        ("postgres://me:open@host/a", f"postgres://me:{SECRET}@host/a"),
        (r'{"password": "\\", "note": "n"}', f'{{"password": "{SECRET}", "note": "n"}}'),
        ("{'api_key': 'a', 'x': 'b'}", f"{{'api_key': '{SECRET}', 'x': 'b'}}"),
    ],
)
def test_where_a_secret_may_stand(value, expected):
    """In lists, names, URLs and dicts as Python writes them; a schema and a number are kept."""
    assert expected == Secrets().hidden(value)


def test_what_stands_before_a_key_is_no_part_of_it():
    """A key is found when what it followed has been hidden."""
    assert SECRET + SECRET == Secrets(["correct horse"]).hidden(f"correct horse{KEYS[0]}")


def test_an_attempt_that_was_cut_off_hides_nothing_of_the_next(tmp_path):
    """A password without an end goes to the end of its own answer."""
    path, whole = tmp_path / "run.jsonl", '{"user": "ann"}'
    calls = [
        ToolCallDelta(0, "call_1", "login", '{"password": "open'),
        StepRetried(2, "ModelError: cut off"),
        ToolCallDelta(0, "call_2", "login", whole),
    ]
    ops.record(path)(lambda _: rx.from_iterable(calls))("Hi").run()
    events = [json.loads(line).get("event", {}) for line in path.read_text().splitlines()]

    said = [event["arguments"] for event in events if "arguments" in event]
    assert [f'{{"password": "{SECRET}', whole] == said


def login(user: str, password: str) -> str:
    """Log in."""
    return f"{user} is in."


def test_a_run_with_secrets_plays_without_them(tmp_path, monkeypatch):
    """Keys said in pieces, in texts, thoughts and arguments, are in no line."""
    monkeypatch.setenv("SOME_API_KEY", 'quoted "words\\ of a key')
    path, secret = tmp_path / "run.jsonl", KEYS[0]
    arguments = json.dumps({"user": secret, "password": "open sesame"})
    first = [
        *(ReasoningDelta(piece) for piece in ("I say ", *secret)),
        TextDelta("Wait"),
        StepRetried(2, f"ModelError: {secret}"),
        *(TextDelta(piece) for piece in ("It is ", *secret, '. "quo', 'ted \\"words\\\\ of a key')),
        ToolCallDelta(0, "call_1", "login", ""),
        *(ToolCallDelta(0, arguments=piece) for piece in arguments),
        Finish("tool_calls"),
    ]
    turns = iter([first, [TextDelta("Done"), Finish("stop")]])
    model = ops.record(path)(lambda _: rx.from_iterable(next(turns)))

    assert "Done" == Agent(model, [login]).run(f"My key is {secret}.")
    text = path.read_text()
    events = [json.loads(line).get("event", {}) for line in text.splitlines()]
    said = "".join(event.get("text", "") + event.get("arguments", "") for event in events)

    for each in (secret, "sesame", "words", secret[20:40]):
        assert each not in text
        assert each not in said
    assert len(first) + 2 == sum(map(bool, events))
    monkeypatch.setenv("SOME_API_KEY", "another words of a key")
    assert "Done" == Agent(ops.recorded(path), [login]).run(f"My key is {secret}.")


def test_a_question_about_words_like_keys_has_its_own_answer(tmp_path):
    """Two requests whose words differ are two, though their words begin as keys do."""
    path = tmp_path / "words.jsonl"
    ops.record(path)(ScriptedModel(["It stores."]))("What is a key-value-database?").run()

    with pytest.raises(NotRecorded, match="key-performance-indicator"):
        ops.recorded(path)("What is a key-performance-indicator?").run()


def test_a_request_with_another_key_is_the_same_request(tmp_path):
    """Another machine has another key, in its texts, its calls and its options."""
    path = tmp_path / "keys.jsonl"

    def asked(key):
        call = ToolCall("call_1", "login", json.dumps({"password": key}))
        return Request(
            [Message("user", f"My key is {key}."), Message("assistant", tool_calls=[call])],
            options={"extra_headers": {"Authorization": f"Bearer {key}"}},
        )

    ops.record(path)(lambda _: rx.of(Finish("stop")))(asked(KEYS[0])).run()

    assert Finish("stop") == ops.recorded(path)(asked(KEYS[1])).run()
