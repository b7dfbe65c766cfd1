"""Shapes: requests in many more wordings, with several arguments, numbers with units, and texts."""

from keyword import iskeyword
from random import Random

from attrs import evolve

from ..example import Example
from ..unseen_tools import UNSEEN
from ..words import VERBS, made_up, noun, words_of
from .fixing import failed_by_call, failed_in_code
from .inputs import numbers, of_a_text, with_a_text
from .known import a_known_tool
from .made import a_noun, a_verb, made, named, started
from .phrases import of
from .requests import Asked, a_tool
from .tools import asked_of, fits, offered
from .values import a_size, a_thing, plural

__all__ = ["a_shape", "shapes"]

_ONE = (
    *("What is the {t} {a}", "What is the {t} {a}", "What's the {t} {a}", "What {t} {has} {v}"),
    *("Which {t} {has} {v}", "What {t} does {v} have", "What {t} is {v}", "Which {t} is {v}"),
    *("When is {t} {a}", "When is the {t} {a}", "When does the {t} {a} start", "Where is {t} {a}"),
    *(
        "Where is the {t} {a}",
        "Who is the {t} {a}",
        "How is the {t} {a}",
        "How high is the {t} {a}",
    ),
    *("How long is the {t} {a}", "How old is the {t} {a}", "{t} {a}", "{t} {a}", "{v} {t}"),
    *("{t} {v}", "{t}: {v}", "Show me the {t} {a}", "Give me the {t} {a}", "Tell me the {t} {a}"),
    *("Show the {t} {a}", "Look up the {t} {a}", "Get the {t} {a}", "Find the {t} {a}"),
    *("Name the {t} {a}", "I want to know the {t} {a}", "I need the {t} {a}", "Return the {t} {a}"),
    *(
        "Could you find the {t} {a}",
        "Do you know the {t} {a}",
        "Fetch the {t} {a}",
        "Check {t} {a}",
    ),
    *("Print the {t} {a}", "Display the {t} {a}", "Read the {t} {a}", "Let me see the {t} {a}"),
    *("What is {v}'s {t}", "Is there a {t} {a}", "Can you tell me the {t} {a}", "Any {t} {a}"),
    *("Describe the {t} {a}", "Predict the {t} {a}", "Estimate the {t} {a}", "How about {t} {a}"),
)
_MANY = (
    *(
        "What are the {t} {a}",
        "What are the {t} {a}",
        "Which {t} does {v} have",
        "Which {t} {has} {v}",
    ),
    *("How many {t} {has} {v}", "How many {t} does {v} have", "How many {t} are {a}", "{t} {a}"),
    *("How many {t} are there {a}", "List the {t} {a}", "List all {t} {a}", "Count the {t} {a}"),
    *("Number of {t} {a}", "Show me all {t} {a}", "Show the {t} {a}", "Give me the {t} {a}"),
    *("Are there {t} {a}", "Tell me the {t} {a}", "Who are the {t} {a}", "Where are the {t} {a}"),
    *("When are the {t} {a}", "Name the {t} {a}", "Find {t} {a}", "Find all {t} {a}", "{v} {t}"),
)
_PAIRS = (
    *(("from", "to"), ("from", "to"), ("between", "and"), ("to", "with"), ("", "to"), ("", "to")),
    *(("", "in"), ("", "with"), ("", "for"), ("", "on"), ("", "into"), ("", "at"), ("", "from")),
    *(("with", "for"), ("in", "by"), ("", "as"), ("", "by"), ("", "under"), ("of", "for")),
)
_PREPOSITIONS = words_of("of of of of in in for for at from on by about near with")
_UNSEEN = {signature.split("(")[0].replace("_", "").removesuffix("s") for signature, _, _ in UNSEEN}


def shapes(random: Random) -> Example:
    """Return a task of one of these shapes, or of two."""
    is_code = random.random() < 0.5
    wanted = [a_shape(random) for _ in range(2 if random.random() < 0.12 else 1)]
    if is_code and random.random() < 0.05:
        wanted = [evolve(each, tool=evolve(each.tool, is_async=True)) for each in wanted]
    if not all(fits(each.request, each.tool, [w.tool for w in wanted]) for each in wanted):
        return shapes(random)
    if random.random() < 0.08 and wanted[0].arguments and not wanted[0].tool.is_async:
        return (failed_in_code if is_code else failed_by_call)(random, wanted[0])
    return asked_of(random, wanted, offered(random, wanted, another=_any), is_code=is_code)


def _any(random: Random) -> Asked:
    chance = random.random()
    if chance < 0.6:
        return a_shape(random)
    return a_tool(random) if chance < 0.85 else a_known_tool(random)


def a_shape(random: Random) -> Asked:
    """Return a tool and a request for it; it is none of those that the evaluation calls unseen."""
    kinds = (_told, _told, _told, _done, _done, _moved, _set, of_a_text, with_a_text, numbers)
    while True:
        asked = random.choice(kinds)(random)
        name, *keys = asked.tool.name, *asked.tool.parameters
        is_unseen = name.replace("_", "").lower().removesuffix("s") in _UNSEEN
        if not is_unseen and not any(map(iskeyword, (name, *keys))):
            return asked


