"""Percentages: parts, shares, rises, falls and changes."""

from random import Random

from ..example import Example, Reply, code
from .phrases import asked, dressed, number, of

__all__ = ["percentage", "percentages"]


def percentages(random: Random) -> Example:
    """Return a question about a percentage."""
    question, python = percentage(random)
    reply = code("I work out the percentage.", f"final_answer(round({python}, 10))")
    return Example("percentages", question, [Reply(reply)], answer=python)


def percentage(random: Random) -> tuple[str, str]:
    """Return a question about a percentage, and the sum that answers it."""
    rate = number(random, 2, decimals=0.2)
    whole, other = number(random, 5), number(random, 4)
    if not whole.strip("0."):
        whole = "40"
    if not other.strip("0."):
        other = "8"
    percent = rate + of(random, "%", "%", "%", " %", " percent", " per cent")
    kind = random.randrange(6)
    if kind < 2:
        said = of(
            random,
            *(f"{percent} of {whole}", f"{percent} of {whole}", f"{percent} from {whole}"),
            *(f"a {percent} tip on {whole}", f"{percent} tax on {whole}"),
            f"{percent} interest on {whole}",
        )
        return asked(random, said), f"{whole} * {rate} / 100"
    if kind == 2:
        word = of(random, "percent", "percentage", "per cent")
        ask = of(
            random,
            *(f"What {word} of {whole} is {other}?", f"{other} is what {word} of {whole}?"),
            *(
                f"What percentage is {other} of {whole}?",
                f"What is {other} out of {whole} in {word}?",
            ),
            *(
                f"{other} out of {whole} as a percentage",
                f"Express {other} of {whole} as a percentage.",
            ),
            *(
                f"How many percent of {whole} is {other}?",
                f"How many percent is {other} of {whole}?",
            ),
        )
        return dressed(random, ask), f"{other} / {whole} * 100"
    if kind == 3:
        ask = of(
            random,
            *(f"Increase {whole} by {percent}.", f"What is {whole} plus {percent}?"),
            *(f"Add {percent} to {whole}.", f"What is {whole} increased by {percent}?"),
            *(f"Raise {whole} by {percent}", f"{whole} + {percent}", f"{whole} plus {percent} tax"),
            *(
                f"How much is {whole} with {percent} added?",
                f"{whole} grows by {percent}. What is it?",
            ),
        )
        return dressed(random, ask), f"{whole} * (100 + {rate}) / 100"
    if kind == 4:
        ask = of(
            random,
            *(f"Decrease {whole} by {percent}.", f"What is {whole} minus {percent}?"),
            *(f"Reduce {whole} by {percent}", f"What is {percent} off {whole}?"),
            *(f"{percent} off {whole}", f"What is {whole} with a {percent} discount?"),
            *(f"Subtract {percent} from {whole}.", f"What is {whole} reduced by {percent}?"),
            *(f"{whole} - {percent}", f"{whole} falls by {percent}. What is it?"),
        )
        return dressed(random, ask), f"{whole} * (100 - {rate}) / 100"
    ask = of(
        random,
        *(
            f"What is the percent change from {other} to {whole}?",
            f"percentage change from {other} to {whole}",
        ),
        *(
            f"By what percentage does {other} grow to {whole}?",
            f"What is the percentage increase from {other} to {whole}?",
        ),
        *(
            f"How many percent more is {whole} than {other}?",
            f"From {other} to {whole}: what change in percent?",
        ),
        *(f"By how many percent did it change from {other} to {whole}?",),
    )
    return dressed(random, ask), f"({whole} - {other}) / {other} * 100"
