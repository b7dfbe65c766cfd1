"""A recording holds what was asked and answered, and plays as the model did."""

import copy
import json
import os
import pickle
import tempfile
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest
import reactivex as rx
from hypothesis import example, given
from hypothesis import strategies as st

from rxagent import Agent, Message, ToolCall
from rxagent import operators as ops
from rxagent.errors import (
    ModelError,
    ModelUnavailable,
    NotRecorded,
    RateLimited,
    ToolError,
)
from rxagent.events import (
    Finish,
    ReasoningDelta,
    RefusalDelta,
    StepRetried,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from rxagent.messages import Image, ProviderData, Request, ToolSpec
from rxagent.models import OpenAIModel, as_model
from rxagent.testing import ScriptedModel, ScriptedServer, VirtualScheduler
from rxagent.testing.marbles import model_of, request
from rxagent.testing.marbles.diagram import Note
from rxagent.testing.marbles.performance import ColdRow
from rxagent.testing.marbles.rows import Kind
from rxagent.wire import MalformedLine

from ..laws import examples

KEPT = (ProviderData("here", {"signature": "abc"}),)
DELTAS = [
    TextDelta("one"),
    TextDelta("\u2028 \r\n Ä"),
    ReasoningDelta("hm", KEPT),
    RefusalDelta("no"),
    ToolCallDelta(0, "call_1", "add", '{"a": 1}', KEPT),
    Usage(10, 2, 1, 1, 3, "big"),
    Finish("stop"),
    StepRetried(2, "ModelError: no"),
]
ERRORS = [
    None,
    RateLimited("slow down", provider="openai", model="x", status=429, retry_after=1.5),
    ModelUnavailable("gone"),
    ToolError("no", tool="add"),
    ValueError("what"),
    KeyError("name"),
]
answers = st.tuples(
    st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(DELTAS)), max_size=8),
    st.integers(0, 100),
    st.sampled_from(ERRORS),
)


def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


@contextmanager
def file():
    """Yield the path of a file that is not there yet."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "new" / "recording.jsonl"


def row(scheduler, answer):
    """Return an answer as a stream in virtual time; times are in milliseconds."""
    deltas, wait, error = answer
    at, notes = 0, []
    for gap, delta in deltas:
        at += gap
        notes.append(Note(at / 1000, Kind.NEXT, delta))
    end = Kind.COMPLETED if error is None else Kind.ERROR
    return ColdRow(scheduler, (*notes, Note((at + wait) / 1000, end, error)))


def received(scheduler, stream):
    """Return all that a stream emits, with the time and the end."""
    began, notes = scheduler.clock, []

    def write(*note):
        notes.append((round(scheduler.clock - began, 6), *note))

    stream.subscribe(
        write,
        lambda error: write(type(error), str(error), vars(error)),
        lambda: write("end"),
        scheduler=scheduler,
    )
    scheduler.run()
    return notes


def received_by_a_run(*streams):
    """Return all that streams emit, one after the other, in a run of their own."""
    with VirtualScheduler() as scheduler:
        return [received(scheduler, stream) for stream in streams]


def lines_of(path):
    """Return the lines of a recording."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@examples(30)
@given(st.lists(answers, min_size=1, max_size=3))
def test_a_recording_plays_what_was_answered_when_it_was(given_answers):
    """Recorded or not, a model says the same; with speed=1 its recording does at the same times."""
    with file() as path, VirtualScheduler() as scheduler:
        rows = [row(scheduler, answer) for answer in given_answers]
        plain, recording = model_of(*rows), ops.record(path)(model_of(*rows))
        expected = [received(scheduler, plain(request)) for _ in rows]
        assert expected == [received(scheduler, recording(request)) for _ in rows]

        played, at_once = ops.recorded(path, speed=1), ops.recorded(path)
        assert expected == received_by_a_run(*(played(request) for _ in rows))
        assert [[(0.0, *note[1:]) for note in notes] for notes in expected] == received_by_a_run(
            *(at_once(request) for _ in rows)
        )


