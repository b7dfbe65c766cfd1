"""Inputs: requests about texts between quotes, and about numbers that have names."""

from random import Random
from typing import Any

from ..words import VERBS, made_up, noun
from .made import a_noun, a_verb, made, named, started
from .phrases import of
from .requests import Asked, quoted
from .values import Part, a_size, a_text, a_thing, plural

__all__ = ["numbers", "of_a_text", "with_a_text"]


def _text_key(random: Random) -> str:
    return of(
        random, "text", "text", "word", "sentence", "content", "string", "message", made_up(random)
    )


def of_a_text(random: Random) -> Asked:
    """Return a request for what is known of a text, as "what is the tone of 'I see'"."""
    (text, shown), words, key = a_text(random), a_noun(random), _text_key(random)
    what, many = " ".join(words), " ".join([*words[:-1], plural(words[-1])])
    if text.isalpha() and random.random() < 0.3:
        shown = text
    kind = key if key.isalpha() else "text"
    about = of(random, shown, shown, shown, f"the {kind} {shown}", f"this {kind}: {shown}")
    verb = random.choice(VERBS) if random.random() < 0.4 else made_up(random)
    is_counted = random.random() < 0.3
    said = many if is_counted else what
    request = (
        of(
            random,
            *(f"How many {many} has {about}", f"How many {many} are in {about}"),
            *(f"Count the {many} of {about}", f"Count the {many} in {about}"),
            *(f"How many {many} does {about} have", f"Number of {many} in {about}"),
        )
        if is_counted
        else of(
            random,
            *(f"What is the {what} of {about}", f"What {what} is {about}", f"{what} of {about}"),
            *(f"{verb.title()} the {what} of {about}", f"Tell me the {what} of {about}"),
            *(
                f"What {what} has {about}",
                f"Which {what} is {about}",
                f"Find the {what} of {about}",
            ),
        )
    )
    says = "count" if is_counted else of(random, verb, "return", "get", "find", "check")
    description = of(
        random,
        *(f"{says} the {said} of a {kind}", f"{says} the {said} of a {kind}"),
        *(f"{says} the {said} in the {kind}", f"{says} {said}", f"the {said} of the {kind}"),
    )
    name = named(random, tuple(words), (says, *said.split()), (says, *said.split()), (*words, "of"))
    return made(random, name, description, request, [Part({key: "str"}, {key: text}, shown)])


def with_a_text(random: Random) -> Asked:
    """Return a request that does something with a text, as "turn 'I see' into capitals"."""
    (text, shown), words, verb = a_text(random), a_noun(random), a_verb(random)
    key, what, said = _text_key(random), " ".join(words), " ".join(verb)
    where = of(random, "to", "into", "in", "on", "as", "with", "for")
    article = of(random, "the ", "the ", "", "a ", "my ")
    parts = [Part({key: "str"}, {key: text}, shown)]
    form = random.randrange(4)
    if form == 0:
        request = f"{said} {shown} {where} {article}{what}"
        description = of(
            random, f"{said} a text {where} {article}{what}", f"{said} {where} {article}{what}"
        )
        name = named(random, (*verb, *words), (*verb, *words), ("to", *words), tuple(words))
    elif form == 1:
        to = a_thing(random, of(random, "", "to", "for"))
        if key in to.parameters:
            return with_a_text(random)
        joint = of(random, f"with the {key}", "that says", "saying", "with the text", "the message")
        request, parts = f"{said} {to.said} {joint} {shown}", [to, *parts]
        description = of(
            random,
            f"{said} {to.described} with a {key}",
            f"{said} {to.described}",
            f"{said} a {key}",
        )
        name = named(random, tuple(verb), tuple(verb), (*verb, *words))
    elif form == 2:
        request = f"{said} {of(random, f'the {key} ', '', 'this: ', 'the text ')}{shown}"
        description = of(random, f"{said} a {key}", f"{said} the {key}", f"{said} it")
        name = named(random, tuple(verb), (*verb, key), (*verb, *words))
    else:
        size = a_size(random)
        request = f"{said} {shown} {size.said}"
        description, parts = f"{said} a text {size.described}".rstrip(), [*parts, size]
        name = named(random, tuple(verb), (*verb, "text"))
    return made(random, name, description, started(random, request), parts)


def numbers(random: Random) -> Asked:
    """Return a request with numbers, named in another order than the tool has them, or unnamed."""
    words, count = a_noun(random), random.choice((1, 1, 2, 2, 3, 3, 4))
    keys = [
        of(random, noun(random), noun(random), made_up(random), *"abnmxyk") for _ in range(count)
    ]
    if len(set(keys)) < count:
        return numbers(random)
    kinds = [of(random, "int", "int", "float") for _ in keys]
    values: list[Any] = [
        random.randrange(1, 10 ** random.randrange(1, 7))
        if kind == "int" or random.random() < 0.15
        else round(random.uniform(0, 10 ** random.randrange(1, 4)), random.choice((1, 2)))
        for kind in kinds
    ]
    what = " ".join(words)
    pairs = list(zip(keys, kinds, values, strict=True))
    parts = [Part({key: kind}, {key: v}, f"{key} {v}") for key, kind, v in pairs]
    order = random.sample(parts, count) if random.random() < 0.5 else parts
    said = [part.said if random.random() < 0.8 else part.said.replace(" ", " = ") for part in order]
    joined = " and ".join([", ".join(said[:-1]), said[-1]] if count > 1 else said)
    name = named(random, tuple(words), tuple(words), ("calculate", *words), (*words, "of"))
    shape = noun(random)
    request = of(
        random,
        *(f"What is the {what} for {joined}", f"What is the {what} of a {shape} with {joined}"),
        *(
            f"What is the {what} with {joined}",
            f"{what} for {joined}",
            f"Work out the {what} for {joined}",
        ),
        *(f"Compute the {what} of {joined}", f"Give me the {what} with {joined}"),
    )
    is_free = order is not parts or random.random() < 0.55
    if not is_free:
        request = of(
            random,
            *(f"What is the {what} of {{0}}", f"Return the {what} {{0}}", f"{what} of {{0}}"),
            *(f"What is the {what} for {{0}}", f"Give me the {what} {{0}}", f"{what} {{0}}"),
        ).format(" and ".join(map(quoted, values)) if count < 3 else ", ".join(map(quoted, values)))
    description = of(
        random,
        *(f"return the {what} of a {shape}", f"calculate the {what}", f"return a {what}"),
        *(
            f"return the {words[-1]} of {shape}s",
            f"return the {what} of {of(random, 'some', 'two')} {shape}s",
        ),
    )
    return made(random, name, description, request, parts, is_free=is_free)
