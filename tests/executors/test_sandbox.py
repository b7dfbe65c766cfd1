"""The sandbox: it prints, calls tools, answers, and keeps variables."""

import asyncio
import threading
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxagent.errors import CodeError
from rxagent.events import ToolCompleted, ToolFailed, ToolOutput, ToolStarted
from rxagent.executors import CodeResult, Functions, Limits, SandboxExecutor
from rxagent.messages import ToolCall
from rxagent.streams import RunScheduler, each
from rxagent.streams import operators as stream_ops
from rxagent.testing import VirtualScheduler

from .coding import NONE, Ran, add, functions_of

EXECUTOR = SandboxExecutor()


@contextmanager
def opened(variables=None, saved=None, executor=EXECUTOR):
    """Open a session, and close it."""
    session = executor.open(variables or {}, saved)
    try:
        yield session
    finally:
        session.close()


@pytest.fixture
def session():
    """A session."""
    with opened() as session:
        yield session


# Results


def test_the_last_expression_is_the_value(session):
    """The value of code is that of its last expression, if it ends with one."""
    assert [CodeResult(3)] == Ran(session, "x = 1\nx + 2").items
    assert [CodeResult(None)] == Ran(session, "y = 2").items


def test_final_answer_ends_the_code(session):
    """`final_answer(x)` ends the code at once, and x is the answer with its type."""
    ran = Ran(session, "final_answer(7.2904)\nprint('never')")
    assert [CodeResult(7.2904, is_final=True)] == ran.items


@pytest.mark.parametrize(
    "code",
    [
        "final_answer(answer=3)",
        "def f():\n    final_answer(3)\nf()",
        "try:\n    final_answer(3)\nexcept Exception:\n    final_answer(4)",
        "try:\n    final_answer(3)\nexcept:\n    final_answer(4)",
        "try:\n    final_answer(3)\nfinally:\n    1 / 0",
        "for x in [3, 4]:\n    try:\n        final_answer(x)\n    except BaseException: pass",
        "import asyncio\nasync def f(x):\n    await asyncio.sleep(x)\n    final_answer(3)\n"
        "await asyncio.gather(f(0), f(9))",
    ],
)
def test_the_first_final_answer_counts(session, code):
    """No handler of errors takes an answer back."""
    assert CodeResult(3, is_final=True) == Ran(session, code).result


@pytest.mark.parametrize("code", ["final_answer()", "final_answer(1, 2)"])
def test_an_answer_is_one_value(session, code):
    """The code reads what `final_answer` takes."""
    assert "final_answer takes one value" in Ran(session, code).error


def test_an_answer_before_the_limit_counts():
    """Code that has given its answer and does not end has succeeded."""
    with opened(executor=SandboxExecutor(Limits(seconds=0.2))) as session:
        code = "try:\n    final_answer(3)\nexcept:\n    pass\nwhile True:\n    pass"
        assert CodeResult(3, is_final=True) == Ran(session, code).result


# Prints


def test_prints_are_emitted_before_what_comes_after(session):
    """What code prints is emitted as str, in order with its calls and its result."""
    ran = Ran(session, "print('a')\nprint(add(1, 2), end='')\n5", functions_of(add))
    call = ToolCall("c1.1", "add", '{"a": 1, "b": 2}')
    assert [
        "a\n",
        ToolStarted(call),
        ToolCompleted("c1.1", "3", 3),
        "3",
        CodeResult(5),
    ] == ran.items


def test_prints_are_live(session):
    """A print arrives while the code still runs."""
    has_printed = threading.Event()

    def wait() -> bool:
        """Wait for the print."""
        return has_printed.wait(60)

    def note(item):
        if item == "now\n":
            has_printed.set()

    for item in each(session.run("print('now')\nwait()", functions_of(wait))):
        note(item)
    assert CodeResult(True) == item


def test_prints_before_an_error_are_kept(session):
    """Code that fails half-way has emitted what it printed."""
    ran = Ran(session, "print('so far')\n1 / 0")
    assert "so far\n" == ran.printed
    assert ran.error.startswith("ZeroDivisionError: division by zero.")


def test_prints_to_stderr_are_prints(session):
    """What code prints to `sys.stderr` is emitted too."""
    assert "e\n" == Ran(session, "import sys\nprint('e', file=sys.stderr)").printed


