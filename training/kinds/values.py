"""Values: what people write for an argument, and the parts of a request that say it."""

from random import Random
from string import ascii_uppercase
from typing import Any

from attrs import frozen

from ..words import COMMON, NAMES, OWNERS, made_up, name, noun, words_of
from .phrases import of

__all__ = ["Part", "a_size", "a_text", "a_thing", "plural", "value"]

UNITS = words_of(
    """
    day week month year hour minute second page step round time person meter mile litre gram kilo
    percent degree point item row line copy euro dollar cent level floor lap cup slice volt watt
    metre player guest unit piece pixel character token megabyte
    """
)
_ENDINGS = words_of("org com net dev io txt md csv json py pdf png")
_CUT = "I'm don't can't it's we'll that's".split()  # noqa: SIM905


@frozen
class Part:
    """What a request says of one argument or of several.

    Attributes:
        parameters: The type of each parameter by its name.
        arguments: Their values.
        said: The words that a person says, as "for 12 hours".
        described: What a description says of it, as "for some hours"; it may be nothing.
    """

    parameters: dict[str, str]
    arguments: dict[str, Any]
    said: str
    described: str = ""


def plural(word: str) -> str:
    """Return a word in the plural."""
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in ("", *"aeiou"):
        return f"{word[:-1]}ies"
    return word if word == "percent" else f"{word}s"


def value(random: Random) -> str:
    """Return a text that stands without quotes in a request: a name, a word, an id, a path."""
    chance = random.random()
    if chance < 0.35:
        return random.choice(NAMES) if random.random() < 0.3 else name(random)
    if chance < 0.6:
        word = noun(random)
        return plural(word) if chance < 0.4 else word
    if chance < 0.8:
        return _id(random)
    if chance < 0.9:
        return f"{made_up(random)} {made_up(random)}" if chance < 0.85 else made_up(random).upper()
    return _address(random)


def _id(random: Random) -> str:
    letters = "".join(random.choice(ascii_uppercase) for _ in range(random.choice((1, 1, 2, 2, 3))))
    digits = str(random.randrange(10 ** random.randrange(1, 5)))
    return of(
        random,
        *(f"{letters}-{digits}", f"{letters}-{digits}", f"{letters}{digits}"),
        *(f"{made_up(random)}-{digits}", f"{made_up(random)}{digits}", f"{digits}{letters}"),
        *(f"{noun(random)}-{int(digits):02d}", f"{noun(random)}_{digits}", digits, f"#{digits}"),
    )


def _address(random: Random) -> str:
    word, ending = made_up(random), random.choice(_ENDINGS)
    return of(
        random,
        *(f"{word}.{ending}", f"{noun(random)}.{ending}", f"{word}@{made_up(random)}.{ending}"),
        *(f"/{noun(random)}/{word}", f"v{random.randrange(9)}.{random.randrange(20)}"),
        *(f"{noun(random)}-{word}", f"20{random.randrange(10, 40)}-0{random.randrange(1, 9)}-12"),
    )


def a_thing(random: Random, before: str = "", *, is_bare: bool = False) -> Part:
    """Return a part that names a thing, as "of Rome", "in the city Rome" or "for patient P-7".

    Args:
        random: What chooses.
        before: The preposition.
        is_bare: Whether it always says the value alone.
    """
    kind = random.choice((*OWNERS, noun(random), noun(random)))
    key = random.choice(
        (kind, kind, kind, f"{kind}_id", f"{kind}_name", "name", "id", "target", made_up(random))
    )
    given: Any = value(random)
    wants_number = random.random() < 0.12
    if wants_number:
        given = random.randrange(1, 10 ** random.randrange(1, 6))
        key = random.choice((f"{kind}_id", "id", "number", f"{kind}_number", kind))
    said = of(random, "{1}", "{1}", "{0} {1}", "the {0} {1}") if not is_bare else "{1}"
    if random.random() < 0.08:
        said = said.replace("{1}", of(random, '"{1}"', '"{1}"', "'{1}'"))
    if wants_number and not is_bare:
        said = of(random, "{0} {1}", "the {0} {1}", "{0} number {1}")
    elif str(given).islower() and str(given).isalpha() and random.random() < 0.4:
        said = "the {1}"
    article = "an" if kind[0] in "aeiou" else "a"
    described = of(random, f"{article} {kind}", f"{article} {kind}", f"the {kind}", f"one {kind}")
    return Part(
        {key: "int" if wants_number else "str"},
        {key: given},
        f"{before} {said.format(kind, given)}".strip(),
        f"{before} {described}".strip(),
    )


def a_size(random: Random, before: str = "") -> Part:
    """Return a part that says a number with its unit, as "for 12 hours"."""
    unit = random.choice(UNITS) if random.random() < 0.7 else noun(random)
    many = plural(unit)
    key = random.choice(
        (
            many,
            many,
            many,
            unit,
            f"number_of_{many}",
            "count",
            "amount",
            "limit",
            "value",
            f"max_{many}",
        )
    )
    is_float = random.random() < 0.25
    size: Any = random.randrange(1, 10 ** random.randrange(1, 4))
    if is_float and random.random() < 0.8:
        size = round(random.uniform(0, 10 ** random.randrange(1, 4)), random.choice((1, 1, 2)))
    if random.random() < 0.03:
        size = -size
    before = before or of(random, "for", "for", "to", "with", "by", "at", "in", "of", "after")
    said = f"{before} {size}" if random.random() < 0.12 else f"{before} {size} {many}"
    described = of(
        random,
        *(f"{before} some {many}", f"{before} so many {many}", f"{before} a number of {many}"),
        *(f"{before} {many}", "", ""),
    )
    return Part({key: "float" if is_float else "int"}, {key: size}, said, described)


def a_text(random: Random) -> tuple[str, str]:
    """Return a text, and how a person writes it."""
    words = [
        random.choice(COMMON) if random.random() < 0.6 else noun(random)
        for _ in range(random.choice((1, 1, 2, 2, 3, 3, 4, 5, 7)))
    ]
    if random.random() < 0.1:
        words[random.randrange(len(words))] = random.choice(_CUT)
    if random.random() < 0.1:
        words[random.randrange(len(words))] = str(random.randrange(1000))
    if random.random() < 0.15:
        words[random.randrange(len(words))] = _misspelt(random, random.choice(words))
    text = " ".join(words)
    chance = random.random()
    if chance < 0.25:
        text = text[0].upper() + text[1:]
    elif chance < 0.32:
        text = text.title().replace("'S", "'s")
    elif chance < 0.37:
        text = text.upper()
    if random.random() < 0.15:
        text += random.choice("!?.")
    if len(words) > 2 and random.random() < 0.1:
        text = text.replace(" ", ", ", 1)
    mark = '"' if "'" in text or random.random() < 0.8 else "'"
    return text, f"{mark}{text}{mark}"


def _misspelt(random: Random, word: str) -> str:
    if len(word) < 3:
        return word
    at = random.randrange(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
