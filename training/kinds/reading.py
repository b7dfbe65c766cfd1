"""Reading: results and reasons of many shapes, with signs and units, said as they are."""

from random import Random

from ..example import Example, Reply, call, code
from ..words import COMMON, NOUNS, made_up, name, noun, words_of
from .known import a_known_tool
from .phrases import dressed, of
from .requests import Asked, a_tool
from .shapes import a_shape
from .tools import in_code, in_words
from .values import a_text, value

__all__ = ["reading"]

_SIGNS = words_of(
    """
    % % % ° °C °F € $ £ km kg m/s mm ms GB h ! ? + - * / = & @ # : ; | ~ ^ ( ) [ ] < >
    """
)


def reading(random: Random) -> Example:
    """Return a dialogue in which a tool is called, whose result or error the model tells."""
    wanted = random.choice((a_shape, a_known_tool, a_tool))(random)
    question = dressed(
        random, wanted.request + ("?" if wanted.is_question else of(random, ".", ""))
    )
    if random.random() < 0.25:
        return _failed(random, wanted, question)
    listed, calls, results = [wanted.tool], [(wanted.tool.name, wanted.arguments)], [_read(random)]
    other = a_shape(random)
    if random.random() < 0.3 and other.tool.name != wanted.tool.name:
        question = f"{question.rstrip('.?')}, and {other.request}?"
        listed.append(other.tool)
        calls.append((other.tool.name, other.arguments))
        results.append(_read(random))
    replies = [Reply(call(*calls), tuple(results)), Reply(in_words(results))]
    return Example("tools", question, replies, listed, is_code=False, answer=calls)


def _failed(random: Random, wanted: Asked, question: str) -> Example:
    kind = of(random, "ValueError", "KeyError", "RuntimeError", "OSError", "TypeError")
    reason = _read(random).replace('"', "").replace("\\", "")
    said, tool = f"The tool failed: {reason}", wanted.tool
    if random.random() < 0.5:
        replies = [
            Reply(call((tool.name, wanted.arguments)), (f"{kind}: {reason}",)),
            Reply(said),
        ]
        return Example("fixing", question, replies, [tool], is_code=False)
    line = f"final_answer({wanted.python})"
    error = f"CodeError: {kind}: {reason}\n  in line 1: {line}"
    right = code("The tool failed.", f'final_answer("{said}")')
    return Example("fixing", question, [Reply(in_code([wanted]), (error,)), Reply(right)], [tool])


def _read(random: Random) -> str:
    """Return a text that a tool may return."""
    chance = random.random()
    if chance < 0.1:
        return ", ".join(value(random) for _ in range(random.randrange(2, 5)))
    if chance < 0.15:
        return (
            f"{random.randrange(24)}:{random.randrange(60):02d}{of(random, '', ' h', ' on 3 May')}"
        )
    if chance < 0.25:
        return a_text(random)[0]
    words = [_piece(random) for _ in range(random.choice((1, 2, 2, 3, 3, 4, 5)))]
    return of(random, " ", " ", " ", ", ").join(words) + of(random, "", "", ".", "!")


def _piece(random: Random) -> str:
    chance = random.random()
    if chance < 0.35:
        number, sign = str(random.randrange(10 ** random.randrange(1, 5))), random.choice(_SIGNS)
        if random.random() < 0.3:
            number += f".{random.randrange(100)}"
        return of(random, f"{number} {sign}", f"{number} {sign}", f"{number}{sign}", number)
    if chance < 0.6:
        return random.choice((*COMMON, *NOUNS))
    if chance < 0.75:
        return f"{of(random, 'in', 'of', 'at', 'is', 'not', 'from')} {name(random)}"
    return of(random, value(random), made_up(random), f"{noun(random)}s", f"{noun(random)}:")
