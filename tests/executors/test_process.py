import asyncio
import logging
import pickle
import sys
from collections.abc import Iterator

import pytest
import reactivex as rx
from attrs import evolve
from reactivex import operators as rxo

from rxagent.errors import CodeError
from rxagent.events import ToolCompleted, ToolFailed, ToolOutput, ToolStarted
from rxagent.executors import (
    CodeResult,
    Executor,
    Functions,
    Limits,
    ProcessExecutor,
    Session,
    process_link,
)
from rxagent.messages import ToolCall
from rxagent.streams import each

from ..streams.recorder import Recorder
from .running_code import NONE, functions, outcome


def add(a: int, b: int = 1) -> int:
    """Return the sum of two integers."""
    return a + b


@pytest.fixture(scope="module")
def shared():
    """Return a session whose process is running already."""
    session = ProcessExecutor(authorized_imports=["sys"]).open({"given": [1, 2]})
    assert 2 == outcome(session, "1 + 1").value
    yield session
    session.close()


@pytest.fixture
def opened():
    """Return a function that opens a session, which the end of the test closes."""
    sessions = []

    def opened(variables=None, **options):
        sessions.append(ProcessExecutor(**options).open(variables or {}))
        return sessions[-1]

    yield opened
    for session in sessions:
        session.close()


# Values


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("7.2904", 7.2904),
        ("2 ** 100", 2**100),
        ("(1, [None, True], {'a': 'ü\\n'})", [1, [None, True], {"a": "ü\n"}]),
        ("float('inf')", float("inf")),
        ("x = 3", None),
        ("x = 3\nx", 3),
        ("for n in range(3):\n    n", None),
        ("", None),
        ("# nothing", None),
        ("'''\n'''", "\n"),
        ("if True:\n    pass\ngiven", [1, 2]),
        ("__name__", "__main__"),
        ("class A:\n    x = 3\nA.x", 3),
        ("import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\nP(3).x", 3),
    ],
)
def test_the_value_is_that_of_a_last_expression(shared, code, value):
    """Its type stays the same where JSON has it; other code has no value."""
    result = outcome(shared, code).result

    assert CodeResult(value) == result
    assert type(value) is type(result.value)


@pytest.mark.parametrize(
    ("code", "value", "note"),
    [
        ("{3}", [3], "A set was passed as a list"),
        ("{1: 2, (3,): 4, None: 5}", {"1": 2, "[3]": 4, "null": 5}, "Keys of a dict that are no"),
        ("b'x'", "b'x'", "A value of type bytes was passed as its repr"),
        ("[1j, 2j]", ["1j", "2j"], "A value of type complex was passed as its repr"),
        ("import array\narray.array('d', [1, 2.5])", [1.0, 2.5], ""),
        ("x = [1]\nx.append(x)\nx", [1, "..."], "A value that holds itself"),
        ("10 ** 9999", f"<an int of {(10**9999).bit_length():,} bits>", "An int with too many"),
        (
            "class Bad:\n    def __repr__(self): return 1 / 0\nBad()",
            "<Bad, whose repr raised ZeroDivisionError>",
            "A value of type Bad was passed",
        ),
    ],
)
def test_what_json_cannot_hold_is_passed_as_something_else_with_a_note(shared, code, value, note):
    """The note is printed before the result; arrays become lists without one."""
    come = outcome(shared, code)

    assert (value, f"[{note}" if note else "") == (come.value, come.printed[: len(note) + 1])


def test_a_value_that_is_too_large_is_an_error(shared):
    """It is not cut silently, and the process goes on."""
    assert "TooLarge: A value takes" in outcome(shared, "'x' * 5_000_000").error
    assert "TooLarge: A value has more than" in outcome(shared, "[0] * 1_000_001").error
    assert 1 == outcome(shared, "1").value