def test_a_flood_is_counted():
    """Prints beyond the limit are counted, and neither kept nor emitted."""
    with opened(executor=SandboxExecutor(Limits(output=10))) as session:
        ran = Ran(session, "for i in range(1000):\n    print('abc')\ni")
        assert ran.printed.startswith("abc\nabc\nab\n(The code printed 4,000 characters; only the")
        assert len(ran.printed) < 120
        assert 999 == ran.value


# Tools


def test_the_error_of_a_tool_can_be_caught(session):
    """A tool's error is raised in the code, by its own type where the sandbox has it."""

    def fail() -> None:
        """Fail."""
        raise ValueError("no luck")

    code = "try:\n    fail()\nexcept ValueError as error:\n    print(error)"
    ran = Ran(session, code, functions_of(fail))
    assert "no luck\n" == ran.printed
    assert ToolFailed("c1.1", "ValueError: no luck") == ran.events[-1]
    assert Ran(session, "fail()", functions_of(fail)).error.startswith("ValueError: no luck.\n  in")


def test_wrong_arguments_are_a_type_error(session):
    """A call whose arguments do not fit never starts, and raises TypeError."""
    ran = Ran(session, "add('x', 1)", functions_of(add))
    assert [ToolFailed] == [type(event) for event in ran.events]
    assert ran.error.startswith("TypeError: Argument a has type 'string'")


def test_asynchronous_calls_run_together(session):
    """Calls of asynchronous tools that are gathered run at the same time."""
    running = set()
    both = asyncio.Event()

    async def meet(name: str) -> str:
        """Wait for the other."""
        running.add(name)
        if len(running) == 2:
            both.set()
        await asyncio.wait_for(both.wait(), 60)
        return name

    code = "import asyncio\nawait asyncio.gather(meet('a'), meet('b'))"
    assert ["a", "b"] == Ran(session, code, functions_of(meet)).value


def test_one_asynchronous_call_is_awaited(session):
    """`await tool()` works at the top level, in functions, and with an error."""

    async def half(x: int) -> int:
        """Halve an even number."""
        if x % 2:
            raise ValueError(f"{x} is odd")
        return x // 2

    functions = functions_of(half)
    assert 2 == Ran(session, "await half(4)", functions).value
    assert (
        1
        == Ran(
            session, "async def f():\n    return await half(await half(4))\nawait f()", functions
        ).value
    )
    code = "try:\n    await half(3)\nexcept ValueError as error:\n    str(error)\nelse:\n    0"
    assert Ran(session, code, functions).error is None
    assert "ValueError: 3 is odd." in Ran(session, "await half(3)", functions).error


def test_a_call_that_is_not_awaited_is_ended(session):
    """A call that the code did not wait for ends with the code, and the model reads that."""
    started = asyncio.Event()

    async def slow() -> None:
        """Never end."""
        started.set()
        await asyncio.Event().wait()

    async def ready() -> None:
        """Wait until the other one has begun."""
        await started.wait()

    ran = Ran(session, "slow()\nawait ready()\n1", functions_of(slow, ready))
    assert ToolFailed("c1.1", "Cancelled: the code ended before slow did.") in ran.events
    assert "(Calls were not awaited, so their values are missing: write `await slow(...)`.)\n" == (
        ran.printed
    )
    assert 1 == ran.value


@pytest.mark.parametrize("use", ["later() + 1", "for _ in later(): pass", "later().real"])
def test_an_error_of_a_call_that_was_not_awaited_says_so(session, use):
    """It names the function; of a call that earlier code made, the name is not known."""

    async def later() -> int:
        """Return a number."""
        return 1

    functions = functions_of(later)
    first = Ran(session, use, functions).error.splitlines()[0]
    Ran(session, "call = later()", functions)
    second = Ran(session, use.replace("later()", "call"), functions).error.splitlines()[0]

    advice = "Await the call before you use its value"
    assert first.endswith(f"{advice}: write `await later(...)`.")
    assert second.endswith(f"{advice}.")
    assert advice not in Ran(session, "later()\n1 / 0", functions).error


def test_an_answer_needs_its_calls(session):
    """A final answer that comes before a call was awaited is an error, as it lacks the value."""
    code = "final_answer('cheap' if price('tea') == 3.5 else 'dear')"

    async def price(item: str) -> float:
        """Return the price."""
        return 3.5

    assert "write `await price(...)`" in Ran(session, code, functions_of(price)).error
    awaited = code.replace("price(", "await price(")
    assert "cheap" == Ran(session, awaited, functions_of(price)).value