@examples(20)
@given(st.lists(answers, min_size=2, max_size=4), st.sampled_from([None, 1]))
def test_recordings_that_play_at_once_all_end(given_answers, speed):
    """However many begin in one action of a run, each plays what it plays alone."""
    with file() as path, VirtualScheduler() as scheduler:
        for number, answer in enumerate(given_answers):
            received(scheduler, ops.record(path)(model_of(row(scheduler, answer)))(f"{number}"))
        played = ops.recorded(path, speed)
        alone = received_by_a_run(*(played(f"{number}") for number in range(len(given_answers))))
        together = [[] for _ in given_answers]
        began = scheduler.clock

        def note(notes, *what):
            notes.append((round(scheduler.clock - began, 6), *what))

        def begin(*_):
            for number, notes in enumerate(together):
                write = partial(note, notes)
                played(f"{number}").subscribe(
                    write,
                    lambda error, write=write: write(type(error), str(error), vars(error)),
                    lambda write=write: write("end"),
                    scheduler=scheduler,
                )

        scheduler.schedule(begin)
        scheduler.run()

        assert alone == together


@examples(40)
@given(answers, st.data())
def test_leaving_at_any_moment_is_recorded(answer, data):
    """What was said until the request was closed is kept, and the model was closed."""
    with file() as path, VirtualScheduler() as scheduler:
        source = row(scheduler, answer)
        moment = data.draw(st.integers(0, 100)) / 100 * source._notes[-1].at
        said = []
        subscription = ops.record(path)(model_of(source))(request).subscribe(
            said.append, lambda _: None, scheduler=scheduler
        )
        scheduler.advance_to(moment)
        subscription.dispose()
        scheduler.run()

        assert all(one.disposed is not None for one in source.subscriptions)
        events = [line["event"] for line in lines_of(path) if "event" in line]
        assert len(said) == len(events)
        assert lines_of(path)[-1]["end"] in ("completed", "failed", "closed")
        if lines_of(path)[-1]["end"] == "closed":
            *played, last = received(scheduler, ops.recorded(path)(request))
            assert said == [note[1] for note in played]
            assert ModelUnavailable is last[1]


def test_a_closed_answer_lets_others_go_on():
    """The recording of a hedge answers as the hedge did, whatever its loser would have said."""
    with file() as path, VirtualScheduler() as scheduler:
        slow = row(scheduler, ([(5000, TextDelta("slow"))], 0, None))
        quick = row(scheduler, ([(100, TextDelta("quick"))], 0, None))
        one, other = path.with_name("slow.jsonl"), path.with_name("quick.jsonl")
        hedged = ops.hedge(
            ops.record(one)(model_of(slow)), ops.record(other)(model_of(quick)), after=1
        )
        expected = [note[1:] for note in received(scheduler, hedged(request))]
        again = ops.hedge(ops.recorded(one), ops.recorded(other), after=1)

        assert [(TextDelta("quick"),), ("end",)] == expected
        assert expected == [note[1:] for note in received(scheduler, again(request))]


def same_file(path, link):
    """Yield two names of a file, of which the second is another one if there are links."""
    if link:
        path.parent.mkdir()
        (path.parent / "link").symlink_to(path.parent, target_is_directory=True)
        return path, path.parent / "link" / path.name
    return path, path


@pytest.mark.parametrize("speed", [None, 1])
@pytest.mark.parametrize("link", [False, True], ids=["one name", "two names"])
def test_a_hedge_on_one_file_plays_as_it_was(link, speed):
    """Each model has an operator of its own; the loser, who is first in the file, does not win."""
    with file() as path, VirtualScheduler() as scheduler:
        one, other = same_file(path, link)
        first = model_of(row(scheduler, ([(3000, TextDelta("first"))], 0, None)))
        late = model_of(row(scheduler, ([(9000, TextDelta("late"))], 0, None)))
        hedged = ops.hedge(ops.record(one)(first), ops.record(other)(late), after=1)
        expected = [note[1:] for note in received(scheduler, hedged(request))]
        again = ops.hedge(ops.recorded(one, speed=speed), ops.recorded(other, speed=speed), after=1)

        assert [(TextDelta("first"),), ("end",)] == expected
        assert 1 == len({line["run"] for line in lines_of(path) if "run" in line})
        for _ in range(2):
            (played,) = received_by_a_run(again(request))
            assert expected == [note[1:] for note in played]