def test_the_final_answer_ends_the_code(shared):
    """Also from inside functions, tasks and handlers of any error; the first one counts."""
    codes = [
        "final_answer(7.2904)\nprint('never')",
        "final_answer(answer=7.2904)",
        "def f():\n    try: final_answer(7.2904)\n    except Exception: pass\nf()\n1",
        "try:\n    final_answer(7.2904)\nexcept BaseException:\n    pass\nfinal_answer(1)",
        "import asyncio\nasync def f():\n    final_answer(7.2904)\nawait asyncio.gather(f(), f())",
    ]

    for code in codes:
        come = outcome(shared, code)
        assert ("", CodeResult(7.2904, is_final=True)) == (come.printed, come.result)


def test_streams_that_code_replaces_or_closes_are_restored(shared):
    """The next piece of code prints and reads as the first one."""
    outcome(shared, "import io, sys\nsys.stdin.close()\nsys.stdout = io.StringIO()\nprint('lost')")

    assert "seen\n" == outcome(shared, "print('seen')").printed
    assert "EOFError" in outcome(shared, "input()").error


# Variables


def test_variables_persist_between_pieces_of_code(shared):
    """So do functions, classes and imports, and those that a failing piece has set."""
    outcome(shared, "import math\nkept = 5\ndef twice(x):\n    return 2 * x")
    assert "ZeroDivisionError" in outcome(shared, "kept = 6\n1 / 0").error

    assert 12 + 3 == outcome(shared, "twice(kept) + math.floor(3.5)").value


def test_given_variables_are_there_and_are_copies(opened):
    """Code that changes them changes nothing outside its process; odd ones come with a note."""
    given = {"numbers": [1, 2], "place": b"x"}
    session = opened(given)

    come = outcome(session, "numbers.append(3)\n(numbers, place)")

    assert [[1, 2, 3], "b'x'"] == come.value
    assert "[A value of type bytes was passed as its repr" in come.printed
    assert [1, 2] == given["numbers"]
    assert session.save() is None


def test_sessions_of_one_executor_share_nothing(opened):
    """An executor holds no state; each session has its own process and folder."""
    one, other = opened(), opened()
    outcome(one, "x = 1\nopen('file', 'w').close()")

    assert "NameError" in outcome(other, "x").error
    assert "FileNotFoundError" in outcome(other, "open('file')").error


# Output


def test_prints_are_emitted_as_they_are_made(shared):
    """A complete line comes while the code is still running, stderr in the same order."""
    seen = []

    def look() -> str:
        """Return what was printed so far."""
        return "".join(seen)

    code = "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c', end='')\nlook()"
    note = rxo.do_action(lambda item: seen.append(item) if isinstance(item, str) else None)
    *_, last = each(shared.run(code, functions(look)).pipe(note))

    assert CodeResult("a\nb\nc") == last


def test_what_was_printed_before_an_error_is_kept(shared):
    """Also a line that was not complete."""
    come = outcome(shared, "print('so far', end='')\n1 / 0")

    assert ("so far", True) == (come.printed, "ZeroDivisionError" in come.error)


def test_output_beyond_the_limit_is_counted(opened):
    """It is neither emitted nor kept, and each piece of code has the whole limit."""
    session = opened(limits=Limits(output=10))

    come = outcome(session, "print('x' * 7)\nprint('y' * 1_000_000)\n1")

    assert "x" * 7 + "\nyy" == come.printed.partition("\n[")[0]
    assert "[999,999 more characters were printed; they were not kept.]\n" in come.printed
    assert 1 == come.value
    assert "z" * 9 + "\n" == outcome(session, "print('z' * 9)").printed


def test_a_text_that_utf_8_cannot_encode_is_escaped(shared):
    """Half a surrogate pair harms no screen and no journal."""
    assert "\\ud800\n" == outcome(shared, r"print('\ud800')").printed


# Functions


def test_a_call_is_bridged_to_its_function(shared):
    """Its events are emitted in their order, and its value arrives in the code."""
    come = outcome(shared, "x = add(1, b=2)\nx * 2", functions(add))
    started, completed = come.events

    assert (6, "add", "c1.1") == (come.value, started.call.name, started.call.id)
    assert ToolCompleted("c1.1", "3", 3) == completed


