"""Dates: spans, weekdays, sums of days, leap years, and today."""

from datetime import date, timedelta
from random import Random

from ..example import Example, Reply, code
from .phrases import dressed, of

__all__ = ["MONTHS", "dates", "said", "some_date", "written"]

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_THOUGHT = "I work with the dates."
_IMPORT = "from datetime import date"
_BOTH = "from datetime import date, timedelta"


def dates(random: Random) -> Example:
    """Return a question about dates."""
    question, lines, answer = random.choices(
        (_between, _weekday, _moved, _leap, _today), (40, 22, 28, 6, 6)
    )[0](random)
    return Example(
        "dates", dressed(random, question), [Reply(code(_THOUGHT, *lines))], answer=answer
    )


def some_date(random: Random) -> date:
    """Return a date."""
    year = random.choice((2023, 2024, 2025, 2026, 2026, 2027, 2028, random.randrange(1900, 2100)))
    return date(year, 1, 1) + timedelta(days=random.randrange(365))


def said(random: Random, day: date, *, with_year: bool = True) -> str:
    """Return a date as people write it."""
    month = MONTHS[day.month - 1]
    short = month[:3] if random.random() < 0.2 else month
    nth = f"{day.day}{_ending(day.day)}"
    if with_year and random.random() < 0.15:
        return day.isoformat()
    year, comma = (f" {day.year}", f", {day.year}") if with_year else ("", "")
    return of(
        random,
        *(f"{day.day} {short}{year}", f"{day.day} {month}{year}", f"{short} {day.day}{comma}"),
        *(f"{month} {day.day}{year}", f"{nth} {short}{year}", f"{nth} of {month}{year}"),
        *(f"{month} {nth}{comma}", f"the {nth} of {month}{year}", f"{month} {nth}{year}"),
    )


def _ending(day: int) -> str:
    if day in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def written(day: date) -> str:
    """Return a date in Python."""
    return f"date({day.year}, {day.month}, {day.day})"


def _between(random: Random) -> tuple[str, tuple[str, ...], object]:
    first = some_date(random)
    last = first + timedelta(days=random.randrange(1, 800))
    shares_year = first.year == last.year and random.random() < 0.4
    a, b = said(random, first, with_year=not shares_year), said(random, last)
    question = of(
        random,
        *(f"How many days from {a} to {b}?", f"How many days are there from {a} to {b}?"),
        *(f"How many days between {a} and {b}?", f"How many days are between {a} and {b}?"),
        *(f"days from {a} to {b}", f"Number of days between {a} and {b}"),
        *(f"How many days is it from {a} until {b}?", f"Count the days from {a} to {b}."),
        *(f"What is the number of days from {a} to {b}?", f"From {a} to {b}, how many days?"),
    )
    if random.random() < 0.12:
        question = question.replace("days", "weeks")
        lines = _IMPORT, f"final_answer(({written(last)} - {written(first)}).days / 7)"
        return question, lines, (last - first).days / 7
    lines = _IMPORT, f"final_answer(({written(last)} - {written(first)}).days)"
    return question, lines, (last - first).days


def _weekday(random: Random) -> tuple[str, tuple[str, ...], object]:
    day = some_date(random)
    when = said(random, day)
    question = of(
        random,
        *(f"What day of the week is {when}?", f"What day of the week was {when}?"),
        *(f"Which weekday is {when}?", f"Which weekday was {when}?", f"weekday of {when}"),
        *(f"What weekday is {when}?", f"What day is {when}?", f"On which day does {when} fall?"),
        *(
            f"Is {when} a Sunday?",
            f"Which day of the week will {when} be?",
            f"What day was {when}?",
        ),
    )
    lines = _IMPORT, f'final_answer({written(day)}.strftime("%A"))'
    return question, lines, f"{day:%A}"


def _moved(random: Random) -> tuple[str, tuple[str, ...], object]:
    day = some_date(random)
    count = random.choice((random.randrange(1, 30), random.randrange(1, 400), 100))
    unit = random.choice(("days", "days", "days", "weeks"))
    amount = f"{count} {unit if count > 1 else unit[:-1]}"
    when = said(random, day)
    is_later = random.random() < 0.6
    if is_later:
        question = of(
            random,
            *(f"What date is {amount} after {when}?", f"Which date is {amount} after {when}?"),
            *(
                f"{amount} after {when}",
                f"What is {when} plus {amount}?",
                f"Add {amount} to {when}.",
            ),
            *(f"What is the date {amount} after {when}?", f"{when} + {amount}"),
            *(f"What day comes {amount} after {when}?", f"What date is {amount} from {when}?"),
        )
    else:
        question = of(
            random,
            *(f"What date is {amount} before {when}?", f"Which date is {amount} before {when}?"),
            *(f"{amount} before {when}", f"What is {when} minus {amount}?"),
            *(f"What is the date {amount} before {when}?", f"Subtract {amount} from {when}."),
            *(f"What date was {amount} before {when}?", f"{when} - {amount}"),
        )
    sign = "+" if is_later else "-"
    line = f"final_answer(str({written(day)} {sign} timedelta({unit}={count})))"
    step = timedelta(**{unit: count})
    return question, (_BOTH, line), str(day + step if is_later else day - step)


def _leap(random: Random) -> tuple[str, tuple[str, ...], object]:
    year = random.randrange(1800, 2200)
    question = of(
        random,
        *(f"Is {year} a leap year?", f"Was {year} a leap year?", f"Will {year} be a leap year?"),
        *(f"Does {year} have 366 days?", f"Is the year {year} a leap year?"),
    )
    line = (
        f'final_answer("yes" if {year} % 4 == 0 and ({year} % 100 or {year} % 400 == 0) else "no")'
    )
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return question, (line,), "yes" if is_leap else "no"


def _today(random: Random) -> tuple[str, tuple[str, ...], object]:
    day = some_date(random)
    when = said(random, day)
    return random.choice(
        (
            (
                of(
                    random,
                    "What is the date today?",
                    "What date is it?",
                    "Which date is today?",
                    "today's date?",
                ),
                (_IMPORT, "final_answer(str(date.today()))"),
                "today",
            ),
            (
                of(
                    random,
                    "What day is today?",
                    "Which weekday is it today?",
                    "What day of the week is it?",
                ),
                (_IMPORT, 'final_answer(date.today().strftime("%A"))'),
                "weekday",
            ),
            (
                of(random, f"How many days until {when}?", f"How many days are left until {when}?"),
                (_IMPORT, f"final_answer(({written(day)} - date.today()).days)"),
                ("until", day.isoformat()),
            ),
            (
                of(
                    random,
                    f"How many days since {when}?",
                    f"How many days have passed since {when}?",
                ),
                (_IMPORT, f"final_answer((date.today() - {written(day)}).days)"),
                ("since", day.isoformat()),
            ),
        )
    )