def test_a_fallback_on_one_file_plays_as_it_was_within_inner_agents():
    """An inner agent is called twice with the same task; its first model fails the first time."""

    def build(main, first, second):
        inner = Agent(ops.fallback(first, second), name="inner", description="Answers.")
        return Agent(main, [inner])

    asks = [
        Message("assistant", tool_calls=[ToolCall(f"c{turn}", "inner", '{"task": "t"}')])
        for turn in (1, 2)
    ]
    first = iter([rx.throw(ModelUnavailable("gone")), rx.of(TextDelta("two"))])
    models = (
        ScriptedModel([*asks, "end"]),
        lambda request: rx.defer(lambda _: next(first)),
        lambda request: rx.of(TextDelta("one")),
    )
    with file() as path:
        live = build(*(ops.record(path)(model) for model in models)).start("x")
        live.result()
        played = build(*(ops.recorded(path) for _ in models)).start("x")
        played.result()

        assert ["one", "two"] == [
            message.text for message in live.state.messages() if message.role == "tool"
        ]
        assert live.state == played.state


def test_models_that_have_read_a_file_at_different_times_keep_what_they_read():
    """One run asks each of them once: what was recorded in between does not answer for both."""
    with file() as path:
        models = []
        for answer in ("old", "new"):
            ops.record(path)(ScriptedModel([answer]))("hi").run()
            models.append(ops.recorded(path))
        both = received_by_a_run(*(model("hi") for model in models))

        assert [TextDelta("old"), TextDelta("new")] == [notes[0][1] for notes in both]


def test_the_attempts_of_a_retry_are_played_in_their_order():
    """A run that asks the same again gets what followed; the next run begins at the start."""
    failed, said = rx.throw(ModelUnavailable("gone")), rx.of(TextDelta("yes"))
    attempts = iter([failed, said])
    with file() as path:
        ops.record(path)(lambda _: rx.defer(lambda _: next(attempts)))("hi").pipe(
            ops.retry(2, delay=0)
        ).run()
        player = ops.recorded(path)
        for _ in range(2):
            assert TextDelta("yes") == player("hi").pipe(ops.retry(2, delay=0)).run()
        with pytest.raises(ModelUnavailable):
            player("hi").run()


def test_a_request_that_is_asked_too_often_is_an_error():
    """One more than recorded is answered with where it is in the file."""
    with file() as path:
        ops.record(path)(ScriptedModel(["yes"]))("hi").run()
        once = ops.recorded(path)("hi")

        with VirtualScheduler() as scheduler:
            *_, (_, kind, text, _) = received(scheduler, rx.concat(once, once))

    assert NotRecorded is kind
    assert "has this request 1 time for a run (the first is in line 1)" in text


def test_the_latest_run_is_played():
    """Recording again into the same file replaces what it answers."""
    with file() as path:
        for answer in ("old", "new"):
            Agent(ops.record(path)(ScriptedModel([answer]))).run("hi")

        assert "new" == Agent(ops.recorded(path)).run("hi")


def test_a_run_with_tools_plays_without_its_model():
    """An agent's turns are found by their requests, so one file holds a whole conversation."""
    call = ToolCall("call_1", "add", '{"a": 2, "b": 3}')
    script = ScriptedModel([Message("assistant", tool_calls=[call]), "It is 5."])
    with file() as path:
        recorded_run = Agent(ops.record(path)(script), tools=[add]).start("What is 2 + 3?")
        assert "It is 5." == recorded_run.result()
        played = Agent(ops.recorded(path), tools=[add]).start("What is 2 + 3?")

        assert "It is 5." == played.result()
        assert recorded_run.state == played.state