def test_asynchronous_calls_run_together(shared):
    """Two calls of one gather meet; each gets its own value."""
    both = asyncio.Barrier(2)

    async def meet(name: str) -> str:
        """Wait for the other call."""
        await both.wait()
        return name.upper()

    code = "import asyncio\nawait asyncio.gather(meet('a'), meet('b'))"
    assert ["A", "B"] == outcome(shared, code, functions(asynchronous=[meet])).value


def test_asynchronous_calls_work_within_the_codes_own_loop(shared):
    """`asyncio.run` and tasks do as in any program."""
    code = """import asyncio
async def main():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(add(n)) for n in range(3)]
    return [task.result() for task in tasks]
asyncio.run(main())"""

    assert [1, 2, 3] == outcome(shared, code, functions(asynchronous=[add])).value


@pytest.mark.parametrize("place", ["{}", "[1, {}]", "{{'a': ({},)}}", "{{{}: 1}}", "{{{}}}"])
@pytest.mark.parametrize("use", ["{}", "final_answer({})", "add({})", "await later({})"])
def test_an_asynchronous_function_must_be_awaited(shared, use, place):
    """A coroutine anywhere in a value, an answer or an argument is an error that says so."""
    called = []

    async def later(number: int) -> int:
        """Return the number."""
        called.append(number)
        return number

    code = use.format(place.format("later(1)"))
    come = outcome(shared, code, functions(add, asynchronous=[later]))

    assert "Write `await later(...)`" in come.error
    assert ([], "") == (called, come.printed)


@pytest.mark.parametrize("made", ["f'{later(1)}'", "later(1) == 1", "1 if later(1) else 2"])
def test_an_answer_needs_its_calls(shared, made):
    """What was made of a call that was not awaited is no answer, and the model reads why."""

    async def later(number: int) -> int:
        """Return the number."""
        return number

    tools = functions(asynchronous=[later])
    answered = outcome(shared, f"final_answer({made})", tools)
    printed = outcome(shared, f"x = {made}\nx", tools)
    correct = outcome(shared, f"final_answer({made.replace('later', 'await later')})", tools)

    advice = "write `await later(...)`"
    assert "RuntimeError: final_answer needs the values of calls" in answered.error
    assert advice in answered.error
    assert f"(Calls were not awaited, so their values are missing: {advice}.)\n" == printed.printed
    assert correct.error is None


@pytest.mark.parametrize("use", ["later(1) + 1", "for _ in later(1): pass", "later(1).real"])
def test_an_error_of_a_call_that_was_not_awaited_says_so(shared, use):
    """It names the function; of a call that earlier code made, the name is not known."""

    async def later(number: int) -> int:
        """Return the number."""
        return number

    tools = functions(asynchronous=[later])
    come = outcome(shared, use, tools).error
    outcome(shared, "call = later(1)", tools)

    advice = "Await the call before you use its value"
    assert come.endswith(f"{advice}: write `await later(...)`.")
    assert outcome(shared, use.replace("later(1)", "call"), tools).error.endswith(f"{advice}.")
    assert advice not in outcome(shared, "later(1)\n1 / 0", tools).error


@pytest.mark.parametrize(("call", "count"), [("final_answer()", 0), ("final_answer(1, b=2)", 2)])
def test_a_final_answer_is_one_value(shared, call, count):
    """Another number is an error, as in the sandbox."""
    text = f"TypeError: final_answer takes one value, the answer, not {count}."

    assert outcome(shared, call).error.endswith(text)
    assert 3 == outcome(shared, "final_answer(value=3)").value


def test_no_variables_are_promised_that_are_lost(opened):
    """An undefined name is that, also after the process was replaced."""
    session = opened(authorized_imports=["os"])
    outcome(session, "x = 1\nimport os\nos._exit(3)")

    assert outcome(session, "x").error.endswith("'x' is not defined. Define it first.")


def test_a_call_may_be_awaited_by_later_code(shared):
    """A call that an earlier piece of code made is awaited as any coroutine."""

    async def later(number: int) -> int:
        """Return the number."""
        return number

    tools = functions(asynchronous=[later])
    outcome(shared, "call = later(1)", tools)

    assert 1 == outcome(shared, "await call", tools).value