GATHER = "from asyncio import gather\n"


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("a = one(1)\nb = await one(2)\n[b, f'{a}'][0]", ["one"]),
        ("a = one(1)\nb = await two(2)\nc = await two(3)\n[b, c]", ["one"]),
        ("async def own():\n    return await two(2)\na = one(1)\nawait own()", ["one"]),
        ("a = one(1)\n'ü🎈'\nawait two(2)", ["one"]),
        ("a, b = one(1), two(2)\nawait b\nawait a", []),
        ("await one(1)\nawait two(2)", []),
        ("import asyncio\nawait asyncio.gather(one(1), two(2))", []),
        ("import asyncio\nawait asyncio.gather(*[one(n) for n in range(3)])", []),
        (GATHER + "a = one(1)\nawait gather(two(2), two(3))", ["one"]),
        (GATHER + "a, b, c = one(1), two(2), two(3)\nawait gather(b, c)", []),
        (GATHER + "a = one(1)\nb = two(2)\nc = two(3)\nawait gather(b, c)", ["one"]),
        (GATHER + "a = one(1)\nb = []\nb.append(two(2))\nawait gather(*b)", ["one"]),
        (GATHER + "a = one(1)\nb = [two(n) for n in [1, 2]]\nawait gather(*b)", ["one"]),
        (GATHER + "a = one(1)\nb = gather(two(2), two(3))\nawait b", ["one"]),
        (GATHER + "async def of(x):\n    return await x\na = one(1)\nawait of(two(2))", ["one"]),
        ("a = one(1)\nb = two(2)\nfor c in [b]:\n    d = await c\nd", ["one"]),
        ("a = one(1)\nb = {'c': two(2)}\nawait b['c']", ["one"]),
        ("a = one(1)\nb = await two(2)\nawait a", []),
        ("a = one(1)\nb = two(2)\nawait b\nawait a", []),
        (GATHER + "a = one(1)\nb = await gather(two(2), two(3))\nc = a\nawait c", []),
        (
            "import asyncio\nasync def of(x):\n    return await x\n"
            "async def own():\n    return await two(2)\n"
            "a = one(1)\nawait asyncio.gather(of(a), own())",
            [],
        ),
    ],
)
def test_awaiting_one_call_is_not_awaiting_another(session, code, missing):
    """Code that awaits a call reads what another one's value is missing for."""

    async def one(number: int) -> int:
        """Return the number."""
        return number

    async def two(number: int) -> int:
        """Return the number."""
        return number

    functions = functions_of(one, two)
    printed = Ran(session, code, functions).printed
    *rest, last = code.split("\n")
    error = Ran(session, "\n".join([*rest, f"final_answer({last})"]), functions).error

    advice = ", ".join(f"write `await {name}(...)`" for name in missing)
    note = f"(Calls were not awaited, so their values are missing: {advice}.)\n"
    assert (note if missing else "") == printed
    assert bool(missing) == (error is not None and advice in error)


@settings(max_examples=12)
@given(st.data())
def test_what_is_gathered_is_awaited(data):
    """Of calls that are gathered in any groups, those in none are missing, and no others."""
    names = ["one", "two", "three", "four"]
    group_of = {name: data.draw(st.integers(0, 3)) for name in names}
    groups = [[name for name in names if group_of[name] == group] for group in (1, 2, 3)]

    async def one() -> int:
        """Return 1."""
        return 1

    async def two() -> int:
        """Return 2, later."""
        await asyncio.sleep(0)
        return 2

    async def three() -> int:
        """Return 3."""
        return 3

    async def four() -> int:
        """Return 4, much later."""
        for _ in range(9):
            await asyncio.sleep(0)
        return 4

    calls = [f"of_{name} = {name}()" for name in names]
    awaits = [f"await gather({', '.join('of_' + n for n in group)})" for group in groups if group]
    code = "\n".join([GATHER, *calls, *awaits, "0"])
    with opened() as session:
        printed = Ran(session, code, functions_of(one, two, three, four)).printed

    missing = [name for name in names if not group_of[name]]
    advice = "write " + ", ".join(f"`await {name}(...)`" for name in missing)
    note = f"(Calls were not awaited, so their values are missing: {advice}.)\n"
    assert (note if missing else "") == printed


def test_a_call_of_earlier_code_is_not_waited_for(session):
    """It ended with its code, so awaiting it is an error at once, which says what to do."""

    async def later() -> int:
        """Return a number."""
        return 1

    functions = functions_of(later)
    Ran(session, "kept = 1\ncall = later()", functions)
    ran = Ran(session, "await call", functions)

    assert "awaits a call that code before it made, which has ended" in ran.error
    assert "Call the function again" in ran.error
    assert 1 == Ran(session, "await later()", functions).value