@pytest.mark.parametrize("at_once", [False, True], ids=["in turn", "at once"])
def test_inner_agents_are_of_the_same_run(at_once):
    """What inner agents ask alike is played in its order, as one run has asked it."""
    with file() as path:
        calls = [ToolCall(f"call_{n}", "dice", '{"task": "Roll."}') for n in range(3)]
        turns = [calls] if at_once else [[call] for call in calls]
        script = [*(Message("assistant", tool_calls=turn) for turn in turns), "Done."]
        number = count(1)
        rolling = as_model(lambda _: f"a {next(number)}")

        def game(outer, inner):
            return Agent(outer, [Agent(inner, name="dice", description="Rolls.")])

        recorder = ops.record(path)
        as_it_was = game(recorder(ScriptedModel(script)), recorder(rolling)).start("Play.")
        assert "Done." == as_it_was.result(60)
        player = ops.recorded(path)
        played = game(player, player).start("Play.")

        assert "Done." == played.result(60)
        assert as_it_was.state.messages() == played.state.messages()
        assert 1 == len({line["run"] for line in lines_of(path) if "request" in line})


REQUEST = Request(
    [Message("system", "Be kind."), Message("user", "hi", images=[Image("https://x.example/a")])],
    tools=[ToolSpec("add", "Add.", {"type": "object"})],
    stop=["END"],
    output={"type": "string"},
    options={"seed": 1, "nested": {"a": [1, 2.5, None, True]}},
)


@pytest.mark.parametrize(
    ("asked", "difference"),
    [
        (REQUEST.evolve(messages=[Message("user", "hi")]), "only recorded"),
        (REQUEST.evolve(messages=[*REQUEST.messages, Message("user", "x")]), "only asked, {'role'"),
        (REQUEST.evolve(tools=()), r"tools: only recorded, \[{'name': 'add'"),
        (
            REQUEST.evolve(tools=[ToolSpec("add", "Sum.", {"type": "object"})]),
            r"tools\[0\].description: recorded 'Add.', asked 'Sum.'",
        ),
        (REQUEST.evolve(stop="STOP"), r"stop\[0\]: recorded 'END', asked 'STOP'"),
        (REQUEST.evolve(output=None), "output: only recorded"),
        (REQUEST.evolve(options={**REQUEST.options, "seed": 2}), "seed: recorded 1, asked 2"),
        (REQUEST.evolve(options={**REQUEST.options, "seed": 1.0}), "seed: recorded 1, asked 1.0"),
        (REQUEST.evolve(options={**REQUEST.options, "top": 1}), "options.top: only asked, 1"),
        (
            REQUEST.evolve(options={"seed": 1, "nested": {"a": [1, 2.5, None, False]}}),
            r"options.nested.a\[3\]: recorded True, asked False",
        ),
        (
            REQUEST.evolve(messages=[Message("system", "Be " + "very " * 50 + "kind."), "?"][:1]),
            r"messages\[0\].text: recorded 'Be kind.', asked 'Be very .*…",
        ),
    ],
)
def test_a_request_that_differs_says_how(asked, difference):
    """Any part of a request counts, and the error names it with both values."""
    with file() as path:
        model = ops.record(path)(ScriptedModel(["yes", "yes"]))
        model(REQUEST).run()
        assert Finish("stop") == ops.recorded(path)(REQUEST).run()

        with pytest.raises(NotRecorded, match=difference) as refused:
            ops.recorded(path)(asked).run()

    assert "in line 1, it differs in:" in str(refused.value)
    assert f"`ops.record({str(path)!r})(model)`" in str(refused.value)


def test_no_operator_goes_on_without_the_recording():
    """Neither a retry nor a fallback hides that a request was not recorded."""
    with file() as path:
        ops.record(path)(ScriptedModel(["yes"]))("hi").run()
        careful = ops.fallback(
            lambda asked: ops.recorded(path)(asked).pipe(ops.retry(3)), ScriptedModel(["other"])
        )

        with pytest.raises(NotRecorded):
            careful("ho").run()


FORMS = [
    "sk-proj-abcdefghijklmnop",
    "sk-ant-api03-abcdefghijklmnop",
    "hf_AbCdefGhijKLmnopQrstUvwxyzABcdEfGh",
    "ghp_abcdefghijklmnopqrst",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA1234567890abcdefghijklmn",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def",
]


