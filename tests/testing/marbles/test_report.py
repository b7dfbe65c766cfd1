"""Performing diagrams: when a picture is true, and the report of a false one."""

from textwrap import dedent
from threading import Thread

import pytest
from reactivex import Observable

from rxagent.errors import MarbleSyntaxError
from rxagent.testing.marbles import parse, perform, report, scope


def report_of(text):
    """Perform a diagram, and return the report."""
    diagram = parse(dedent(text), "x.marble")
    return report(diagram, perform(diagram))


TRUE = {
    "cold": """\
        a:   --'x'--|
        > a
        out: --'x'--|
        """,
    "hot": """\
        a~   -x-y-|
        a^   --^--!
        out^ --^
        > a
        out: ---y-|
        x = Usage(1, 1)
        y = Usage(2, 2)
        """,
    "hot at the first instant": """\
        a~   x-|
        > a
        out: x-|
        x = Usage(1, 1)
        """,
    "hot and over": """\
        a~   x|
        a^   ---(^!)
        out^ ---^
        > a
        out: ---|
        x = Usage(1, 1)
        """,
    "several subscriptions": """\
        a:   -x|
        a^   ^-!
        a^     ^-!
        > rx.concat(a, a)
        out: -x-x|
        x = Usage(1, 1)
        """,
    "disposed": """\
        a:   -x-x-x
        a^   ^--!
        out^ ---!
        > a
        out: -x
        x = Usage(1, 1)
        """,
    "never subscribed": """\
        a:   -x|
        b:   -x|
        b^
        > rx.concat(a, b).pipe(rxo.take(1))
        out: -(x|)
        x = Usage(1, 1)
        """,
    "silence": """\
        a: -
        > a
        out: -
        """,
    "any text": """\
        a:   -#
        > a.pipe(ops.settle())
        out: -(f|)
        ! = ModelTimeout("It was silent.")
        f = RunFailed("ModelTimeout", "ModelTimeout: ...")
        """,
    "errors by type and attributes": """\
        a:   -#
        > a
        out: -e
        ! = RateLimited("slow down", retry_after=2.0)
        e = RateLimited("...", retry_after=2.0)
        """,
    "hundreds at one instant": """\
        > rx.range(300).pipe(rxo.flat_map(lambda n: rx.timer(0.002)), rxo.count())
        out: --(n|)
        n = 300
        """,
    "ruler": """\
        tick: 500ms
        time: 0ms    60s  2h
        a:    --x    y    |
        > a.pipe(rxo.delay(0.5))
        out:  ---x   -y   -|
        x = Usage(1, 1)
        y = Usage(2, 2)
        """,
    "two lines": """\
        a:   -x|
        > a.pipe(
            ops.usage(),
          )
        out: -x|
        x = Usage(1, 1)
        """,
}


@pytest.mark.parametrize("text", TRUE.values(), ids=TRUE.keys())
def test_a_true_picture_has_nothing_wrong(text):
    """What is drawn is what happens, subscriptions included."""
    assert "" == report_of(text)


def test_what_came_is_drawn_under_what_was_expected():
    """The report shows both rows on one scale, new letters, and the first difference in words."""
    assert [
        "x.marble:3: out is not as drawn.",
        "expected: --'Hel'--x-|",
        "actual:   --'Hel'--s-|",
        "s = StepStarted(number=2)",
        "At 9ms StepStarted(number=1) was expected, but StepStarted(number=2) came.",
    ] == report_of("""\
        a:   --'Hel'--x-|
        > a.pipe(rxo.map(lambda it: events.StepStarted(2) if it == events.StepStarted(1) else it))
        out: --'Hel'--x-|
        x = StepStarted(1)
        """).split("\n")


DIFFERENCES = {
    "late": ("--x-|", "---x-|", "was expected at 2ms, but came at 3ms."),
    "missing": ("--x-", "--", "At 2ms Usage(", "was expected, but nothing more came."),
    "too much": ("-", "--x", "Nothing more was expected, but at 2ms Usage("),
    "other": ("--x", "--'y'", "was expected, but TextDelta(text='y') came."),
    "both": ("--x", "-'y'", "At 2ms Usage(", "was expected, but at 1ms TextDelta(text='y') came."),
    "completion": ("-|", "-#", "completion was expected, but the error KeyError() came."),
    "error": ("-#", "-|", "the error KeyError() was expected, but completion came."),
    "order": ("(xx'y')", "(x'y'x)", "At 0ms Usage(", "but TextDelta(text='y') came."),
}


