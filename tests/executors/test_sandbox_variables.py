"""What becomes of variables: later code finds their last values, or reads that they are lost."""

import pytest

from rxagent.executors import Limits, SandboxExecutor

from .coding import Ran, add, functions_of

LOST = "All variables of earlier code are lost. Assign them again."
BIG = "rows = [str(i) for i in range({})]"


def after(session):
    """Return what later code reads of the variable x: its value, and what is printed before."""
    ran = Ran(session, "x")
    return ("lost" if ran.error else ran.value), ran.printed


@pytest.fixture
def opened():
    """Return a function that opens a session, which the test need not close."""
    sessions = []

    def open_session(given=None, saved=None, **limits):
        sessions.append(SandboxExecutor(Limits(**limits)).open(given or {}, saved))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


@pytest.mark.parametrize("rows", [100, 30_000, 100_000, 150_000, 210_000])
@pytest.mark.parametrize("last", ["len(rows)", "1 / 0", "final_answer(x)"])
def test_old_variables_are_never_read_as_new_ones(opened, rows, last):
    """Whatever fits into a save, later code finds the last value of x, or x is lost and said so."""
    session = opened(memory=32 * 2**20)
    Ran(session, "x = 1")
    ran = Ran(session, f"x = 2\n{BIG.format(rows)}\n{last}")
    assert ran.error is None or "ZeroDivisionError" in ran.error
    saved = session.save()
    value, printed = after(session)
    if value == "lost":
        assert saved is None
        assert LOST in ran.printed + printed
    else:
        assert 2 == value
    if saved is not None:
        assert 2 == after(opened(saved=saved, memory=2**28))[0]


def test_variables_that_cannot_be_saved_are_lost(opened):
    """A save that takes more memory than there is loses them; the model reads so, and goes on."""
    session = opened({"given": 7}, memory=32 * 2**20)
    Ran(session, "x = 1\ngiven = 8")
    ran = Ran(session, f"x = 2\n{BIG.format(210_000)}\nlen(rows)")
    assert 210_000 == ran.value
    assert f"(The variables take too much memory. {LOST})\n" == ran.printed
    assert session.save() is None
    assert ("lost", "") == after(session)
    assert 7 == Ran(session, "given").value


def test_saved_variables_that_do_not_fit_are_lost(opened):
    """Saved variables that are larger than the memory are lost; the first print says so."""
    larger = opened(memory=2**28)
    Ran(larger, f"x = 1\n{BIG.format(200_000)}\nfinal_answer(1)")
    session = opened({"given": 7}, larger.save(), memory=2**24)
    assert 7 == (ran := Ran(session, "given")).value
    assert f"(The sandbox was replaced. {LOST})\n" == ran.printed
    assert ("lost", "") == after(session)


def test_code_that_is_killed_after_its_answer_is_not_undone(opened):
    """Code killed after final_answer has succeeded, so the variables from before it are old."""
    session = opened(seconds=0.3)
    Ran(session, "x = 1")
    ran = Ran(session, "x = 2\ntry:\n    final_answer(x)\nfinally:\n    while True: pass")
    assert ran.result.is_final
    assert session.save() is None
    assert ("lost", f"(The sandbox was replaced. {LOST})\n") == after(session)


def test_code_that_is_killed_after_too_many_calls_is_undone(opened):
    """Code killed after a call too many has failed; its error says what became of the variables."""
    session = opened(seconds=0.3, calls=0)
    Ran(session, "x = 1")
    code = "x = 2\ntry:\n    add(1, 2)\nfinally:\n    while True: pass"
    error = Ran(session, code, functions_of(add)).error
    assert "more than 0 tools" in error
    assert error.endswith("\nThe variables are as they were before this code.")
    assert (1, "") == after(session)
