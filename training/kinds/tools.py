"""Tools: choosing one or two of those listed, with their arguments, and reading results."""

import re
from collections.abc import Callable
from random import Random

from attrs import evolve

from ..example import Example, Offered, Reply, call, code
from ..words import name, noun
from .known import a_known_tool
from .phrases import CANNOT, NO_TOOL, dressed, of
from .requests import Asked, a_tool, value_of

__all__ = ["asked_of", "cannot", "fits", "in_code", "in_words", "offered", "tools"]

_EMPTY = set(
    """
    a an the of in for to by with and or is are was what which how do does have has i me my you
    your tell show give get find return this that it at on from there be so some one can now
    """.split()  # noqa: SIM905
)


def tools(random: Random) -> Example:
    """Return a task for one or two of the tools, by code or by calls."""
    is_code = random.random() < 0.5
    count = 2 if random.random() < 0.2 else 1
    wanted = [_one(random) for _ in range(count)]
    if is_code and random.random() < 0.08:
        wanted = [evolve(each, tool=evolve(each.tool, is_async=True)) for each in wanted]
    if not all(fits(each.request, each.tool, [w.tool for w in wanted]) for each in wanted):
        return tools(random)
    return asked_of(random, wanted, offered(random, wanted), is_code=is_code)


def asked_of(
    random: Random, wanted: list[Asked], listed: list[Offered], *, is_code: bool
) -> Example:
    """Return a dialogue in which one or two tools of those listed are asked for and called."""
    question = wanted[0].request
    if len(wanted) == 2:
        joint = of(random, " and ", " and also ", ", and ", ". Then ", "; ")
        second = wanted[1].request
        question += joint + (second if "." in joint else second[0].lower() + second[1:])
    question += of(random, "?", "?", "") if wanted[-1].is_question else of(random, ".", "", "!")
    question = dressed(random, question)
    answer = [(each.tool.name, each.arguments) for each in wanted]
    if is_code:
        return Example("tools", question, [Reply(in_code(wanted))], listed, answer=answer)
    return Example(
        "tools", question, _by_calls(random, wanted), listed, is_code=False, answer=answer
    )


def _one(random: Random) -> Asked:
    return a_known_tool(random) if random.random() < 0.15 else a_tool(random)


def in_code(wanted: list[Asked]) -> str:
    """Return the code that calls tools."""
    names = " and ".join(each.tool.name for each in wanted)
    if len(wanted) == 1:
        return code(f"I call {names}.", f"final_answer({wanted[0].python})")
    lines = [f"{letter} = {each.python}" for letter, each in zip("ab", wanted, strict=True)]
    return code(f"I call {names}.", *lines, 'final_answer(f"{a}; {b}")')


def _by_calls(random: Random, wanted: list[Asked]) -> list[Reply]:
    results = [_result(random) for _ in wanted]
    calls = call(*((each.tool.name, each.arguments) for each in wanted))
    return [Reply(calls, tuple(results)), Reply(in_words(results))]


def in_words(results: list[str]) -> str:
    """Return the answer that tells results."""
    if len(results) == 1:
        return f"The result is: {results[0]}"
    return f"The results are: {results[0]}; {results[1]}"


def _result(random: Random) -> str:
    form = random.randrange(7)
    if form == 0:
        return str(random.randrange(10 ** random.randrange(1, 7)))
    if form == 1:
        return f"{random.uniform(0, 500):.{random.randrange(1, 4)}f}"
    if form == 2:
        return " ".join(noun(random) for _ in range(random.randrange(1, 6)))
    if form == 3:
        what = f"{noun(random)} {noun(random)} in {name(random)}"
        return f"{what}, {random.randrange(40)} {noun(random)}s"
    if form == 4:
        return f"The {noun(random)} of {name(random)} is {noun(random)}."
    if form == 5:
        return of(
            random, "True", "False", "ok", "done", "None", name(random), value_of(random, "id")
        )
    return f'{{"{noun(random)}": {random.randrange(100)}, "{noun(random)}": "{name(random)}"}}'


def offered(
    random: Random,
    wanted: list[Asked],
    most: int = 4,
    another: Callable[[Random], Asked] = _one,
) -> list[Offered]:
    """Return these tools among others, in some order; none of those fits the requests as well."""
    listed = [each.tool for each in wanted]
    count = random.randrange(len(wanted), most + 1)
    for _ in range(20):
        if len(listed) == count:
            break
        other = another(random).tool
        if all(fits(each.request, each.tool, [*listed, other]) for each in wanted):
            listed.append(other)
    random.shuffle(listed)
    return listed


def fits(request: str, tool: Offered, listed: list[Offered]) -> bool:
    """Return whether a tool has more words of a request than each other tool."""
    words = _words(request)
    others = [words & _words(f"{e.name} {e.description}") for e in listed if e is not tool]
    own = words & _words(f"{tool.name} {tool.description}")
    is_named = len({each.name for each in listed}) == len(listed)
    return bool(own) and is_named and all(len(other) < len(own) for other in others)


def _words(text: str) -> set[str]:
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text)
    return {part.lower() for part in parts} - _EMPTY


def cannot(question: str, listed: list[Offered], *, is_code: bool) -> Example:
    """Return a question that is not answered."""
    refusal = code("I cannot answer this.", f'final_answer("{CANNOT}")')
    reply = refusal if is_code else NO_TOOL
    return Example(
        "off-subject", question, [Reply(reply)], listed, is_code=is_code, answer="cannot"
    )
