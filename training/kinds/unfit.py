"""Unfit: tasks that none of the tools at hand is for; the model says so, and calls none."""

from random import Random

from ..example import Example, Offered, is_near
from ..words import noun
from .known import a_known_tool
from .off_subject import question_of
from .phrases import dressed, of
from .requests import Asked, a_tool
from .shapes import a_shape
from .tools import cannot

__all__ = ["unfit"]

_ABOUT = (
    *("Tell me a joke about {}.", "Tell me a story about {}.", "Write a poem about {}."),
    *("Sing a song about {}.", "Explain {} to a child.", "Why is {} so strange?"),
    *("Do you like {}?", "What do you think about {}?", "Who invented {}?", "I love {}."),
    *("What is the meaning of {}?", "Write an essay on {}", "I am bored of {}", "Why {}?"),
    *("Let's talk about {}.", "What rhymes with {}?", "What is your favourite {}?"),
)
_IDLE = (
    *(
        "Tell me a joke.",
        "Tell me a joke",
        "Tell me something funny.",
        "Sing a song.",
        "Make me laugh.",
    ),
    *("Write a poem.", "Tell me a story.", "I am bored.", "What is love?", "Do you dream?"),
    *("What is the meaning of life?", "Say something nice.", "Who will win?", "Entertain me."),
)
_TRIES = 20


def unfit(random: Random) -> Example:
    """Return a task and tools of which none is for it."""
    count = random.choice((1, 1, 1, 2, 3, 4))
    is_code, chance = random.random() < 0.5, random.random()
    if chance < 0.25:
        listed = _named_once([_any(random).tool for _ in range(count)])
        words = random.choice(listed).description.rstrip(".").lower().split()[1:]
        word = random.choice([each for each in words if len(each) > 4] or [noun(random)])
        what = of(random, "the ", "", "a ") + word
        return cannot(random.choice(_ABOUT).format(what), listed, is_code=is_code)
    if chance < 0.35:
        question = random.choice(_IDLE)
    elif chance < 0.6:
        question = dressed(random, question_of(random) or "What?")
    else:
        wanted = _any(random)
        question = wanted.request + ("?" if wanted.is_question else of(random, ".", ""))
    far = [_far(random, question) for _ in range(count)]
    listed = _named_once([each for each in far if each is not None])
    return cannot(question, listed, is_code=is_code)


def _named_once(tools: list[Offered]) -> list[Offered]:
    return list({tool.name: tool for tool in tools}.values())


def _any(random: Random) -> Asked:
    return random.choice((a_known_tool, a_shape, a_tool))(random)


def _far(random: Random, question: str) -> Offered | None:
    """Return a tool that has no word of a question, if one comes soon."""
    tries = (_any(random).tool for _ in range(_TRIES))
    return next((tool for tool in tries if not is_near(tool.line, question)), None)
