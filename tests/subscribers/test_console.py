import io
import os
import re
from contextlib import suppress

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from rxagent import Agent
from rxagent.errors import ModelRefused, ModelTimeout, RunCancelled
from rxagent.events import (
    ApprovalAnswered,
    ApprovalAsked,
    FinalAnswer,
    Finish,
    MessageCompleted,
    MessageReceived,
    Planned,
    PlanStarted,
    ReasoningDelta,
    RefusalDelta,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepFailed,
    StepLimitReached,
    StepRetried,
    StepStarted,
    Summarised,
    TextDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from rxagent.messages import INTERPRETER, Message, ToolCall
from rxagent.subscribers import Console
from rxagent.testing import ScriptedModel

SEARCH = ToolCall("c1", "search", '{"query": "GDP of Peru 2023"}')
CALC = ToolCall("c2", "calc", '{"expression": "267.6e9 / 34.4e6"}')
HELPER = ToolCall("c3", "helper", '{"task": "doubt"}')
RIVAL = ToolCall("c4", "rival", '{"task": "trust"}')
ERASE = "\r\x1b[2K"


class Terminal(io.StringIO):
    """A stream that is a terminal, and notes its writes in the order of both streams."""

    def __init__(self, order=None, tty=True):
        super().__init__()
        self.order, self.tty = order, tty

    def isatty(self):
        return self.tty

    def write(self, text):
        if self.order is not None:
            self.order.append(text)
        return super().write(text)


class Clock:
    """A time that passes only between events."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def printed(*events, error=None, tty=False, **options):
    """Return what a console wrote to stdout, to stderr, and to both in order."""
    order, clock = [], Clock()
    out, err = Terminal(order, tty), Terminal(order, tty)
    console = Console(out=out, err=err, clock=clock, **options)
    for event in events:
        if isinstance(event, float):
            clock.now += event
        else:
            console.on_next(event)
    if error is not None:
        console.on_error(error)
    else:
        console.on_completed()
    return out.getvalue(), err.getvalue(), "".join(order)


def turn(*deltas, calls=()):
    """Return the events of a turn."""
    text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    return [*deltas, MessageCompleted(Message("assistant", text, calls))]


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No test depends on the terminal the tests run in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def test_a_whole_run_reads_as_designed():
    """The picture of the design is what a run looks like in a terminal."""
    out, err, both = printed(
        RunStarted("GDP per head of Peru?", "agent"),
        PlanStarted(),
        *turn(TextDelta("1 find the figure\n2 compute\n3 answer")),
        Planned("1 find the figure\n2 compute\n3 answer"),
        StepStarted(1),
        ReasoningDelta("I will look "),
        ReasoningDelta("the figure up first."),
        *turn(calls=[SEARCH]),
        ToolStarted(SEARCH),
        1.8,
        ToolCompleted("c1", "267.6 billion USD (World Bank)"),
        StepStarted(2),
        *turn(calls=[CALC]),
        ToolStarted(CALC),
        ToolOutput("c2", StepRetried(2, "ToolTimeout: too long")),
        0.4,
        ToolCompleted("c2", "7779.07"),
        StepStarted(3),
        *turn(TextDelta("Peru's GDP per head in 2023 "), TextDelta("was about 7 800 USD.")),
        1.9,
        FinalAnswer("Peru's GDP per head in 2023 was about 7 800 USD."),
        RunCompleted(Usage(1204, 388)),
    )

    assert "Peru's GDP per head in 2023 was about 7 800 USD.\n" == out
    assert both == (
        "● plan    1 find the figure  2 compute  3 answer\n"
        "  I will look the figure up first.\n"
        '● search("GDP of Peru 2023")                                           1.8 s\n'
        "  └ 267.6 billion USD (World Bank)\n"
        '● calc("267.6e9 / 34.4e6")  ↻ retried once                             0.4 s\n'
        "  └ 7779.07\n"
        "Peru's GDP per head in 2023 was about 7 800 USD.\n"
        "  3 steps · 4.1 s · 1 204 in / 388 out\n"
    )
    assert both.replace(out, "") == err


def test_the_answer_is_written_as_it_comes():
    """Each piece is written once, at once, and nothing that was written comes again."""
    pieces = ["Hello", " from", " a\n", "model", "."]
    order = []
    console = Console(out=Terminal(order), err=Terminal(order, tty=False))
    for piece in pieces:
        console.on_next(TextDelta(piece))
        assert piece == order[-1]

    assert pieces == order


def test_cost_is_linear_in_the_text(monkeypatch):
    """A long answer is written in as many characters as it has."""
    written = 0

    class Counting(Terminal):
        def write(self, text):
            nonlocal written
            written += len(text)
            return len(text)

    console = Console(out=Counting(), err=Counting())
    for _ in range(5_000):
        console.on_next(TextDelta("word "))

    assert 5 * 5_000 == written


def test_an_answer_that_was_not_said_is_written():
    """A value that came by a call of final_answer is the answer on stdout."""
    run = [StepStarted(1), *turn(calls=[ToolCall("c", "final_answer")])]

    assert '{"gdp": 7779.07}\n' == printed(*run, FinalAnswer({"gdp": 7779.07}), RunCompleted())[0]
    assert "5\n" == printed(*run, FinalAnswer("5\n"), RunCompleted())[0]


WITHDRAWN = "↑ withdrawn: the text above is not part of the answer\n"

RETRACTING = [
    StepStarted(1),
    *turn(TextDelta("Let me look it up."), calls=[SEARCH]),
    StepStarted(2),
    TextDelta("Half an ans"),
    StepRetried(2, "ModelTimeout: silent"),
    *turn(TextDelta("Too long an answer.")),
    StepFailed("ParseError: say less"),
    StepStarted(3),
    *turn(TextDelta("The whole answer.")),
    FinalAnswer("The whole answer."),
    RunCompleted(),
]


@pytest.mark.parametrize("options", [{}, {"live": False}, {"plain": True}])
def test_a_pipe_holds_the_accepted_answer_alone(options):
    """What was said beside calls, retracted or refused by a check never lands in a pipe."""
    assert "The whole answer.\n" == printed(*RETRACTING, **options)[0]


@pytest.mark.parametrize("options", [{"tty": True}, {"live": True}])
def test_a_retraction_is_marked_below_the_text(options):
    """Text that came and does not count is followed by a line that says so, where it stands."""
    out, err, _ = printed(*RETRACTING, **options)

    assert (
        f"Let me look it up.\nHalf an ans\n{WITHDRAWN}Too long an answer.\n{WITHDRAWN}"
        "The whole answer.\n"
    ) == out
    assert "withdrawn" not in err


@pytest.mark.parametrize("said", ["", "Half", " \n"])
@pytest.mark.parametrize(
    "event", [StepRetried(2, "ModelTimeout: silent"), StepFailed("ParseError: no")]
)
def test_only_text_that_was_seen_is_withdrawn(event, said):
    """A turn of which no text is on the screen has nothing to withdraw, and says so once."""
    out = printed(StepStarted(1), TextDelta(said), event, event, live=True)[0]

    assert bool(said.strip()) == out.count(WITHDRAWN)


def test_a_run_without_an_answer_leaves_a_pipe_empty():
    """Half an answer is none: a script that reads stdout does not take it for one."""
    half = [StepStarted(1), TextDelta("Half")]

    assert "" == printed(*half, error=ModelTimeout("silent"))[0]


def test_reasoning_never_reaches_stdout():
    """What is thought, refused, planned and done by tools goes to stderr."""
    out, err, _ = printed(
        ReasoningDelta("hm\n\nwell,\n"),
        ReasoningDelta("then"),
        TextDelta("Yes."),
        RefusalDelta("I'd rather not."),
        live=True,
    )

    assert "Yes.\n" == out
    assert "  hm\n\n  well,\n  then\n  I'd rather not.\n" == err


def test_a_tool_s_result_is_one_line():
    """Of many lines the first is shown, and how many follow; of a wide one, what fits."""
    run = [ToolStarted(SEARCH), ToolCompleted("c1", "first\nsecond\nthird\n")]
    assert "  └ first … 2 more lines\n" in printed(*run)[1]

    wide = printed(ToolStarted(SEARCH), ToolCompleted("c1", "x" * 500))[1].splitlines()[1]
    assert (100, "…") == (len(wide), wide[-1])


def test_a_tool_without_a_result_is_one_line():
    """A tool that returned nothing is shown without an empty line below it."""
    assert ["● search"] == [
        line[:8] for line in printed(ToolStarted(SEARCH), ToolCompleted("c1", ""))[1].splitlines()
    ]


def test_a_failed_call_is_printed_even_if_it_never_ran():
    """A call that was refused is shown with its name, as the message had it."""
    err = printed(*turn(calls=[SEARCH]), ToolFailed("c1", "UnknownTool: no\nsearch"))[1]

    assert '● search("GDP of Peru 2023")' in err
    assert "  ✗ UnknownTool: no … 1 more line\n" in err


def test_parallel_tools_are_printed_as_they_end():
    """Calls that run side by side each keep their two lines together."""
    lines = printed(
        *turn(calls=[SEARCH, CALC]),
        ToolStarted(SEARCH),
        ToolStarted(CALC),
        0.5,
        ToolCompleted("c2", "7779.07"),
        0.5,
        ToolCompleted("c1", "found"),
    )[1].splitlines()

    assert ["● calc", "  └ 7779.07", "● search", "  └ found"] == [
        line.partition("(")[0] for line in lines
    ]
    assert lines[0].endswith("  0.5 s")
    assert lines[2].endswith("  1.0 s")


def test_an_eager_tool_does_not_break_the_text():
    """A tool that ends while the model writes is printed after the text."""
    both = printed(
        TextDelta("Meanwhile I "),
        ToolStarted(SEARCH),
        ToolCompleted("c1", "found"),
        ToolStarted(HELPER),
        ToolOutput("c3", StepFailed("ParseError: no")),
        *turn(TextDelta("go on."), calls=[SEARCH]),
        ToolCompleted("c3", "done"),
        live=True,
    )[2].splitlines()

    assert [
        "Meanwhile I go on.",
        "● search",
        "  └ found",
        "● helper",
        "  ✗ step 0: ParseError: no",
        "  └ done",
    ] == [re.sub(r"\(.*|  +\d.*", "", line) for line in both]


CODE = ToolCall("c5", INTERPRETER, '{"code": "x = add(1)\\nprint(x)\\nx"}')
ADD = ToolCall("c5.1", "add", '{"a": 1}')
SAID = "I add.\n<code>\nx = add(1)\nprint(x)\nx\n</code>"


def code_run(call=CODE):
    """Return the events of a run that writes code."""
    return [
        RunStarted("?", "agent"),
        StepStarted(1),
        *turn(TextDelta(SAID[:20]), TextDelta(SAID[20:])),
        ToolStarted(call),
        ToolOutput("c5", ToolStarted(ADD)),
        ToolOutput("c5", ToolCompleted("c5.1", "2", 2)),
        ToolOutput("c5", "2\nan"),
        ToolOutput("c5", "d 3"),
        0.4,
        ToolCompleted("c5", "Printed:\n2\nand 3\nThe value of the last line: 2", 2),
        FinalAnswer(2),
        RunCompleted(),
    ]


BELOW = [
    "  ● add(1)",
    "    └ 2",
    "  │ 2",
    "  │ and 3",
    "  └ The value of the last line: 2",
]


def lines_of(err):
    """Return the printed lines, without durations."""
    return [re.sub(r"  +\d\.\d s$", "", line) for line in err.splitlines()]


@pytest.mark.parametrize("tty", [False, True])
def test_code_is_shown_as_it_streams_with_its_output_below(tty):
    """The text goes to stderr, and stdout has only the answer."""
    out, err, both = printed(*code_run(), tty=tty, code=True)

    assert "2\n" == out
    shown = [f"  {line}" for line in SAID.splitlines()]
    assert [*shown, *BELOW, "  1 step · 0.4 s · usage unknown"] == lines_of(plain(err))
    assert both.index("d 3") < both.index("The value")


def plain(text):
    """Return a text without status lines and styles."""
    return re.sub("\x1b\\[[0-9;]*m", "", re.sub("· [^\r\n]*\r\x1b\\[2K", "", text))


def test_code_that_was_not_shown_is_printed():
    """A pipe shows the code of the call, also of an agent that is not known to write code."""
    out, err, _ = printed(*code_run())

    assert "2\n" == out
    assert ["● code", "  x = add(1)", "  print(x)", "  x", *BELOW] == lines_of(err)[:-1]


def test_code_that_was_written_as_an_answer_is_not_repeated():
    """In a terminal the text has been on stdout."""
    out, err, _ = printed(*code_run(), live=True)

    assert f"{SAID}\n2\n" == out
    assert BELOW == lines_of(err)[:-1]


def test_code_of_an_inner_agent_is_indented():
    """It is printed when it starts, with its output."""
    _, err, _ = printed(
        ToolStarted(HELPER),
        *(ToolOutput("c3", event) for event in code_run() if not isinstance(event, float)),
        ToolCompleted("c3", "2"),
    )

    assert '● helper("doubt")' == lines_of(err)[0]
    assert ["  ● code", "    x = add(1)"] == lines_of(err)[1:3]
    assert "    │ and 3" in lines_of(err)


def test_code_that_fails_says_why():
    """The output so far is printed once; an unknown form of the arguments is a call like others."""
    failed = ToolFailed("c5", "CodeError: no\nPrinted:\nso far")
    _, err, _ = printed(ToolStarted(CODE), ToolOutput("c5", "so far\n"), failed, code=True)
    _, other, _ = printed(
        ToolStarted(ToolCall("c5", INTERPRETER, "5")), ToolCompleted("c5", "done"), code=True
    )

    assert ["  │ so far", "  ✗ CodeError: no"] == lines_of(err)
    assert ["● python_interpreter(5)", "  └ done"] == lines_of(other)


def test_code_below_its_text_has_no_other_head():
    """Not even after code whose last line was that of a call inside it."""
    first = [*turn(TextDelta("add(1)\n")), ToolStarted(CODE), ToolOutput("c5", ToolStarted(ADD))]
    first += [ToolOutput("c5", ToolCompleted("c5.1", "2", 2)), ToolCompleted("c5", "It ran.")]
    second = ToolCall("c6", INTERPRETER, '{"code": "1 / 0"}')
    failed = [*turn(TextDelta("1 / 0\n")), ToolStarted(second), ToolFailed("c6", "CodeError: no")]
    _, err, _ = printed(*first, *failed, code=True)

    assert ["  1 / 0", "  ✗ CodeError: no"] == lines_of(err)[-2:]


@pytest.mark.parametrize(
    ("end", "lines"),
    [
        (
            ToolCompleted("c5", "Printed:\na\nb\nThe answer: x\ny"),
            "│ a;│ b;└ The answer: x … 1 more line",
        ),
        (ToolCompleted("c5", "Printed:\na\nb"), "│ a;│ b"),
        (ToolCompleted("c5", "The value of the last line: 3"), "└ The value of the last line: 3"),
        (ToolFailed("c5", "CodeError: no\nPrinted:\na"), "│ a;✗ CodeError: no"),
    ],
)
def test_a_replay_shows_what_code_printed(end, lines):
    """Its events have the output only in what the model reads of the code."""
    _, err, _ = printed(ToolStarted(CODE), end)

    assert [f"  {line}" for line in lines.split(";")] == lines_of(err)[4:]


def test_the_closing_step_of_a_code_agent_is_an_answer():
    """After the step limit, text is the answer, and is written as such."""
    closing = turn(TextDelta("It is 2."))
    out, _, _ = printed(
        StepLimitReached(1), StepStarted(2), *closing, FinalAnswer("It is 2."), code=True, live=True
    )

    assert "It is 2.\n" == out


def test_inner_agents_are_indented():
    """What happens inside a call stands below it, at any depth, and its answer at the end."""
    inner = [
        RunStarted("doubt", "helper"),
        StepStarted(1),
        ReasoningDelta("not shown"),
        *turn(TextDelta("I look\ninto it."), calls=[SEARCH]),
        ToolStarted(SEARCH),
        ToolOutput("c1", StepStarted(1)),
        ToolOutput("c1", StepFailed("ParseError: deep")),
        ToolCompleted("c1", "found"),
        *turn(TextDelta("Done.")),
        FinalAnswer("Done."),
        RunCompleted(Usage(1, 1)),
    ]
    out, err, _ = printed(
        ToolStarted(HELPER),
        *(ToolOutput("c3", event) for event in inner),
        ToolCompleted("c3", "Done."),
    )

    assert "" == out
    assert [
        '● helper("doubt")',
        "    I look",
        "    into it.",
        '  ● search("GDP of Peru 2023")',
        "    ✗ step 1: ParseError: deep",
        "    └ found",
        "  └ Done.",
    ] == [re.sub(r"  +\d\.\d s$", "", line) for line in err.splitlines()]


def test_parallel_inner_agents_are_distinguished():
    """When lines of another call came between, the call's name is said again."""
    err = printed(
        ToolStarted(HELPER),
        ToolStarted(RIVAL),
        ToolOutput("c3", StepFailed("ParseError: a")),
        ToolOutput("c4", StepFailed("ParseError: b")),
        ToolOutput("c4", StepFailed("ParseError: c")),
        ToolOutput("c3", StepFailed("ParseError: d")),
        ToolCompleted("c4", "trusted"),
    )[1]

    assert [
        '● helper("doubt")',
        "  ✗ step 0: ParseError: a",
        '● rival("trust")',
        "  ✗ step 0: ParseError: b",
        "  ✗ step 0: ParseError: c",
        "● helper …",
        "  ✗ step 0: ParseError: d",
        "● rival …",
        "  └ trusted",
    ] == [re.sub(r"  +\d\.\d s$", "", line) for line in err.splitlines()]


def test_inner_text_is_counted_but_not_the_answer():
    """Only the run's own text reaches stdout, and inner tokens are in the sum of a broken run."""
    out, err, _ = printed(
        StepStarted(1),
        Usage(1, 2),
        ToolOutput("c3", TextDelta("inner")),
        ToolOutput("c3", Usage(10, 20)),
        error=ModelTimeout("The model was silent for 20 s."),
    )

    assert "" == out
    assert "  1 step · 0.0 s · 11 in / 22 out\n" in err


def test_each_of_several_models_has_a_line():
    """What inner runs have used of other models is set apart from the rest."""
    _, err, _ = printed(
        StepStarted(1),
        Usage(1, 2, model="big"),
        ToolOutput("c3", Usage(10, 20, model="small")),
        Usage(3, 4, model="big"),
        RunCompleted(Usage(14, 26)),
    )

    assert err.endswith(
        "  1 step · 0.0 s · 14 in / 26 out\n  big: 4 in / 6 out\n  small: 10 in / 20 out\n"
    )


NOTES = [
    (StepFailed("ParseError: no\ncall"), "✗ step 0: ParseError: no call\n"),
    (StepRetried(2, "ModelTimeout: silent"), "↻ retried: ModelTimeout: silent\n"),
    (StepLimitReached(5), "● the limit of 5 steps is reached\n"),
    (Finish("length"), "… cut off by the length limit\n"),
    (Finish("interrupted"), "… interrupted\n"),
    (Finish("stop"), ""),
    (MessageReceived(Message("user", "In Bonn,\ntoo.")), "› In Bonn, too.\n"),
    (ApprovalAsked(SEARCH), '? search("GDP of Peru 2023")\n'),
    (RunCompleted(), "  0 steps · 0.0 s · usage unknown\n"),
    (Planned(" \n"), "● plan    (empty)\n"),
    (Summarised("It was warm.", 1), "● 1 step summarised\n"),
    (Planned("a" * 40 + "\n" + "b" * 40), f"● plan\n  {'a' * 40}\n  {'b' * 40}\n"),
]


@pytest.mark.parametrize(("event", "line"), NOTES, ids=[type(event).__name__ for event, _ in NOTES])
def test_what_matters_besides_is_a_line(event, line):
    """Each event that matters to a reader is printed in a line, the others are not."""
    assert line == printed(event)[1]


def test_an_answered_approval_names_the_tool():
    """A decision about a call is printed with the call's name."""
    err = printed(*turn(calls=[SEARCH]), ApprovalAnswered("c1", "denied"))[1]

    assert "? search: denied\n" == err


def test_an_answered_approval_of_a_call_of_code_names_the_tool():
    """Such a call stands in no message; the question tells its name."""
    err = printed(ApprovalAsked(SEARCH), ApprovalAnswered("c1", "approved"))[1]

    assert err.endswith("\n? search: approved\n")


ENDS = [
    (RunCancelled("The run was cancelled: by a button"), "✗ The run was cancelled: by a button"),
    (RunCancelled("Stopped."), "✗ cancelled: Stopped."),
    (ModelRefused("The model declined."), "✗ refused: The model declined."),
    (ModelTimeout("The model was silent\nfor 20 s."), "✗ The model was silent for 20 s."),
    (ValueError("no"), "✗ ValueError: no"),
    (ValueError(), "✗ ValueError"),
]


@pytest.mark.parametrize(("error", "line"), ENDS, ids=[line for _, line in ENDS])
def test_a_run_without_an_answer_says_why_in_one_line(error, line):
    """Cancelled, refused and failed runs end in one line of why, and what they cost."""
    events = [StepStarted(1), TextDelta("Half")]
    out, err, both = printed(*events, error=error, live=True)

    assert "Half\n" == out
    assert [line, "  1 step · 0.0 s · usage unknown"] == err.splitlines()
    assert both.startswith("Half\n✗")


def test_a_settled_failure_reads_like_any_other():
    """RunFailed as an event is printed as the error it stands for, once."""
    failed = RunFailed("ModelTimeout", "ModelTimeout: silent")

    assert printed(failed)[1] == printed(error=ModelTimeout("silent"))[1]


def test_calls_that_will_not_end_are_printed():
    """A run that breaks off says which tools were at work."""
    err = printed(ToolStarted(SEARCH), error=RunCancelled("Stopped."))[1]

    assert '● search("GDP of Peru 2023")' in err
    assert "not finished\n" in err


def test_one_console_may_show_one_run_after_another():
    """A new run begins with new counts."""
    run = [RunStarted("x", "agent"), StepStarted(1), *turn(), RunCompleted()]

    assert 2 == printed(*run, *run)[1].count("  1 step · ")


HOSTILE = "[bold]\x1b[31m\x07\x9b2J[/red]\r"


def hostile_run(text):
    """Return a run in which model and tool say this text wherever they can."""
    call = ToolCall("c1", text, text)
    return [
        RunStarted(text, text),
        MessageReceived(Message("user", text)),
        Planned(text),
        Summarised(text, 1),
        StepStarted(1),
        ReasoningDelta(text),
        RefusalDelta(text),
        TextDelta(text),
        StepRetried(2, text),
        MessageCompleted(Message("assistant", text, [call, HELPER])),
        ApprovalAsked(call),
        ApprovalAnswered("c1", text),
        ToolStarted(call),
        ToolOutput("c3", MessageCompleted(Message("assistant", text, [call]))),
        ToolFailed("c1", text),
        ToolCompleted("c3", text),
        StepFailed(text),
        FinalAnswer([text]),
        RunFailed(text, text),
    ]


@pytest.mark.parametrize("options", [{}, {"plain": True}, {"live": False}])
@given(text=st.text(st.characters() | st.sampled_from(HOSTILE)) | st.just(HOSTILE))
def test_what_models_and_tools_say_is_never_obeyed(options, text):
    """No control character reaches the terminal but those of our own styles and status line."""
    out, err, _ = printed(*hostile_run(text), tty=True, **options)

    assert "" == re.sub(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f]", "", out)
    ours = re.sub(r"\x1b\[[0-9;]*m|\r\x1b\[2K", "", err)
    assert "" == re.sub(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f]", "", ours)


def test_markup_is_text():
    """Square brackets of a model or tool are shown as they are."""
    out, err, _ = printed(*hostile_run("[bold]x[/nonsense]"), tty=True)

    assert "[bold]x[/nonsense]" in out
    assert 8 < err.count("[bold]x[/nonsense]")


def test_nothing_written_is_touched_again():
    """The only control of the cursor is the erasing of the status line's own line."""
    both = printed(*hostile_run("text"), tty=True)[2]

    for code in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]", both):
        assert code.endswith("m") or code == "\x1b[2K"
    for before in both.split(ERASE)[:-1]:
        assert re.sub(r"\x1b\[[0-9;]*m", "", before).rpartition("\n")[2].startswith("· ")


