"""Requests: made-up tools, and what a person says to have one called."""

from random import Random
from typing import Any

from attrs import frozen

from ..example import Offered
from ..words import COMMON, OWNERS, VERBS, made_up, name, noun
from .phrases import of

__all__ = ["Asked", "a_tool", "quoted", "styled", "value_of"]


@frozen
class Asked:
    """A tool, with a request for it.

    Attributes:
        tool: The tool.
        request: What a person says, without its end; it follows "Please" or stands alone.
        arguments: The arguments that it means.
        is_question: Whether it is a question.
    """

    tool: Offered
    request: str
    arguments: dict[str, Any]
    is_question: bool = True

    @property
    def python(self) -> str:
        """The call in Python."""
        arguments = ", ".join(f"{key}={quoted(value)}" for key, value in self.arguments.items())
        return f"{'await ' * self.tool.is_async}{self.tool.name}({arguments})"


def quoted(value: Any) -> str:
    """Return a value in Python, a text between double quotes."""
    return f'"{value}"' if isinstance(value, str) else repr(value)


def a_tool(random: Random) -> Asked:
    """Return a tool and a request for it."""
    kinds = (_getter, _getter, _getter, _action, _action, _of_numbers, _of_text, _search, _by_name)
    return random.choice(kinds)(random)


def value_of(random: Random, kind: str) -> str:
    """Return a text that is a value: a name, an id, or words."""
    if kind == "id":
        return of(
            random,
            f"{made_up(random)[:2].upper()}-{random.randrange(1000)}",
            f"{random.randrange(1000, 99999)}",
            f"#{random.randrange(999)}",
            f"{made_up(random)}{random.randrange(100)}",
        )
    if kind == "words":
        count = random.choice((1, 2, 2, 3, 4))
        words = (
            random.choice(COMMON) if random.random() < 0.4 else noun(random) for _ in range(count)
        )
        return " ".join(words)
    return name(random)


def _word(random: Random) -> str:
    return random.choice(COMMON) if random.random() < 0.4 else noun(random)


def styled(random: Random, *words: str) -> str:
    """Return a name of a tool that has these words."""
    chance = random.random()
    if chance < 0.1:
        words = (random.choice(("my", "the", "do", "tool", "api", made_up(random))), *words)
    elif chance < 0.2:
        words = (*words, random.choice(("tool", "v2", "now", "info", "api", made_up(random))))
    if random.random() < 0.12:
        return words[0] + "".join(word.title() for word in words[1:])
    return "_".join(words)


def _getter(random: Random) -> Asked:
    thing, owner, value = noun(random), random.choice((*OWNERS, noun(random))), name(random)
    if random.random() < 0.25:
        thing = f"{noun(random)} {thing}"
    words = thing.split()
    verb = of(random, "get", "find", "look_up", "fetch", "read", "check", "show", "query")
    tool_name = random.choice(
        (
            styled(random, verb, *words),
            styled(random, *words),
            styled(random, *words, "of"),
            styled(random, verb, *words, "of", owner),
            styled(random, owner, *words),
            styled(random, *words, "lookup"),
            styled(random, verb, made_up(random)),  # only its description says what it does
        )
    )
    says = of(random, "Return", "Get", "Look up", "Find", "Fetch", "Tell", "Give", "Read", "Show")
    description = of(
        random,
        *(f"{says} the {thing} of a {owner}.", f"{says} the {thing} of the {owner}."),
        *(f"{says} the {thing} for a {owner}", f"The {thing} of a {owner}."),
        *(f"{says} {thing} by {owner}.", f"{says} the current {thing} in a {owner}."),
    )
    key = random.choice((owner, owner, "name", "id", "query", f"{owner}_name", "key"))
    if random.random() < 0.2:
        value = value_of(random, "id")
    about = random.choice((value, value, value, f"{owner} {value}", f"the {owner} {value}"))
    what = of(
        random,
        *(f"What is the {thing} of {about}", f"What's the {thing} of {about}"),
        *(f"Tell me the {thing} of {about}", f"What is the {thing} in {about}"),
        *(f"What is the {thing} for {about}", f"I need the {thing} of {about}"),
        *(
            f"Find the {thing} of {about}",
            f"{thing} of {about}",
            f"What is the {thing} like in {about}",
            f"Give me the {thing} for {about}",
        ),
        *(f"What {thing} does {about} have", f"Show me the {thing} of {about}"),
        *(f"How is the {thing} in {about}", f"Look up the {thing} of {about}"),
        *(f"What is {value}'s {thing}", f"Can you check the {thing} in {about}"),
    )
    parameters, arguments = {key: "str"}, {key: value}
    if random.random() < 0.2:
        more = random.choice(("days", "limit", "year", "count", "page"))
        if random.random() < 0.5:
            size = random.randrange(1, 30)
            what += of(random, f" with {more} {size}", f" for {size} {more}")
            parameters[more], arguments[more] = "int", size
        else:
            parameters[more] = "int = 1"
    return Asked(Offered(tool_name, parameters, description), what, arguments)


