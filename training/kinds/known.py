"""Known tools: those that many people try first, under several names."""

from random import Random
from typing import Any, NamedTuple

from ..example import Offered
from ..words import NAMES, made_up, name, noun
from .requests import Asked, value_of

__all__ = ["a_known_tool"]


class _Known(NamedTuple):
    names: str
    parameters: tuple[tuple[str, str, str], ...]  # names, type, and kind of value
    descriptions: tuple[str, ...]
    requests: tuple[str, ...]


_PLACE = ("city|city|location|place", "str", "name")
_KNOWN = (
    _Known(
        "weather|get_weather|weather|current_weather|getWeather|weather_in|get_weather_info",
        (_PLACE,),
        (
            *("Return the weather in a city.", "Get the current weather.", "Weather in a city"),
            *("Get the weather of a city.", "Tell the weather at a place.", "Find the weather."),
        ),
        (
            *("What is the weather in {0}?", "What's the weather like in {0}?", "weather {0}"),
            *("How is the weather in {0} today?", "How's the weather in {0}?", "weather in {0}"),
            *("Tell me the weather in {0}.", "What will the weather be in {0}?", "{0} weather"),
            *("What is the weather like in {0} now?", "Check the weather for {0}."),
        ),
    ),
    _Known(
        "get_time|time_in|current_time|local_time|time",
        (_PLACE,),
        ("Return the time in a city.", "Get the current time.", "The local time of a place."),
        ("What time is it in {0}?", "What is the time in {0}?", "Tell me the time in {0}."),
    ),
    _Known(
        "population|get_population|population_of|city_population",
        (("city|country|place|name", "str", "name"),),
        ("Return the population of a city.", "Get the population.", "The population of a country."),
        ("What is the population of {0}?", "population of {0}", "How large is {0}'s population?"),
    ),
    _Known(
        "capital|get_capital|capital_of|find_capital",
        (("country|country|state|nation_name", "str", "name"),),
        ("Return the capital of a country.", "Find the capital of a country."),
        ("What is the capital of {0}?", "Which city is the capital of {0}?", "capital of {0}"),
    ),
    _Known(
        "stock_price|get_stock_price|price_of|get_price|quote_price",
        (("symbol|ticker|company|name", "str", "code"),),
        ("Return the price of a stock.", "Get the stock price.", "The current price of a share."),
        ("What is the stock price of {0}?", "What is the price of {0}?", "stock price {0}"),
    ),
    _Known(
        "distance|get_distance|distance_between|route_distance",
        (("origin|start|a|from_city", "str", "name"), ("goal|end|b|to_city", "str", "name")),
        ("Return the distance between two cities.", "The distance from one place to another."),
        (
            *("What is the distance from {0} to {1}?", "distance from {0} to {1}"),
            *("What is the distance between {0} and {1}?", "Tell me the distance of {0} to {1}."),
        ),
    ),
    _Known(
        "send_email|send_mail|email|send_message|message",
        (("to|recipient|address|person", "str", "name"), ("text|body|message", "str", "words")),
        ("Send an email.", "Send an email to a person.", "Send a message to a person."),
        (
            *('Send an email to {0} that says "{1}".', 'Send an email to {0}: "{1}"'),
            *('Send a message to {0} saying "{1}"', 'Email {0} the message "{1}".'),
        ),
    ),
    _Known(
        "translate|translate_text|translator|translation",
        (("text|sentence|words", "str", "words"), ("language|to|target", "str", "language")),
        ("Translate a text into a language.", "Translate a text.", "A translation of a text."),
        ('Translate "{0}" into {1}.', 'Translate "{0}" to {1}', "Translate {0} into {1}."),
    ),
    _Known(
        "search|web_search|search_web|search_docs|lookup",
        (("query|text|q|question", "str", "words"),),
        ("Search the web.", "Search the web for a text.", "Search documents.", "Search a text."),
        ("Search for {0}.", "Search the web for {0}", 'Please search for "{0}".'),
    ),
    _Known(
        "reverse|reverse_text|reverse_string|backwards",
        (("text|string|word", "str", "words"),),
        ("Reverse a text.", "Reverse the order of the letters.", "Return the text in reverse."),
        ('Reverse "{0}".', 'Reverse the text "{0}"', "Reverse the word {0}."),
    ),
    _Known(
        "count_words|word_count|number_of_words|words_in",
        (("text|sentence|content", "str", "words"),),
        ("Count the words of a text.", "Return the number of words.", "Count words."),
        ('How many words are in "{0}"?', 'Count the words in "{0}".', 'Count the words of "{0}"'),
    ),
    _Known(
        "get_user|find_user|user|user_by_id|load_user",
        (("user_id|id|number", "int", "number"),),
        ("Return a user.", "Get the user with an id.", "Load a user by the id."),
        ("Get the user {0}.", "Who is the user {0}?", "Show me user {0}", "Find user {0}."),
    ),
    _Known(
        "read_file|open_file|file_content|load_file",
        (("path|file|filename|name", "str", "file"),),
        ("Read a file.", "Return the content of a file.", "Open a file and return its text."),
        ("Read the file {0}.", "What is in the file {0}?", "Show me the file {0}", "Open file {0}"),
    ),
    _Known(
        "turn_on|switch_on|turn_on_device|turn_on_light",
        (("device|what|name|lamp", "str", "noun"),),
        ("Turn on a device.", "Turn a device on.", "Turn something on."),
        ("Turn on the {0}.", "Please turn on the {0}", "Turn the {0} on."),
    ),
)


def a_known_tool(random: Random) -> Asked:
    """Return a tool that many people try first, and a request for it."""
    known = random.choice(_KNOWN)
    values = [_value(random, kind) for _, _, kind in known.parameters]
    keys = [random.choice(names.split("|")) for names, _, _ in known.parameters]
    types = [kind for _, kind, _ in known.parameters]
    tool = Offered(
        random.choice(known.names.split("|")),
        dict(zip(keys, types, strict=True)),
        random.choice(known.descriptions),
    )
    request = random.choice(known.requests).format(*values)
    arguments: dict[str, Any] = dict(zip(keys, values, strict=True))
    return Asked(tool, request.rstrip("?."), arguments, request.endswith("?"))


def _value(random: Random, kind: str) -> Any:
    if kind == "number":
        return random.randrange(10 ** random.randrange(1, 6))
    if kind == "name" and random.random() < 0.5:
        return random.choice(NAMES)
    if kind == "code":
        return random.choice((name(random), made_up(random)[: random.randrange(2, 6)].upper()))
    if kind == "language":
        return random.choice(("Spanish", "French", "German", "Italian", "Dutch", name(random)))
    if kind == "noun":
        return noun(random)
    if kind == "file":
        return f"{noun(random)}.{random.choice(('txt', 'md', 'py', 'csv', 'json'))}"
    return value_of(random, kind)
