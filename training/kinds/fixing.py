"""Fixing: what the model does after an error."""

from random import Random

from ..example import Example, Reply, call, code
from .arithmetic import expression, final, rounded
from .dates import said, some_date, written
from .phrases import asked, dressed, of
from .requests import Asked, a_tool
from .tools import in_code, in_words, offered

__all__ = ["failed_by_call", "failed_in_code", "fixing"]

_THOUGHT = "I mend the error."  # codespell:ignore mend


def fixing(random: Random) -> Example:
    """Return a dialogue with an error."""
    kinds = (
        _no_import,
        _zero,
        _syntax,
        _no_name,
        _arguments,
        _arguments,
        _failure,
        _no_date,
        _no_code,
    )
    kinds += (_by_call, _by_call_failed, _closing)
    return random.choice(kinds)(random)


def _fixed(question, wrong, error, right, tools=(), *, answer=None) -> Example:
    replies = [Reply(wrong, (error,), is_learned=False), Reply(right)]
    return Example("fixing", question, replies, tools, answer=answer)


def _error(text: str, line: str, number: int = 1) -> str:
    return f"CodeError: {text}\n  in line {number}: {line}"


def _no_import(random: Random) -> Example:
    day, other = some_date(random), some_date(random)
    first, last = min(day, other), max(day, other)
    question = f"How many days from {said(random, first)} to {said(random, last)}?"
    line = f"final_answer(({written(last)} - {written(first)}).days)"
    error = _error("NameError: name 'date' is not defined.", line)
    right = code(_THOUGHT, "from datetime import date", line)
    return _fixed(question, code("I work with the dates.", line), error, right)


def _zero(random: Random) -> Example:
    a = random.randrange(10**5)
    python, said_sum = (
        f"{a} / 0",
        of(random, f"{a} / 0", f"{a} divided by 0", f"{a} ÷ 0", f"{a} over zero"),
    )
    if random.random() < 0.3:
        b = random.randrange(99)
        python, said_sum = f"{a} / ({b} - {b})", f"{a} / ({b} - {b})"
    line = f"final_answer(round({python}, 10))"
    right = code(
        "Division by zero has no result.", 'final_answer("Division by zero is not defined.")'
    )
    error = _error("ZeroDivisionError: division by zero.", line)
    return _fixed(asked(random, said_sum), code("I calculate it.", line), error, right)


def _syntax(random: Random) -> Example:
    said_sum, python = expression(random)
    line = f"final_answer({rounded(python)})"
    wrong = random.choice(
        (line[:-1], line.replace("final_answer(", "final_answer((", 1), f"{line})")
    )
    what = of(
        random,
        "unexpected EOF while parsing",
        "Expected an expression",
        "Expected ')', found newline",
    )
    error = _error(f"SyntaxError: {what}. Nothing of this code was run.", wrong)
    right = code(_THOUGHT, line)
    return _fixed(
        asked(random, said_sum), code("I calculate it.", wrong), error, right, answer=python
    )


def _no_name(random: Random) -> Example:
    value = random.randrange(2, 99999)
    wrong = f"final_answer({of(random, 'sqrt', 'math.sqrt')}({value}))"
    name = "math" if "math" in wrong else "sqrt"
    hint = " Write `import math` first." if name == "math" else ""
    error = _error(f"NameError: name '{name}' is not defined.{hint}", wrong)
    right = code(_THOUGHT, f"final_answer(round({value} ** 0.5, 10))")
    return _fixed(
        asked(random, f"the square root of {value}"), code("I calculate it.", wrong), error, right
    )


def _takes(wanted) -> str:
    names = {"str": "string", "int": "integer", "float": "number"}
    parts = (
        f'"{key}"{"?" if "=" in kind else ""}: {names[kind.split()[0]]}'
        for key, kind in wanted.tool.parameters.items()
    )
    return f"{wanted.tool.name} takes {{{', '.join(parts)}}}."


def _some(random: Random):
    while True:
        wanted = a_tool(random)
        if wanted.arguments:
            return wanted


def _wrong_arguments(random: Random, wanted) -> tuple[dict, str]:
    key = random.choice(list(wanted.arguments))
    other = of(random, "name", "value", "text", "x", "what", "arg", key[:2])
    rest = {k: v for k, v in wanted.arguments.items() if k != key}
    if random.random() < 0.5 or other in wanted.tool.parameters:
        return rest, f"Argument {key} is missing. {_takes(wanted)}"
    wrong = {**rest, other: wanted.arguments[key]}
    return wrong, f"Argument {key} is missing. Argument {other} is unknown. {_takes(wanted)}"