@pytest.mark.parametrize("form", FORMS)
def test_what_has_the_form_of_a_key_is_not_written(form):
    """Wherever a key stands, in the request, an answer or an error, the file has none."""
    call = ToolCall("call_1", "add", json.dumps({"a": form}))
    asked = Request(
        [
            Message("user", f"My key is {form}."),
            Message("assistant", tool_calls=[call]),
            Message("tool", form, tool_call_id="call_1"),
        ],
        options={"extra": [form], "extra_headers": {"X-Some": f"Bearer {form}"}},
    )
    says = rx.concat(rx.of(TextDelta(f"So {form}")), rx.throw(ModelError(f"Wrong key: {form}")))
    with file() as path:
        with pytest.raises(ModelError):
            ops.record(path)(lambda _: says)(asked).run()
        text = path.read_text()

        assert form not in text
        assert text.count("[secret]") == 7
        with pytest.raises(ModelError, match=r"Wrong key: \[secret\]"):
            ops.recorded(path)(asked).run()


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("api_key", True),
        ("apikey", True),
        ("Authorization", True),
        ("x-api-key", True),
        ("Cookie", True),
        ("password", True),
        ("aws_secret_access_key", True),
        ("access_token", True),
        ("max_tokens", False),
        ("monkey", False),
        ("author", False),
        ("tokenizer", False),
    ],
)
def test_what_has_the_name_of_a_key_is_not_written(name, is_secret):
    """The names of options and headers tell which texts are secret; a number is none."""
    with file() as path:
        model = ops.record(path)(ScriptedModel(["yes"]))
        model(Request("hi", options={name: "plain words", "max_tokens": 5})).run()
        options = lines_of(path)[0]["request"]["options"]

        assert {name: "[secret]" if is_secret else "plain words", "max_tokens": 5} == options
        other = "other words" if is_secret else "plain words"
        asked = Request("hi", options={name: other, "max_tokens": 5})
        assert Finish("stop") == ops.recorded(path)(asked).run()


def test_the_key_of_a_model_and_of_the_environment_are_not_written(monkeypatch):
    """Whatever its form, the key with which a model was made is in no line."""
    monkeypatch.setenv("SOME_API_KEY", "words of the environment")

    def telling(body):
        return [{"error": {"message": "The key `plain words here` is wrong.", "code": 401}}]

    with file() as path, ScriptedServer() as server:
        server.scenario("telling", telling)
        model = OpenAIModel("telling", api_base=server.url, api_key="plain words here")
        around = ops.fallback(model, model)
        with pytest.raises(ModelError, match="plain words here"):
            ops.record(path)(around)("These are words of the environment.").run()

        assert "plain words here" not in path.read_text()
        assert "words of the environment" not in path.read_text()
        assert "Authorization" not in path.read_text()


def test_runs_at_the_same_time_are_kept_apart():
    """The lines of an answer follow one another, whichever ended first."""
    with file() as path, VirtualScheduler() as scheduler:
        slow = row(scheduler, ([(10, TextDelta("a")), (2000, TextDelta("b"))], 0, None))
        quick = row(scheduler, ([(20, TextDelta("c")), (20, TextDelta("d"))], 0, None))
        model = ops.record(path)(model_of(slow, quick))
        rx.merge(model("one"), model("two")).subscribe(scheduler=scheduler)
        scheduler.run()

        texts = [line.get("event", {}).get("text") for line in lines_of(path)]
        assert [None, "c", "d", None, None, "a", "b", None] == texts
        played = ops.recorded(path, speed=2)
        notes = received(scheduler, rx.merge(played("one"), played("two")))
        assert [0.005, 0.01, 0.02, 1.005, 1.005] == [note[0] for note in notes]