def test_the_status_line_says_what_goes_on():
    """While nothing is written, one line says who is at work."""
    events = [
        RunStarted("x", "agent"),
        StepStarted(1),
        *turn(calls=[SEARCH, HELPER]),
        ToolStarted(SEARCH),
        ToolStarted(HELPER),
        ToolOutput("c3", StepStarted(1)),
    ]
    err = printed(*events, tty=True)[1]
    shown = [re.sub(r"\x1b\[[0-9;]*m|\x1b\[0m", "", line) for line in err.split(ERASE)]

    assert ["· thinking", "· search", "· search, helper", "· search, helper › thinking", ""] == [
        line for line in shown if line
    ] + [""]


AMID = [
    StepStarted(1),
    PlanStarted(),
    TextDelta("a"),
    ReasoningDelta("b"),
    ToolStarted(SEARCH),
    ToolOutput("c3", StepStarted(1)),
    ToolOutput("c3", RunFailed("NoAnswer", "none")),
    ToolCompleted("c1", "found"),
]


@given(st.lists(st.sampled_from(AMID)), st.sampled_from(["failure", "error", "end"]))
def test_no_status_line_is_drawn_after_the_end(events, end):
    """Whatever a run was at when it ended, its summary is the last that a terminal shows."""
    err = Terminal(tty=True)
    console = Console(out=io.StringIO(), err=err, clock=Clock())
    for event in [RunStarted("x", "agent"), *events]:
        console.on_next(event)
    if end == "error":
        console.on_error(ModelTimeout("slow"))
    else:
        console.on_next(RunFailed("NoAnswer", "none") if end == "failure" else RunCompleted())

    *_, last, rest = err.getvalue().split("\n")
    assert re.search(r"\d steps? · ", last)
    assert "" == rest