def _arguments(random: Random) -> Example:
    wanted = _some(random)
    arguments, what = _wrong_arguments(random, wanted)
    inside = ", ".join(f"{k}={v!r}" for k, v in arguments.items())
    name = wanted.tool.name
    if random.random() < 0.25:
        name = of(random, f"get_{name}", name[:-1], f"{name}s")
        inside = ", ".join(f"{k}={v!r}" for k, v in wanted.arguments.items())
        line = f"final_answer({name}({inside}))"
        hint = of(random, "", f" Did you mean {wanted.tool.name}?")
        error = _error(f"NameError: name '{name}' is not defined.{hint}", line)
    else:
        line = f"final_answer({name}({inside}))"
        error = _error(f"TypeError: {what}", line)
    right = in_code([wanted]).replace(f"I call {wanted.tool.name}.", _THOUGHT)
    wrong = code(f"I call {name}.", line)
    listed = offered(random, [wanted], 3)
    return _fixed(dressed(random, wanted.request), wrong, error, right, listed)


def _reason(random: Random, wanted) -> str:
    value = next(iter(wanted.arguments.values()))
    return of(
        random,
        *(f"There is no {value}.", f"{value} was not found.", "The server does not answer."),
        *(f"Unknown value {value}.", "Access was denied.", "The service is not available."),
    )


def _failure(random: Random) -> Example:
    return failed_in_code(random, _some(random))


def failed_in_code(random: Random, wanted: Asked) -> Example:
    """Return a dialogue in which a tool that code calls fails."""
    kind, reason = (
        of(random, "ValueError", "KeyError", "RuntimeError", "OSError"),
        _reason(random, wanted),
    )
    first = in_code([wanted])
    line = f"final_answer({wanted.python})"
    error = _error(f"{kind}: {reason}", line)
    right = code("The tool failed.", f'final_answer("The tool failed: {reason}")')
    return _fixed(
        dressed(random, wanted.request), first, error, right, offered(random, [wanted], 3)
    )


def _no_date(random: Random) -> Example:
    month, day = random.choice(((2, 30), (2, 31), (4, 31), (6, 31), (9, 31), (11, 31), (2, 29)))
    year = random.choice((2023, 2025, 2026, 2027))
    from .dates import MONTHS

    line = f'final_answer(date({year}, {month}, {day}).strftime("%A"))'
    last = 28 if month == 2 else 30
    error = _error(
        f"ValueError: day {day} must be in range 1..{last} for month {month} in year {year}.",
        line,
        2,
    )
    wrong = code("I work with the dates.", "from datetime import date", line)
    right = code("There is no such date.", 'final_answer("There is no such date.")')
    question = f"What day of the week is {day} {MONTHS[month - 1]} {year}?"
    return _fixed(question, wrong, error, right)


def _no_code(random: Random) -> Example:
    said_sum, python = expression(random)
    error = "ParseError: The reply holds no code that can run."
    wrong = of(random, "It is easy.", f"The answer is {random.randrange(999)}.", "I calculate it.")
    return _fixed(asked(random, said_sum), wrong, error, final(python), answer=python)


def _by_call(random: Random) -> Example:
    wanted = _some(random)
    arguments, what = _wrong_arguments(random, wanted)
    name, error = wanted.tool.name, f"InvalidArguments: {what}"
    if random.random() < 0.25:
        name, arguments = of(random, f"get_{name}", name[:-1], f"{name}s"), wanted.arguments
        error = f"UnknownTool: There is no tool named '{name}'. Did you mean {wanted.tool.name}?"
        error += f" The tools are: {wanted.tool.name}, final_answer."
    result = str(random.randrange(1000))
    replies = [
        Reply(call((name, arguments)), (error,), is_learned=False),
        Reply(call((wanted.tool.name, wanted.arguments)), (result,)),
        Reply(in_words([result])),
    ]
    listed = offered(random, [wanted], 3)
    return Example("fixing", dressed(random, wanted.request), replies, listed, is_code=False)


def _by_call_failed(random: Random) -> Example:
    return failed_by_call(random, _some(random))


def failed_by_call(random: Random, wanted: Asked) -> Example:
    """Return a dialogue in which a tool that is called fails."""
    kind = of(random, "ValueError", "KeyError", "RuntimeError", "OSError")
    reason = _reason(random, wanted)
    calls = call((wanted.tool.name, wanted.arguments))
    replies = [Reply(calls, (f"{kind}: {reason}",)), Reply(f"The tool failed: {reason}")]
    listed = offered(random, [wanted], 3)
    return Example("fixing", dressed(random, wanted.request), replies, listed, is_code=False)


def _closing(random: Random) -> Example:
    said_sum, python = expression(random)
    is_code = random.random() < 0.5
    replies = [
        Reply(
            final(python), ("CodeError: RuntimeError: The sandbox has ended.",), is_learned=False
        ),
        Reply("I could not do this in the steps that I have."),
    ]
    return Example("closing", asked(random, said_sum), replies, is_code=is_code)