def test_a_run_that_is_held_holds_its_recording():
    """Nothing is played while the run is held, and the rhythm goes on afterwards."""
    with file() as path:
        with VirtualScheduler() as scheduler:
            steady = [(1000, TextDelta("a"))] * 3
            received(scheduler, ops.record(path)(model_of(row(scheduler, (steady, 0, None))))("hi"))
        for speed in (1, None):
            with VirtualScheduler() as scheduler:
                notes = []
                ops.recorded(path, speed)("hi").subscribe(
                    lambda _, scheduler=scheduler, notes=notes: notes.append(scheduler.clock),
                    scheduler=scheduler,
                )
                hold = scheduler.hold()
                scheduler.advance_to(10)
                hold.dispose()
                scheduler.run()

                assert ([11, 12, 13] if speed else [10, 10, 10]) == [round(at) for at in notes]


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("{", r":1: This line is not JSON"),
        ("[]", r":1: This line is no object"),
        ('{"after":1,"end":"completed"}', r":1: This line belongs to no request"),
        ('{"v":4,"request":{}}', r":1: This request lacks one of"),
        ('{"v":99,"run":"a","at":1,"request":{}}', ":1: The version of this request is 99"),
        ('{"v":4,"run":"a","at":1,"path":[1],"request":{}}', ":1: The path of this request is no"),
        ('{"v":4,"run":"a","at":1,"request":{}}', ":1: The answer to this request has no end"),
        ('{"v":4,"run":"a","at":1,"request":{}}\n{"x":1}', ":2: This line has no event and no end"),
        (
            '{"v":4,"run":"a","at":1,"request":{}}\n{"after":1,"event":{"type":"TextDelta"}}',
            ":2: TextDelta cannot be read: `text` is missing",
        ),
    ],
)
def test_a_file_that_is_no_recording_is_refused(text, flaw):
    """The error has the file and the line, and says what to do."""
    with file() as path:
        path.parent.mkdir()
        path.write_text(text)
        with pytest.raises(MalformedLine, match=rf"{flaw}.* Record it again with ops\.record\."):
            ops.recorded(path)


def test_no_file_is_an_error_that_says_how_to_make_it():
    """Before anything runs, the missing recording is named."""
    with pytest.raises(FileNotFoundError, match=r"no recording 'none.jsonl'. Make"):
        ops.recorded("none.jsonl")


def test_an_empty_file_has_no_request():
    """There is nothing to differ from."""
    with file() as path:
        path.parent.mkdir()
        path.touch()
        with pytest.raises(NotRecorded, match="holds no request"):
            ops.recorded(path)("hi").run()


def test_a_file_that_cannot_be_written_fails_before_the_model_is_asked():
    """No answer is paid for that cannot be kept."""
    with file() as path:
        path.mkdir(parents=True)
        with pytest.raises(IsADirectoryError if os.name == "posix" else OSError):
            ops.record(path)(lambda _: pytest.fail("The model was asked."))("hi").run()


def test_a_recording_is_made_of_files_alone():
    """Recorders and recordings are printed, copied and pickled as other models are."""
    with file() as path:
        recorder = ScriptedModel(["yes"]).pipe(ops.record(str(path)))
        recorder("hi").run()
        player = ops.recorded(path, speed=1000)

        assert repr(recorder) == f"{ScriptedModel(['yes'])!r}.pipe(record({str(path)!r}))"
        assert repr(player) == f"recorded({str(path)!r}, speed=1000)"
        for model in (recorder, player):
            assert model is copy.copy(model) is copy.deepcopy(model)
            assert Finish("stop") == pickle.loads(pickle.dumps(model))("hi").run()


def test_a_recording_stands_where_its_recorder_stood():
    """Given a model in place of a request, it takes that model's place."""
    with file() as path:
        ops.record(path)(ScriptedModel(["yes"]))("hi").run()
        player = ops.recorded(path)

        assert player is player(ScriptedModel(["no"]))
        piped = ScriptedModel(["no"]).pipe(player, ops.timeout(idle=9), ops.record(path))
        with VirtualScheduler() as scheduler:
            assert "end" == received(scheduler, piped("hi"))[-1][1]


@examples(30)
@example(["line\r", "\x1b", "\U0001f600"])
@given(st.lists(st.text(max_size=20), max_size=5))
def test_any_text_is_played_as_it_was(texts):
    """No character breaks a line, and none is lost; the file is ASCII."""
    deltas = [TextDelta(text) for text in texts]
    with file() as path, VirtualScheduler() as scheduler:
        asked = "".join(texts)
        received(scheduler, ops.record(path)(lambda _: rx.from_iterable(deltas))(asked))
        *said, _ = received(scheduler, ops.recorded(path)(asked))

        assert path.read_bytes().isascii()
        assert texts == [note[1].text for note in said]