@pytest.mark.parametrize("case", DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_the_first_difference_is_reported_in_words(case):
    """One sentence says what was expected, what came, and when."""
    expected, actual, *words = case
    text = f"a:   {actual}\n> a\nout: {expected}\nx = Usage(1, 1)\n! = KeyError()"

    last = report_of(text).split("\n")[-1]

    assert [True] * len(words) == [word in last for word in words]


def test_times_without_a_column_get_a_ruler():
    """What comes between two columns is drawn under a label."""
    assert [
        "time:     0ms 1500us",
        "expected: -x",
        "actual:   ----x",
    ] == report_of("""\
        a:   -x
        > a.pipe(rxo.delay(0.0005))
        out: -x
        x = Usage(1, 1)
        """).split("\n")[1:4]


def test_a_row_out_of_line_is_report_of():
    """Where `out:` begins later than time does, its marbles are later than they may look."""
    assert report_of("a: -'x'\n> a\nout: -'x'").startswith(
        "x.marble:3: out is not as drawn; its row begins 2 columns after time does.\n"
    )


FALSE = {
    "drawn too early": (
        """\
        a:     -|
        > rx.timer(0.003).pipe(rxo.flat_map(lambda _: a))
        out:   ----|
        """,
        "x.marble:1: a is drawn from 0ms on, but was subscribed at 3ms.",
    ),
    "out of line": (
        "a:     -|\n> a\nout: -|",
        "x.marble:1: a is drawn from 2ms on, but was subscribed at 0ms. Are the rows out of line?",
    ),
    "drawn, but never subscribed": (
        "a: -|\n> rx.concat(rx.never(), a)\nout: -",
        "x.marble:1: a is drawn, but was never subscribed; an empty row `a^` says so.",
    ),
    "subscribed too long": (
        "a:   -x-x-|\na^   ^-!\n> a\nout: -x-x-|\nx = Usage(1, 1)",
        "x.marble:2: a is not subscribed as drawn.\nexpected 1: ^-!\nactual 1:   ^----!",
    ),
    "subscribed too often": (
        "a:   -|\na^   ^!\n> rx.concat(a, a)\nout: --|",
        "x.marble:2: a is not subscribed as drawn.\n"
        "expected 1: ^!\nactual 1:   ^!\nactual 2:    ^!",
    ),
    "subscribed too late": (
        "a:   -|\na^   ^!\na^    (^!)\n> rx.concat(a, a)\nout: --|",
        "x.marble:3: a is not subscribed as drawn.\n"
        "time:       0ms   2ms\nexpected 1: ^!\nexpected 2:  (^!)\nactual 1:   ^!\n",
    ),
    "subscribed too seldom": (
        "a:   -|\na^   ^!\na^    ^!\na^     ^!\n> rx.concat(a, a)\nout: --|",
        "x.marble:4: a is not subscribed as drawn.",
    ),
    "subscribed at all": (
        "a:   -|\na^\n> a\nout: -|",
        "x.marble:2: a is not subscribed as drawn.\nactual 1: ^!",
    ),
    "not disposed": (
        "a:   -x-x\n> leaky(a)\nout: -(x|)\nx = Usage(1, 1)",
        "x.marble:1: a is still subscribed, although all is over.",
    ),
}


@pytest.mark.parametrize(("text", "what"), FALSE.values(), ids=FALSE.keys())
def test_a_false_picture_of_subscriptions_is_report_of(text, what, monkeypatch):
    """The times of subscription and disposal are part of the picture."""
    monkeypatch.setitem(scope.KIT, "leaky", leaky)

    assert what in report_of(text)


def test_an_error_of_ones_own_code_is_reported_with_its_place():
    """An unexpected error is reported with the line of the user's own code."""
    last = report_of("a:   x|\n> a.pipe(rxo.map(lambda it: it / 2))\nout: x|\nx = Usage(1, 1)")

    assert ", raised at x.marble:2, came." in last


def leaky(source):
    """Take one item of a source without disposing it."""

    def subscribe(observer, scheduler=None):
        def on_next(item):
            observer.on_next(item)
            observer.on_completed()

        source.subscribe(on_next, scheduler=scheduler)

    return Observable(subscribe)


def test_an_unexpected_error_differs_from_a_value():
    """Where # stands for another error, the line of the letter says that it is one."""
    assert "\nactual:   a\na = ValueError('bang')  (an error)\n" in report_of(
        "> rx.throw(ValueError('bang'))\nout: #\n! = KeyError()"
    )


def careless(source):
    """Subscribe without passing on the scheduler."""
    return Observable(lambda observer, scheduler=None: source.subscribe(observer))


@pytest.mark.parametrize("out", ["-", "-----x|"])
def test_what_waits_in_real_time_is_report_of(out, monkeypatch):
    """A delay without the virtual scheduler is reported, whatever is drawn."""
    monkeypatch.setitem(scope.KIT, "careless", careless)
    text = f"a: -x|\n> a.pipe(rxo.delay(60), careless)\nout: {out}\nx = Usage(1, 1)"

    assert report_of(text).endswith(
        "x.marble:2: Something waits in real time: does an operator not pass on its scheduler?"
    )


def test_what_another_thread_emits_is_not_recorded(monkeypatch):
    """A value of another thread is not recorded, and reported as real time."""

    def elsewhere(observer, scheduler=None):
        thread = Thread(target=observer.on_next, args=[1])
        thread.start()
        thread.join()

    monkeypatch.setitem(scope.KIT, "elsewhere", Observable(elsewhere))

    assert "x.marble:1: Something waits in real time" in report_of("> elsewhere\nout: -")


BROKEN = {
    "raises": ("> 1 / 0\nout: -", 3, "The pipeline raises ZeroDivisionError: division by zero"),
    "no attribute": (
        "> rx.never().pip()\nout: -",
        3,
        "'Observable' object has no attribute 'pip'. Did you mean pipe?",
    ),
    "no stream": ("> 42\nout: -", 3, "The pipeline is a int and no Observable."),
    "a model": ("> ops.race(rx.of)\nout: -", 3, "A model is called with a request: `model(req"),
    "unknown name": (
        "> rx.of(1, wat)\nout: -",
        12,
        "Nothing is called 'wat'; import what is your own: `from package.module import wat`.",
    ),
    "a model in a chain": (
        "> model_of().pipe(ops.text())\nout: -",
        3,
        "Pipe it to the stream: `model(request).pipe(ops.text())`.",
    ),
    "a piped model": (
        "> model_of().pipe(ops.retry(2))\nout: -",
        3,
        "A model is called with a request: `model(request)`.",
    ),
    "endless in time": ("> rx.interval(1)\nout: -", 3, "The pipeline never ends; a row `out^"),
    "endless at once": ("> rx.repeat_value(1)\nout: -", 3, "The pipeline never ends"),
    "endless in silence": (
        "> rx.interval(1).pipe(rxo.ignore_elements())\nout: -",
        3,
        "Is there a stream that never ends?",
    ),
}


@pytest.mark.parametrize(("text", "column", "what"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_pipeline_is_reported_at_its_place(text, column, what):
    """A pipeline that raises, is no stream or never ends gives one error at its line."""
    with pytest.raises(MarbleSyntaxError) as raised:
        report_of(text)

    assert what in str(raised.value)
    assert ("x.marble", 1, column) == (raised.value.file, raised.value.line, raised.value.column)


def test_a_long_pipeline_is_reported_where_it_raises():
    """In a pipeline of several lines the error has the line and column of the part that raises."""
    with pytest.raises(MarbleSyntaxError) as raised:
        report_of("> rx.of('größer',\n    'ß', 1 / 0,\n  )\nout: -")

    assert (2, 10) == (raised.value.line, raised.value.column)


def test_an_agent_runs_in_virtual_time():
    """A model of rows and a tool of a row make a whole run with exact times."""
    assert "" == report_of("""\
        tick: 1s
        first: --'I add.'-c--f|
        add:                  -----'5'--|
        then:                           --'5'-|
        > Agent(model_of(first, then), tools=[tool_of("add", add)])("2 + 3?").pipe(ops.answer())
        out:   -------------------------------(a|)
        c = ToolCallDelta(0, "c1", "add", '{"a": 2, "b": 3}')
        f = Finish("tool_calls")
        a = "5"
        """)