def _action(random: Random) -> Asked:
    verb = random.choice(VERBS) if random.random() < 0.6 else made_up(random)
    thing = noun(random)
    tool_name = styled(
        random, *random.choice(((verb, thing), (verb, thing), (verb,), (thing, verb)))
    )
    description = of(
        random,
        *(
            f"{verb.title()} a {thing}.",
            f"{verb.title()} the {thing}.",
            f"{verb.title()}s a {thing}.",
        ),
        f"{verb.title()} one {thing} now.",
    )
    form = random.randrange(4)
    if form == 0:
        value = value_of(random, random.choice(("id", "name", "words")))
        key = random.choice((thing, "name", "id", "title", "target", "what"))
        request = f"{verb.title()} the {thing} {value}"
        return Asked(Offered(tool_name, {key: "str"}, description), request, {key: value}, False)
    if form == 1:
        to, words = name(random), value_of(random, "words")
        key, second = random.choice((("to", "text"), ("recipient", "body"), ("person", "message")))
        request = of(
            random,
            f'{verb.title()} a {thing} to {to} with the text "{words}"',
            f'{verb.title()} {to} a {thing} that says "{words}"',
            f'{verb.title()} a {thing} to {to}: "{words}"',
            f'{verb.title()} a {thing} to {to} saying "{words}"',
        )
        parameters = {key: "str", second: "str"}
        return Asked(
            Offered(tool_name, parameters, description), request, {key: to, second: words}, False
        )
    if form == 2:
        count, key = (
            random.randrange(1, 500),
            random.choice(("count", "amount", "number", "quantity")),
        )
        item = random.choice(("name", "item", "product", thing))
        value = noun(random)
        request = of(
            random, f"{verb.title()} {count} {value}", f"{verb.title()} {count} of {value}"
        )
        request += of(random, "", f" as a {thing}", f" for the {thing}")
        parameters = {item: "str", key: "int"}
        return Asked(
            Offered(tool_name, parameters, description), request, {item: value, key: count}, False
        )
    request = of(
        random,
        f"{verb.title()} the {thing}",
        f"{verb.title()} a {thing}",
        f"Please {verb} the {thing}",
    )
    return Asked(Offered(tool_name, {}, description), request, {}, False)