def test_a_task_must_be_awaited(shared):
    """It is no answer either."""
    code = "import asyncio\nfinal_answer(asyncio.ensure_future(later(1)))"

    async def later(number: int) -> int:
        """Return the number."""
        return number

    come = outcome(shared, f"await asyncio.sleep(0)\n{code}", functions(asynchronous=[later]))

    assert "A value is a Task, which was not awaited. Write `await` before it." in come.error


class Ragged:
    """A table whose rows cannot become a list."""

    def tolist(self):
        """Raise."""
        raise ValueError("ragged")


class Unreadable(dict):
    """A dict that shows no items."""

    def items(self):
        """Raise."""
        raise LookupError("closed")


class Nameless:
    """An object that raises where its class is asked for."""

    @property
    def __class__(self):
        raise ValueError("no class")


@pytest.mark.parametrize("made", [Ragged, Unreadable, Nameless])
def test_a_tools_result_that_raises_costs_no_run(shared, made):
    """The code gets its repr, or an error, and goes on."""
    events = rx.of(ToolStarted(ToolCall("c1.1", "f", "{}")), ToolCompleted("c1.1", "", [made()]))
    tools = Functions(frozenset({"f"}), frozenset(), lambda *_: events)

    come = outcome(shared, "try:\n    f()\nexcept RuntimeError: pass\n'goes on'", tools)

    assert "goes on" == come.value


def test_threads_of_code_may_call_functions(shared):
    """Each gets the value of its own call."""
    code = """from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    values = list(pool.map(add, range(20)))
values"""
    session = ProcessExecutor(authorized_imports=["concurrent"]).open({})

    try:
        assert list(range(1, 21)) == outcome(session, code, functions(add)).value
    finally:
        session.close()


@pytest.mark.parametrize(
    ("raised", "caught"),
    [(ValueError("too small"), "ValueError"), (LookupError("nothing"), "LookupError")],
)
def test_a_failed_call_raises_in_the_code(shared, raised, caught):
    """As the error of the same name, which the code can catch."""

    def fail() -> None:
        """Raise."""
        raise raised

    code = f"try:\n    fail()\nexcept {caught} as error:\n    said = str(error)\nsaid"
    come = outcome(shared, code, functions(fail))

    assert str(raised) == come.value
    assert f"{caught}: {raised}" == come.events[-1].error
    assert (
        f"Line 1, `fail()`: {caught}: {raised}" in outcome(shared, "fail()", functions(fail)).error
    )


def test_wrong_arguments_are_an_error_in_the_code(shared):
    """No tool runs, and the text says what is wrong."""
    come = outcome(shared, "add(1, c=1)", functions(add))

    assert [ToolFailed] == list(map(type, come.events))
    assert "unexpected keyword argument 'c'" in come.error


def test_arguments_and_values_cross_as_json(shared):
    """What JSON cannot hold becomes its repr with a note, both ways."""

    def echo(value: object) -> object:
        """Return two values."""
        return [value, {1}, 1j]

    come = outcome(shared, "echo(b'x')", functions(echo))

    assert ["b'x'", [1], "1j"] == come.value
    assert 3 == come.printed.count("since JSON cannot hold it.]\n")


def test_outputs_of_a_call_are_passed_on(shared):
    """A tool that yields emits its values while the code waits."""

    def count() -> Iterator[int]:
        """Count."""
        yield from (1, 2)

    come = outcome(shared, "count()", functions(count))

    assert [ToolStarted, ToolOutput, ToolOutput, ToolCompleted] == list(map(type, come.events))
    assert 2 == come.value


def test_calls_beyond_the_limit_are_refused(opened):
    """The code gets an error for each; the variables are kept."""
    session = opened(limits=Limits(calls=2))
    code = "done = 0\nwhile True:\n    add(1)\n    done += 1"

    come = outcome(session, code, functions(add))

    assert "RuntimeError: code may make 2 calls, which are used up" in come.error
    assert (4, 2) == (len(come.events), outcome(session, "done", functions(add)).value)