def _told(random: Random) -> Asked:
    """Return a request for what is known of a thing."""
    words, are_many = a_noun(random), random.random() < 0.4
    if are_many:
        words = [*words[:-1], plural(words[-1])]
    before = random.choice(_PREPOSITIONS)
    owner = a_thing(random, before)
    if random.random() < 0.07:
        before = f"of the {noun(random)} {before}"
        owner = a_thing(random, before)
    bare = owner.said.removeprefix(before).strip()
    said, kind = " ".join(words), owner.described
    form = random.choice(_MANY if are_many else _ONE)
    does = f"{random.choice(VERBS) if random.random() < 0.5 else made_up(random)}s"
    has = of(random, "has", "has", does)
    request = form.format(t=said, a=owner.said, v=bare, has=has)
    request = request[0].upper() + request[1:] if random.random() < 0.7 else request
    says = of(
        random,
        *("return", "return", "get", "show", "find", "look up", "tell", "list", "fetch", "name"),
    )
    description = of(
        random,
        *(f"{says} the {said} {kind}", f"{says} the {said} {kind}", f"{says} {said} {kind}"),
        *(f"the {said} {kind}", f"{says} the {said}", f"{says} the {words[-1]} {kind}"),
        f"{says} how many {said} there are {kind}" if are_many else f"{says} a {said} {kind}",
    )
    if has == does in request:
        description = f"{says} a {said} that {does} {kind.removeprefix(before).strip()}"
    verb = of(random, "get", "find", "list", "show", "fetch", "lookup", "check", "count", "read")
    singular = [word.removesuffix("s") for word in words]
    forms = [tuple(words), tuple(words), (verb, *words), (*words, "of"), (*singular, "info")]
    forms += [
        (*words[:-1],) or (words[0],),
        (verb, *singular),
        (*singular, of(random, "count", "data")),
    ]
    if random.random() < 0.15:
        forms = [(verb, made_up(random)), (made_up(random),)]
    parts = [owner]
    if random.random() < 0.28:
        more = a_size(random, of(random, "for", "for", "in", "with", "at", "after"))
        parts, request = [owner, more], f"{request} {more.said}"
        description += f" {more.described}".rstrip()
    elif random.random() < 0.12:
        more = a_thing(random, of(random, "on", "by", "for", "with", "at"))
        parts, request = [owner, more], f"{request} {more.said}"
    return made(random, named(random, *forms), description, request, parts)


def _done(random: Random) -> Asked:
    """Return a request to do something to a thing, or without one."""
    verb = a_verb(random)
    said = " ".join(verb)
    if random.random() < 0.2:
        words = a_noun(random)
        what = " ".join(words)
        request = started(random, f"{said} {of(random, 'the', 'the', 'a', 'my')} {what}")
        name = named(random, (*verb, *words), (*verb, *words), (*words, *verb))
        return made(random, name, f"{said} {of(random, 'the', 'a')} {what}", request, [])
    thing = a_thing(random)
    kind = thing.described.split()[-1]
    name = named(random, tuple(verb), tuple(verb), (*verb, kind), (kind, *verb))
    parts, request, description = [thing], f"{said} {thing.said}", f"{said} {thing.described}"
    if random.random() < 0.3:
        more = a_size(random)
        parts, request = [thing, more], f"{request} {more.said}"
        description += f" {more.described}".rstrip()
    return made(random, name, description, started(random, request), parts)


def _moved(random: Random) -> Asked:
    """Return a request with two things or three, as "move 20 from Rome to Oslo"."""
    verb, (first, second) = a_verb(random), random.choice(_PAIRS)
    said, words = " ".join(verb), a_noun(random)
    is_bare, is_free = random.random() < 0.8, False
    one, other = (a_thing(random, each, is_bare=is_bare) for each in (first, second))
    if set(one.parameters) & set(other.parameters):
        return _moved(random)
    if first == "from" and random.random() < 0.5:
        is_free = True
        keys = of(
            random, "origin goal", "start end", "old new", "sender receiver", "first last"
        ).split()
        one, other = (
            evolve(part, parameters={key: "str"}, arguments={key: str(*part.arguments.values())})
            for part, key in zip((one, other), keys, strict=True)
        )
    parts, name = [one, other], named(random, tuple(verb), tuple(verb), (*verb, *words))
    between = number = ""
    if first and random.random() < 0.5:
        between = f" {of(random, 'the ', '', 'a ')}{' '.join(words)}"
        name = named(random, (*verb, *words), tuple(words), (*verb, *words))
    elif first and random.random() < 0.7:
        size = a_size(random, "of")
        number = " ".join(size.said.split()[1:])
        between, parts = f" {number}", [size, *parts]
    request = f"{said}{between} {one.said} {other.said}"
    if is_free and random.random() < 0.2:
        request = f"{said}{between} {other.said} {one.said}"
    what = "" if number else f" {' '.join(words)}"
    description = of(
        random,
        *(f"{said}{what} {one.described} {other.described}",) * 2,
        f"{said} something",
        f"{said} {of(random, 'an', 'some', 'the')} {' '.join(words)}",
    )
    return made(random, name, description, started(random, request), parts, is_free=is_free)


def _set(random: Random) -> Asked:
    """Return a request that gives a number, as "set the lamp to 3 volts"."""
    verb, words, size = a_verb(random), a_noun(random), a_size(random)
    said, what = " ".join(verb), " ".join(words)
    article = of(random, "the", "the", "the", "my", "a")
    request = of(
        random,
        *(f"{said} {article} {what} {size.said}",) * 3,
        f"{said} {' '.join(size.said.split()[1:])} {of(random, 'of', 'for')} {what}",
    )
    parts = [size]
    if random.random() < 0.15:
        more = a_thing(random, of(random, "in", "at", "of"))
        parts, request = [size, more], f"{request} {more.said}"
    description = of(
        random,
        *(f"{said} the {what} {size.described}".rstrip(),) * 3,
        f"{said} {what}",
        f"set how the {what} works",
    )
    name = named(random, (*verb, *words), (*verb, *words), tuple(words), tuple(verb))
    return made(random, name, description, started(random, request), parts)
