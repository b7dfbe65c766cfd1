"""Sums: operators in signs or words, brackets, decimals, powers and roots."""

from random import Random

from ..example import Example, Reply, code
from .phrases import asked, dressed, number, of

__all__ = ["arithmetic", "expression", "final", "spoken"]

_SIGNS = {
    "+": ("+", "+", "+", "plus", "and"),
    "-": ("-", "-", "-", "minus", "−", "less"),
    "*": ("*", "*", "×", "x", "times", "multiplied by", "·"),
    "/": ("/", "/", "÷", "divided by", "over", ":"),
    "**": ("**", "^", "to the power of", "raised to", "to the"),
}
_TEENS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_LARGE = (("hundred", "00"), ("thousand", "000"), ("million", "000000"))
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def arithmetic(random: Random) -> Example:
    """Return a sum."""
    if random.random() < 0.28:
        question, sum = _in_words(random)
    else:
        said, sum = expression(random)
        question = asked(random, said)
    return Example("arithmetic", question, [Reply(final(sum))], answer=sum)


def final(expression: str) -> str:
    """Return the reply that calculates."""
    return code("I calculate it.", f"final_answer({rounded(expression)})")


def rounded(expression: str) -> str:
    """Return an expression without the noise of binary fractions."""
    is_whole = "/" not in expression and "." not in expression
    return expression if is_whole else f"round({expression}, 10)"


def _operand(random: Random) -> tuple[str, str]:
    chance = random.random()
    if chance < 0.06:
        value = random.randrange(100)
        return spoken(value), str(value)
    if chance < 0.08:
        value, (word, zeros) = random.randrange(1, 30), random.choice(_LARGE)
        return f"{random.choice((spoken(value), value))} {word}", f"{value}{zeros}"
    value = number(random)
    if chance < 0.11 and "." not in value and len(value) > 3:
        return f"{int(value):,}", value
    if chance < 0.14 and value.strip("0."):
        return f"-{value}", f"-{value}"
    return value, value


def spoken(value: int) -> str:
    """Return a number below 100 in words."""
    if value < 20:
        return _TEENS[value]
    ten, one = divmod(value, 10)
    return _TENS[ten - 2] + (f"-{_TEENS[one]}" if one else "")


def expression(random: Random) -> tuple[str, str]:
    """Return a sum as it is said, and as Python."""
    if random.random() < 0.1:
        base, power = random.randrange(2, 100), random.randrange(2, 11)
        sign = random.choice(_SIGNS["**"])
        if sign in ("**", "^") and random.random() < 0.5:
            return f"{base}{sign}{power}", f"{base} ** {power}"
        return f"{base} {sign} {power}", f"{base} ** {power}"
    count = random.choice((2, 2, 2, 2, 2, 3, 3, 4))
    is_tight = random.random() < 0.15
    is_worded = not is_tight and random.random() < 0.35
    operands = [_operand(random) for _ in range(count)]
    signs = [random.choice("++--***//") for _ in range(count - 1)]
    said_signs = []
    for at, sign in enumerate(signs):
        if sign == "/" and not operands[at + 1][1].strip("-0."):
            operands[at + 1] = ("7", "7")
        forms = [form for form in _SIGNS[sign] if is_worded or not form[0].isalpha() or form == "x"]
        said_signs.append(random.choice(forms))
    gap = "" if is_tight else " "
    opened = closed = -1
    if count > 2 and random.random() < 0.55:
        opened = random.randrange(count - 1)
        closed = random.randrange(opened + 1, count if opened else count - 1)
    said, python = "", ""
    for at, (word, value) in enumerate(operands):
        bracket, end = "(" * (at == opened), ")" * (at == closed)
        said += bracket + word + end
        python += bracket + value + end
        if at < count - 1:
            said += f"{gap}{said_signs[at]}{gap}"
            python += f" {signs[at]} "
    return said, python


def _in_words(random: Random) -> tuple[str, str]:
    a, b, c = (_operand(random) for _ in range(3))
    small = random.randrange(2, 30)
    said, python = random.choice(
        (
            (f"the sum of {a[0]} and {b[0]}", f"{a[1]} + {b[1]}"),
            (f"the product of {a[0]} and {b[0]}", f"{a[1]} * {b[1]}"),
            (f"the difference between {a[0]} and {b[0]}", f"{a[1]} - {b[1]}"),
            (f"the difference of {a[0]} and {b[0]}", f"{a[1]} - {b[1]}"),
            (f"the quotient of {a[0]} and {small}", f"{a[1]} / {small}"),
            (f"the sum of {a[0]}, {b[0]} and {c[0]}", f"{a[1]} + {b[1]} + {c[1]}"),
            (f"the product of {a[0]}, {b[0]} and {c[0]}", f"{a[1]} * {b[1]} * {c[1]}"),
            (f"the average of {a[0]} and {b[0]}", f"({a[1]} + {b[1]}) / 2"),
            (f"the average of {a[0]}, {b[0]} and {c[0]}", f"({a[1]} + {b[1]} + {c[1]}) / 3"),
            (f"the mean of {a[0]}, {b[0]} and {c[0]}", f"({a[1]} + {b[1]} + {c[1]}) / 3"),
            (f"half of {a[0]}", f"{a[1]} / 2"),
            (f"a third of {a[0]}", f"{a[1]} / 3"),
            (f"a quarter of {a[0]}", f"{a[1]} / 4"),
            (f"twice {a[0]}", f"{a[1]} * 2"),
            (f"double {a[0]}", f"{a[1]} * 2"),
            (f"{a[0]} squared", _power(a[1], 2)),
            (f"{a[0]} cubed", _power(a[1], 3)),
            (f"the square of {a[0]}", _power(a[1], 2)),
            (f"the cube of {a[0]}", _power(a[1], 3)),
            (f"the square root of {a[0].strip('-')}", f"{a[1].strip('-')} ** 0.5"),
            (f"the cube root of {a[0].strip('-')}", f"{a[1].strip('-')} ** (1 / 3)"),
            (f"the remainder of {a[0]} divided by {small}", f"{a[1]} % {small}"),
            (f"{a[0]} modulo {small}", f"{a[1]} % {small}"),
            (f"{a[0]} mod {small}", f"{a[1]} % {small}"),
        )
    )
    if random.random() < 0.6:
        return asked(random, said), python
    order, python = random.choice(
        (
            (f"Add {a[0]} and {b[0]}", f"{a[1]} + {b[1]}"),
            (f"Add {a[0]} to {b[0]}", f"{b[1]} + {a[1]}"),
            (f"Subtract {a[0]} from {b[0]}", f"{b[1]} - {a[1]}"),
            (f"Take {a[0]} from {b[0]}", f"{b[1]} - {a[1]}"),
            (f"Multiply {a[0]} by {b[0]}", f"{a[1]} * {b[1]}"),
            (f"Multiply {a[0]} and {b[0]}", f"{a[1]} * {b[1]}"),
            (f"Divide {a[0]} by {small}", f"{a[1]} / {small}"),
            (f"Add {a[0]}, {b[0]} and {c[0]}", f"{a[1]} + {b[1]} + {c[1]}"),
            (f"Raise {small} to the power of 3", f"{small} ** 3"),
            (f"Square {a[0]}", _power(a[1], 2)),
        )
    )
    return dressed(random, order + of(random, ".", "", "", "!")), python


def _power(value: str, power: int) -> str:
    return f"({value}) ** {power}" if value.startswith("-") else f"{value} ** {power}"