@pytest.mark.parametrize("name", ["not a terminal", "dumb"])
def test_there_is_no_status_line_without_a_terminal(monkeypatch, name):
    """A file, a pipe and a dumb terminal get lines that stay, and no codes at all."""
    if name == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    both = printed(*hostile_run("text"), tty=name == "dumb")[2]

    assert "\x1b" not in both
    assert "· thinking" not in both


def test_no_color_means_no_codes_but_for_the_status_line(monkeypatch):
    """NO_COLOR takes every style away, and wins over FORCE_COLOR."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    err = printed(*hostile_run("text"), tty=True)[1]

    assert "\x1b" not in err.replace(ERASE, "")


def test_force_color_styles_a_pipe_too(monkeypatch):
    """FORCE_COLOR asks for styles where no terminal is, but for no status line."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    err = printed(*hostile_run("text"))[1]

    assert "\x1b[" in err
    assert ERASE not in err


def test_plain_is_a_line_an_event():
    """`plain` writes each event as one line to stderr, and the answer to stdout."""
    events = [
        TextDelta("Hi\n"),
        ToolOutput("c1", ToolOutput("c2", TextDelta("in"))),
        ToolCompleted("c1", "a\nb", {"k": [1]}),
        FinalAnswer("Hi\n"),
        RunCompleted(),
    ]
    out, err, _ = printed(*events, plain=True, tty=True)

    assert "Hi\n" == out
    assert [
        'TextDelta text="Hi\\n"',
        'ToolOutput call_id="c1" ToolOutput call_id="c2" TextDelta text="in"',
        'ToolCompleted call_id="c1" result="a\\nb" value={"k": [1]}',
        'FinalAnswer value="Hi\\n"',
        "RunCompleted",
    ] == err.splitlines()