def test_a_cancelled_call_ends(shared):
    """A wait with a limit lets go of the call, which ends in ToolFailed; the code goes on."""

    has_begun = asyncio.Event()

    async def wait() -> None:
        """Wait for ever."""
        has_begun.set()
        await asyncio.Event().wait()

    async def begun() -> None:
        """Wait until that waits."""
        await has_begun.wait()

    code = """import asyncio
waiting = asyncio.create_task(wait())
await begun()
try:
    await asyncio.wait_for(waiting, 0.01)
except TimeoutError:
    print('late')
1"""
    come = outcome(shared, code, functions(asynchronous=[wait, begun]))

    assert ("late\n", 1) == (come.printed, come.value)
    assert "CodeError: cancelled, since the code no longer waits for it" == come.events[-1].error


def test_a_call_that_the_code_does_not_wait_for_ends_with_it(shared):
    """The result is still the last item."""

    async def wait() -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    code = "import asyncio\ntask = asyncio.create_task(wait())\nawait asyncio.sleep(0.01)\n1"
    come = outcome(shared, code, functions(asynchronous=[wait]))

    assert (1, [ToolStarted, ToolFailed]) == (come.value, list(map(type, come.events)))


def test_the_error_of_a_calls_stream_ends_the_run(opened):
    """It is no error of the code, so it is passed on as it is, and the process is ended."""
    session = opened()
    broken = Functions(frozenset({"f"}), frozenset(), lambda *_: rx.throw(OSError("disk")))

    with pytest.raises(OSError, match="disk"):
        list(each(session.run("x = 1\nf()", broken)))
    assert "NameError" in outcome(session, "x").error


# Errors


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("x = 1\n1 / 0  # no", "Line 2, `1 / 0  # no`: ZeroDivisionError: division by zero."),
        ("y = 1\nundefined", "Line 2, `undefined`: NameError: name 'undefined' is not defined. D"),
        ("x = (1,\n", "Line 1, `x = (1,`: SyntaxError: '(' was never closed. Correct it; none of"),
        ("  x", "Line 1, `x`: IndentationError: unexpected indent. Correct it; none of the code"),
        ("def f():\n    1 / 0\n\nf()", "Line 2, `1 / 0`: ZeroDivisionError: division by zero."),
        ("import json\njson.loads('{')", "Line 2, `json.loads('{')`: JSONDecodeError: "),
        ("import os", "Line 1, `import os`: ImportError: os is not authorized. Modules that can b"),
        ("from os import path", "Line 1, `from os import path`: ImportError: os is not authorized"),
        ("import sys.nothing", "Line 1, `import sys.nothing`: ModuleNotFoundError: No module name"),
        ("exit()", "Line 1, `exit()`: SystemExit: None. Code cannot end its process; call final_a"),
        ("raise KeyboardInterrupt", "Line 1, `raise KeyboardInterrupt`: KeyboardInterrupt."),
        ("input()", "Line 1, `input()`: EOFError: EOF when reading a line. There is no input; wha"),
        (
            "raise ExceptionGroup('two', [ValueError('a'), KeyError('b')])",
            "Line 1, `raise ExceptionGroup('two', [ValueError('a'), KeyError('b')])`: "
            "ExceptionGroup: two (2 sub-exceptions); ValueError: a; KeyError: 'b'.",
        ),
        (
            "class E(Exception):\n    def __str__(self): return 1 / 0\nraise E",
            "Line 3, `raise E`: E.",
        ),
        (
            "raise ValueError('x' * 50_000)",
            f"Line 1, `raise ValueError('x' * 50_000)`: ValueError: {'x' * 100}",
        ),
    ],
)
def test_an_error_has_its_line_and_says_what_to_do(shared, code, error):
    """The line is that of the code itself; the text is not longer than a page."""
    come = outcome(shared, code)

    assert error == come.error[: len(error)]
    assert len(come.error) < 11_000


def test_an_error_in_a_function_of_earlier_code_shows_its_line(shared):
    """The number alone would point into the wrong text."""
    outcome(shared, "def early():\n    return missing")

    assert "Line 2 of earlier code, `return missing`: NameError" in outcome(shared, "early()").error