def test_a_name_given_away_is_a_tool_again(session):
    """Code that assigns to a tool's name loses the tool for itself, not for what comes after."""
    functions = functions_of(add)
    assert 3 == Ran(session, "add = add(1, 2)\nadd", functions).value
    assert 7 == Ran(session, "add(3, 4)", functions).value


def test_functions_are_values(session):
    """Tools can be kept in variables and lists."""
    assert [3, 7] == Ran(session, "f = [add]\n[f[0](1, 2), f[0](3, 4)]", functions_of(add)).value


def test_outputs_of_tools_are_emitted(session):
    """What a tool yields is an event between its start and its end."""

    def count():
        """Count."""
        yield 1
        yield 2

    ran = Ran(session, "count()", functions_of(count))
    assert [ToolOutput("c1.1", 1), ToolOutput("c1.1", 2)] == ran.events[1:3]
    assert 2 == ran.value


def test_an_error_of_the_stream_ends_the_run(session):
    """An error that is no outcome of a call ends everything; no code can catch it."""

    def call(name, args, kwargs):
        return stream_ops.of(1).pipe(stream_ops.map(lambda _: 1 / 0))

    broken = Functions(frozenset(["add"]), frozenset(), call)
    code = "try:\n    add(1, 2)\nexcept:\n    pass"
    with pytest.raises(ZeroDivisionError):
        list(each(session.run(code, broken)))
    assert 2 == Ran(session, "1 + 1").value


def test_a_call_without_outcome_is_an_error(session):
    """The code reads that a tool gave nothing."""
    nothing = Functions(frozenset(["f"]), frozenset(), lambda *_: stream_ops.of())
    assert "f gave no result" in Ran(session, "f()", nothing).error


# Variables


def test_variables_are_kept(session):
    """Variables, functions, classes and imports are there in the next piece of code."""
    Ran(session, "import math\nx = [1]\ndef f():\n    return x\nclass C:\n    y = 2")
    assert ([1], 2, 3) == Ran(session, "(f(), C.y, math.floor(3.5))").value


def test_an_error_keeps_what_was_assigned_before(session):
    """Code that fails has changed the variables up to there."""
    Ran(session, "x = 1\nx = 2\n1 / 0\nx = 3")
    assert 2 == Ran(session, "x").value


def test_given_variables_are_copies():
    """Variables of `open` are copies: the code cannot change the caller's."""
    mine = [1]
    with opened({"v": mine}) as session:
        assert [1, 2] == Ran(session, "v.append(2)\nv").value
    assert [1] == mine


def test_given_variables_survive_a_syntax_error():
    """Variables are there, even if the first piece of code cannot be read."""
    with opened({"v": 1}) as session:
        assert Ran(session, "(").error is not None
        assert 1 == Ran(session, "v").value


def test_saved_variables_are_copied(session):
    """Each session that opens saved variables has its own copy, with new ones beside it."""
    Ran(session, "x = [1]\ndef f():\n    return len(x)")
    saved = session.save()
    with opened({"y": 5}, saved) as one, opened({}, saved) as other:
        assert 2 == Ran(one, "x.append(y)\nf()").value
        assert [1] == Ran(other, "x").value
    assert [1] == Ran(session, "x").value


def test_a_session_that_ran_nothing_saves_what_it_was_given():
    """Saved variables that no code has touched are the same again."""
    with opened() as session:
        assert session.save() is None
        Ran(session, "x = 1")
        saved = session.save()
    with opened({}, saved) as session:
        assert saved == session.save()


def test_saved_variables_that_cannot_be_read_end_the_run():
    """Bytes that `save` did not return are no error of the code."""
    cannot = pytest.raises(ValueError, match=r"The saved variables cannot be read \(")
    with opened({}, b"rubbish") as session, cannot:
        Ran(session, "1")


def test_variables_are_saved_after_the_session_is_closed(session):
    """What was saved is there after `close`, as a run ends."""
    Ran(session, "final_answer(1)")
    session.close()
    session.close()
    assert isinstance(session.save(), bytes)


def test_slow_saving_is_left_out(session, monkeypatch):
    """Variables that take long to save are saved only with the answer."""
    monkeypatch.setattr("rxagent.executors.sandbox_variables._QUICK", -1)
    Ran(session, "x = 1")
    assert session.save() is None
    Ran(session, "final_answer(x)")
    with opened({}, session.save()) as copy:
        assert 1 == Ran(copy, "x").value


# Sessions