def test_plain_prints_an_error_as_the_event_it_is():
    """What travels by on_error is the last line."""
    err = printed(plain=True, error=ModelTimeout("silent"))[1]

    assert 'RunFailed kind="ModelTimeout" error="ModelTimeout: silent"\n' == err


def test_a_stream_that_lacks_characters_gets_their_numbers():
    """An encoding without our signs neither breaks the run nor loses what was said."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    err = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(out=out, err=err, live=True)
    for event in (TextDelta("Größe"), ToolStarted(SEARCH), ToolCompleted("c1", "5 €")):
        console.on_next(event)
    console.on_completed()

    assert b"Gr\\xf6\\xdfe\n" == out.buffer.getvalue()
    assert b"\\u2514 5 \\u20ac" in err.buffer.getvalue()


def test_the_standard_streams_are_found_when_they_are_needed(capsys):
    """By default the answer is on stdout and the rest on stderr, wherever they lead now."""
    events = [StepStarted(1), *turn(TextDelta("Hi")), FinalAnswer("Hi"), RunCompleted()]
    rx.from_iterable(events).subscribe(Console())

    out, err = capsys.readouterr()
    assert ("Hi\n", "  1 step · ") == (out, err[:11])


@pytest.mark.parametrize("term", ["dumb", "xterm"])
@pytest.mark.parametrize(("columns", "width"), [("", 57), ("43", 43), ("0", 57), ("x", 57)])
def test_a_terminal_is_as_wide_as_it_says(monkeypatch, term, columns, width):
    """COLUMNS decides where it is set, else the terminal's own size, whatever its kind is."""
    pty = pytest.importorskip("pty")
    primary, secondary = pty.openpty()
    termios = pytest.importorskip("termios")
    termios.tcsetwinsize(secondary, (24, 57))
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", columns)
    with open(secondary, "w", encoding="utf-8") as err, open(primary, "rb"):
        console = Console(out=io.StringIO(), err=err)
        console.on_next(ToolCompleted("c1", "x" * 500))
        seen = b""
        while seen.count(b"\n") < 2:
            seen += os.read(primary, 4096)

    assert width == len(seen.decode().splitlines()[1])