# Imports


def test_submodules_and_what_modules_import_themselves_are_authorized(opened):
    """Names are compared by their parts, not by their beginnings."""
    session = opened(authorized_imports=["xml", "concurrent.futures"])

    assert outcome(session, "import xml.etree.ElementTree, concurrent.futures").error is None
    assert "ImportError: xmlrpc is not" in outcome(session, "import xmlrpc").error
    assert "ImportError: concurrent is not" in outcome(session, "import concurrent").error


def test_a_star_authorizes_every_module(opened):
    """As for smolagents."""
    assert "posix" == outcome(opened(authorized_imports=["*"]), "import os\nos.name").value


# The executor


def test_an_executor_is_a_value():
    """It satisfies the protocol, compares by its fields, and can be sent to another process."""
    executor: Executor = ProcessExecutor(authorized_imports=["sys"], limits=Limits(seconds=3))
    session: Session = executor.open({})
    session.close()

    assert executor == pickle.loads(pickle.dumps(executor))
    assert executor != evolve(executor, python="python3")
    assert (sys.executable, Limits()) == (ProcessExecutor().python, ProcessExecutor().limits)


def test_the_language_says_what_the_model_must_know():
    """Modules and limits are those of the executor."""
    limits = Limits(seconds=3, memory=2**30, calls=4, output=5_000)
    text = ProcessExecutor(authorized_imports=["numpy"], limits=limits).language

    assert "math, numpy, operator" in text
    assert "may run for 3 s, hold 1,024 MiB, make 4 calls, and print 5,000 characters." in text
    assert "any module that is installed" in ProcessExecutor(authorized_imports=["*"]).language


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"authorized_imports": "numpy"}, r"authorized_imports must be a list of names of modules"),
        (
            {"authorized_imports": [3]},
            "authorized_imports must be a list of names of modules; 3 is",
        ),
        ({"python": None}, "python must be a str, not None"),
    ],
)
def test_wrong_arguments_of_the_executor_are_refused(options, error):
    """At construction, by name."""
    with pytest.raises(TypeError, match=error):
        ProcessExecutor(**options)


@pytest.mark.parametrize(
    ("python", "error"),
    [
        ("/no/such", r"ProcessExecutor\(python='/no/such'\) cannot start a process: "),
        ("/bin/false", "could not start; it ended with status 1. "),
    ],
)
def test_an_interpreter_that_does_not_start_ends_the_run(opened, python, error):
    """The model cannot change that, so it is no error of its code; nothing is left of it."""
    with pytest.raises(OSError, match=f"{error}.*must be Python 3.11 or later"):
        outcome(opened(python=python), "1")


def test_what_is_isolated_is_logged_once(opened, caplog, monkeypatch):
    """For all sessions together."""
    monkeypatch.setattr(process_link, "_logged", set())

    with caplog.at_level(logging.INFO, "rxagent"):
        for _ in range(2):
            outcome(opened(), "1")

    assert 1 == sum("code in a process" in record.getMessage() for record in caplog.records)


def test_two_pieces_of_code_at_once_are_refused(opened):
    """A session belongs to one run, whose steps follow one another."""
    session = opened()

    def again() -> str:
        """Run other code meanwhile."""
        with pytest.raises(CodeError, match="Other code is running in this session"):
            list(each(session.run("1", NONE)))
        return "refused"

    assert "refused" == outcome(session, "again()", functions(again)).value
    assert "1" == repr(outcome(session, "1").value)


def test_code_waits_for_the_end_of_what_was_left(opened):
    """Code that is subscribed to just before earlier code is disposed runs after it."""
    session, later = opened({"x": 1}), Recorder()
    for item in each(session.run("print(x)\nwhile True: pass", NONE)):
        assert "1" == item.strip()
        session.run("print('later')\nx", NONE).subscribe(later)
        break

    assert "completed" == later.wait_end()
    assert "The earlier code was stopped" in later.items[0]
    assert "later\n" in later.items
    assert 1 == later.items[-1].value
