"""Calculators: sums by a tool, in dialogues that call tools."""

from random import Random
from typing import Any

from ..example import Example, Offered, Reply, call, code
from .arithmetic import expression, rounded
from .dates import dates
from .percentages import percentage
from .phrases import asked, of
from .requests import a_tool, quoted
from .tools import cannot, in_words
from .units import conversion

__all__ = ["calculators"]

_OPERATIONS = {
    "+": (("add", "plus", "sum_of", "addition", "add_numbers"), "sum", ("plus", "+", "and")),
    "-": (("subtract", "minus", "difference", "sub"), "difference", ("minus", "-")),
    "*": (("multiply", "times", "product", "mul"), "product", ("times", "*", "×", "multiplied by")),
    "/": (("divide", "quotient", "division", "div"), "quotient", ("divided by", "/", "over")),
    "**": (("power", "pow", "raise_to"), "power", ("to the power of", "^", "**")),
}
_KEYS = (("a", "b"), ("a", "b"), ("x", "y"), ("first", "second"), ("left", "right"), ("m", "n"))


def calculators(random: Random) -> Example:
    """Return a sum for a calculator, or for a tool of one operation."""
    chance = random.random()
    if chance < 0.5:
        return _by_expression(random)
    if chance < 0.8:
        return _by_operation(random)
    if chance < 0.9:
        return _in_code(random)
    question = random.choice(
        (
            asked(random, expression(random)[0]),
            percentage(random)[0],
            conversion(random)[0],
            dates(random).question,
        )
    )
    return cannot(
        question, [a_tool(random).tool for _ in range(random.randrange(3))], is_code=False
    )


def _by_expression(random: Random) -> Example:
    kind = random.random()
    if kind < 0.6:
        said, python = expression(random)
        question = asked(random, said)
    elif kind < 0.8:
        question, python = percentage(random)
    else:
        question, python, _ = conversion(random)
    key = of(random, "expression", "expression", "formula", "text", "expr", "calculation", "query")
    tool = Offered(
        of(
            random, "calculator", "calculate", "calc", "compute", "evaluate", "math", "calculate_it"
        ),
        {key: "str"},
        of(
            random,
            *("Calculate an expression.", "Evaluate an arithmetic expression.", "A calculator."),
            *("Return the value of an expression.", "Do arithmetic.", "Compute a formula."),
            *("Calculate a sum, as 2 + 3.", "Evaluate a mathematical expression in Python."),
        ),
    )
    try:
        value = eval(python)
    except (ZeroDivisionError, OverflowError):
        return calculators(random)
    return _called(random, question, tool, {key: python}, value)


def _by_operation(random: Random) -> Example:
    question, tool, arguments, value = _operation(random)
    return _called(random, question, tool, arguments, value)


def _operation(random: Random) -> tuple[str, Offered, dict[str, Any], Any]:
    sign = random.choice("+++-**/") if random.random() < 0.9 else "**"
    names, result, words = _OPERATIONS[sign]
    a, b = (
        random.randrange(10 ** random.randrange(1, 6)),
        random.randrange(1, 10 ** random.randrange(1, 5)),
    )
    if sign == "**":
        a, b = a % 50, b % 8
    keys = random.choice(_KEYS)
    kind = random.choice(("int", "int", "float"))
    tool = Offered(
        random.choice(names),
        dict.fromkeys(keys, kind),
        of(
            random,
            *(f"Return the {result} of two numbers.", f"Return the {result} of two integers."),
            *(f"{names[0].title()} two numbers.", f"The {result} of {keys[0]} and {keys[1]}."),
        ),
    )
    said = random.choice(
        (
            *(asked(random, f"{a} {random.choice(words)} {b}") for _ in range(3)),
            f"{random.choice(words[:1])} {a} {b}" if sign != "+" else f"Add {a} and {b}.",
            asked(random, f"the {result} of {a} and {b}"),
        )
    )
    value = eval(f"{a} {sign} {b}")
    return said, tool, dict(zip(keys, (a, b), strict=True)), value


def _in_code(random: Random) -> Example:
    """Return a sum in whose text a tool is called, as `add(2, 3) to the power of 7`."""
    _, tool, arguments, _ = _operation(random)
    written = f"{tool.name}({', '.join(map(quoted, arguments.values()))})"
    called = f"{tool.name}({', '.join(f'{k}={quoted(v)}' for k, v in arguments.items())})"
    number = random.randrange(2, 60)
    said, python = random.choice(
        (
            (f"{written} to the power of {number}", f"{called} ** {number}"),
            (f"{written} ** {number}", f"{called} ** {number}"),
            (f"{written} times {number}", f"{called} * {number}"),
            (f"{written} plus {number}", f"{called} + {number}"),
            (f"{written} minus {number}", f"{called} - {number}"),
            (f"{written}", called),
        )
    )
    listed = [tool, *(a_tool(random).tool for _ in range(random.randrange(3)))]
    random.shuffle(listed)
    reply = code(f"I call {tool.name}.", f"final_answer({rounded(python)})")
    answer = [(tool.name, arguments)]
    return Example("tools", asked(random, said), [Reply(reply)], listed, answer=answer)


def _called(
    random: Random, question: str, tool: Offered, arguments: dict[str, Any], value: Any
) -> Example:
    listed = [tool, *(a_tool(random).tool for _ in range(random.randrange(3)))]
    random.shuffle(listed)
    value = value if isinstance(value, int) else round(value, 6)
    replies = [Reply(call((tool.name, arguments)), (str(value),)), Reply(in_words([str(value)]))]
    answer = [(tool.name, arguments)]
    return Example("calculator", question, replies, listed, is_code=False, answer=answer)