def test_a_terminal_shows_nothing_below_a_failed_run(monkeypatch):
    """A run that fails while a tool is at work leaves no status line, not for a moment."""
    pty = pytest.importorskip("pty")
    primary, secondary = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with open(secondary, "w", encoding="utf-8") as err, open(primary, "rb"):
        console = Console(out=io.StringIO(), err=err)
        for event in (RunStarted("x", "agent"), StepStarted(1), ToolStarted(SEARCH)):
            console.on_next(event)
        console.on_error(ModelTimeout("slow"))
        err.write("$ ")
        err.flush()
        seen = b""
        while not seen.endswith(b"$ "):
            seen += os.read(primary, 4096)

    assert "$ " == seen.decode().splitlines()[-1]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no full device")
@pytest.mark.parametrize("name", ["out", "err"])
def test_a_full_stream_costs_the_console_and_not_the_run(caplog, name):
    """The console is detached and its fault reported; the run has its answer."""
    with open("/dev/full", "w", buffering=1) as full:
        console = Console(**{"out": io.StringIO(), "err": io.StringIO(), name: full})
        run = Agent(ScriptedModel(["Hi"])).start("x", attach=[console])
        assert "Hi" == run.result(60)
        run.drain(5)
        with suppress(OSError):
            full.close()

    assert "No space left" in caplog.text
    assert "detached" in caplog.text


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_closed_standard_stream_is_no_fault(monkeypatch, name):
    """Python has None for a stream that was closed before it began; the other one goes on."""
    streams = {"stdout": io.StringIO(), "stderr": io.StringIO(), name: None}
    for known, stream in streams.items():
        monkeypatch.setattr(f"sys.{known}", stream)
    console = Console()
    for event in (RunStarted("x", "agent"), TextDelta("Hi"), FinalAnswer("Hi"), RunCompleted()):
        console.on_next(event)
    console.on_completed()

    assert "Hi\n" == (streams["stdout"] or io.StringIO("Hi\n")).getvalue()