def _of_numbers(random: Random) -> Asked:
    thing, shape = noun(random), noun(random)
    keys = random.choice(
        (
            *(("width", "height"), ("a", "b"), ("x", "y"), ("length", "width"), ("mass", "speed")),
            *(("first", "second"), ("radius",), ("side",), ("principal", "rate", "years")),
            (made_up(random), made_up(random)),
            (noun(random), noun(random)),
        )
    )
    if len(set(keys)) < len(keys):
        keys = ("low", "high")
    kind = random.choice(("int", "int", "float"))
    values = [
        random.randrange(1, 2000)
        if kind == "int"
        else round(random.uniform(0, 200), random.choice((1, 2)))
        for _ in keys
    ]
    tool_name = styled(
        random,
        *random.choice(((thing,), (shape, thing), ("calculate", thing), (thing, "of", shape))),
    )
    says = of(random, "Return", "Calculate", "Compute", "Work out")
    description = of(random, f"{says} the {thing} of a {shape}.", f"{says} the {thing}.")
    numbers = [f"{key} {value}" for key, value in zip(keys, values, strict=True)]
    joined = " and ".join([", ".join(numbers[:-1]), numbers[-1]] if len(numbers) > 1 else numbers)
    plain = " and ".join(map(str, values))
    request = of(
        random,
        *(f"What is the {thing} of a {shape} with {joined}", f"What is the {thing} for {joined}"),
        *(f"Calculate the {thing} with {joined}", f"What is the {thing} of {plain}"),
        *(f"{tool_name} of {plain}", f"{thing} of {plain}", f"What is {tool_name} for {joined}"),
    )
    arguments = dict(zip(keys, values, strict=True))
    return Asked(Offered(tool_name, dict.fromkeys(keys, kind), description), request, arguments)


def _of_text(random: Random) -> Asked:
    verb = random.choice(VERBS) if random.random() < 0.5 else made_up(random)
    words = value_of(random, "words")
    key = random.choice(("text", "sentence", "word", "content", "string", "input"))
    tool_name = styled(random, *random.choice(((verb,), (verb, key), (verb, "text"))))
    description = of(
        random,
        f"{verb.title()} a {key}.",
        f"{verb.title()} the given {key}.",
        f"{verb.title()}s text.",
    )
    mark = of(random, '"', '"', "'", "")
    request = of(
        random,
        f"{verb.title()} {mark}{words}{mark}",
        f"{verb.title()} the {key} {mark}{words}{mark}",
        f"{verb.title()} this: {words}",
        f"Can you {verb} {mark}{words}{mark}",
        f"Please {verb} the text {mark}{words}{mark}",
    )
    parameters, arguments = {key: "str"}, {key: words}
    if random.random() < 0.3:
        language = name(random)
        into = random.choice(("language", "target", "to"))
        request += f" {of(random, 'into', 'to', 'in')} {language}"
        parameters[into], arguments[into] = "str", language
    return Asked(Offered(tool_name, parameters, description), request, arguments, False)


def _search(random: Random) -> Asked:
    place = random.choice(("web", "wiki", "library", "database", "internet", "files", noun(random)))
    words = value_of(random, "words")
    key = random.choice(("query", "text", "q", "keywords", "term"))
    tool_name = styled(
        random,
        *random.choice((("search",), ("search", place), (place, "search"), ("find", "in", place))),
    )
    description = of(
        random,
        f"Search the {place}.",
        f"Search the {place} for a text.",
        f"Find something in the {place}.",
    )
    request = of(
        random,
        *(
            f"Search for {words}",
            f"Search the {place} for {words}",
            f'Search the {place} for "{words}"',
        ),
        *(f"Find {words} in the {place}", f"Look for {words} in the {place}", f"Search {words}"),
    )
    return Asked(Offered(tool_name, {key: "str"}, description), request, {key: words}, False)


def _by_name(random: Random) -> Asked:
    asked = random.choice((_getter, _of_numbers, _action))(random)
    values = list(asked.arguments.values())
    shown = " and ".join(map(str, values))
    inside = ", ".join(map(quoted, values))
    request = of(
        random,
        f"Call {asked.tool.name} with {shown}",
        f"Use {asked.tool.name} for {shown}",
        f"What is {asked.tool.name}({inside})",
        f"{asked.tool.name}({inside})",
        f"Run {asked.tool.name} on {shown}",
    )
    if not values:
        request = of(
            random, f"Call {asked.tool.name}", f"Run {asked.tool.name}", f"Use {asked.tool.name}"
        )
    return Asked(asked.tool, request, asked.arguments, False)