def test_a_session_runs_one_piece_at_a_time(session):
    """Two pieces of code at once are refused, and so is a closed session."""
    inner = []

    def nest() -> str:
        """Run other code in the same session."""
        with pytest.raises(RuntimeError, match="runs other code"):
            list(each(session.run("1", NONE)))
        inner.append(1)
        return "refused"

    assert "refused" == Ran(session, "nest()", functions_of(nest)).value
    assert [1] == inner
    session.close()
    with pytest.raises(RuntimeError, match="is closed"):
        list(each(session.run("1", NONE)))


def test_sessions_do_not_meet():
    """Two sessions of one executor have their own variables, also at the same time."""
    with opened() as one, opened() as other:
        Ran(one, "x = 1")
        Ran(other, "x = 2")
        assert (1, 2) == (Ran(one, "x").value, Ran(other, "x").value)


def test_a_session_nests_in_a_tool(session):
    """A tool may run code of its own, as the inner agent of a team does."""

    def inner(x: int) -> int:
        """Double by code."""
        with opened({"x": x}) as nested:
            return Ran(nested, "x * 2").value

    assert [2, 4] == Ran(session, "[inner(1), inner(2)]", functions_of(inner)).value


def test_a_run_is_cold(session):
    """Nothing runs before it is subscribed; each subscription runs the code again."""
    Ran(session, "n = 0")
    source = session.run("n += 1\nn", NONE)
    assert [CodeResult(1)] == list(each(source))
    assert [CodeResult(2)] == list(each(source))


def test_virtual_time(session):
    """In virtual time code runs at once, and its sleep takes virtual seconds."""
    seen = []
    with VirtualScheduler() as scheduler:
        code = "import time\nprint('a')\ntime.sleep(3)\nprint('b')"
        session.run(code, NONE).subscribe(
            lambda item: seen.append((scheduler.clock, item)), scheduler=scheduler
        )
        scheduler.run()
    assert [(0, "a\n"), (3, "b\n"), (3, CodeResult(None))] == seen


def test_a_paused_run_emits_nothing(session):
    """While the run is held, prints and results wait."""

    async def main():
        scheduler, items, ended = RunScheduler(), [], asyncio.Event()
        hold = scheduler.hold()
        session.run("print(1)\n2", NONE).subscribe(
            items.append, on_completed=ended.set, scheduler=scheduler
        )
        turns = asyncio.Event()
        scheduler.run_serialized(turns.set)
        await turns.wait()
        assert [] == items
        hold.dispose()
        await asyncio.wait_for(ended.wait(), 60)
        return items

    assert ["1\n", CodeResult(2)] == asyncio.run(main())


# The executor


@pytest.mark.parametrize("names", [["numpy"], ["math", "pandas.core"], ["*"], ["os", "subprocess"]])
def test_modules_it_cannot_serve_are_refused(names):
    """Modules that the sandbox lacks are refused at construction, with the way out."""
    with pytest.raises(ValueError, match=r"cannot import .*ProcessExecutor\(authorized_imports="):
        SandboxExecutor(additional_authorized_imports=names)


def test_modules_it_has_are_accepted():
    """Modules that the sandbox has may be named."""
    assert SandboxExecutor(additional_authorized_imports=["math", "os.path"]).language


def test_all_modules_it_names_are_there(session):
    """The list of modules that the model reads is what can be imported."""
    from rxagent.executors.sandbox_language import MODULES

    for name in MODULES:
        assert Ran(session, f"import {name}").error is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"limits": 3}, "limits must be Limits"),
        ({"recursion": 0}, "recursion must be a number of calls, 1 or more"),
        ({"additional_authorized_imports": "numpy"}, "must be a list of names of modules"),
    ],
)
def test_wrong_arguments_are_refused(arguments, words):
    """A wrong argument of the executor is an error that names it."""
    with pytest.raises((TypeError, ValueError), match=words):
        SandboxExecutor(**arguments)


def test_wrong_variables_are_refused():
    """A variable's name and saved variables are checked when they are given."""
    with pytest.raises(ValueError, match="must be an identifier, not '1a'"):
        EXECUTOR.open({"1a": 1})
    with pytest.raises(TypeError, match="saved must be what save"):
        EXECUTOR.open({}, saved="x")


def test_code_error_is_what_fails(session):
    """A failure of code is a CodeError, by `on_error`."""
    errors = []
    with pytest.raises(CodeError):
        list(each(session.run("1 / 0", NONE).pipe(stream_ops.map(errors.append))))
    assert [] == errors
