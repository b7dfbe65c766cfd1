"""Made: a tool from the parts of a request, and the words for both."""

from random import Random
from typing import Any

from ..example import Offered
from ..words import NOUNS, VERBS, made_up, noun, words_of
from .phrases import of
from .requests import Asked, styled
from .values import Part

__all__ = ["a_noun", "a_verb", "made", "named", "started"]

_QUESTIONS = words_of("What Which When Where Who How Is Are Can Could Do")
_PARTICLES = words_of("on off up down back in out over away")


def a_noun(random: Random) -> list[str]:
    """Return a noun of one or two words."""
    first = random.choice(NOUNS) if random.random() < 0.45 else made_up(random)
    return [first, noun(random)] if random.random() < 0.35 else [first]


def named(random: Random, *forms: tuple[str, ...]) -> str:
    """Return a name of one of some forms, sometimes as one word."""
    words = random.choice(forms)
    return "".join(words) if random.random() < 0.1 else styled(random, *words)


def made(
    random: Random,
    name: str,
    description: str,
    request: str,
    parts: list[Part],
    *,
    is_free: bool = False,
) -> Asked:
    """Return a tool with the parameters of some parts.

    Args:
        is_free: Whether the parameters may stand in any order, because the request names them;
            otherwise texts follow each other as in the request, and numbers as well.
    """
    types = {key: kind for part in parts for key, kind in part.parameters.items()}
    values: dict[str, Any] = {key: v for part in parts for key, v in part.arguments.items()}
    keys = list(types)
    if random.random() < 0.4:
        mixed = random.sample(keys, len(keys))
        texts, numbers = (
            iter([key for key in keys if (types[key] == "str") is is_text])
            for is_text in (True, False)
        )
        kept = [next(texts if types[key] == "str" else numbers) for key in mixed]
        keys = mixed if is_free else kept
    types = {key: types[key] for key in keys}
    if random.random() < 0.06:
        types.setdefault(random.choice(("limit", "page", "retries", made_up(random))), "int = 1")
    description = description[0].upper() + description[1:] + of(random, ".", ".", ".", "")
    tool = Offered(name, types, description)
    is_question = request.split()[0].removesuffix("'s") in _QUESTIONS
    return Asked(tool, request, {key: values[key] for key in keys}, is_question)


def a_verb(random: Random) -> list[str]:
    """Return a verb, sometimes with a particle, as "turn on"."""
    verb = random.choice(VERBS) if random.random() < 0.5 else made_up(random)
    return [verb, random.choice(_PARTICLES)] if random.random() < 0.15 else [verb]


def started(random: Random, text: str) -> str:
    """Return how a person begins a request."""
    chance = random.random()
    if chance < 0.75:
        return text[0].upper() + text[1:]
    return of(random, "Please ", "Can you ", "Could you ", "I want to ", "please ", "") + text
