"""Phrases around questions, and what is said without an answer."""

from random import Random

__all__ = ["CANNOT", "FIXED", "NO_TOOL", "asked", "number", "of"]

ABILITIES = "I can calculate, convert units, work out percentages and dates, and call tools."
CANNOT = f"I cannot answer this. I am a small demonstration model: {ABILITIES}"
NO_TOOL = (
    "I have no tool for this. I can call the tools that I am given. As a CodeAgent, I can "
    "calculate, convert units, and work out percentages and dates."
)

FIXED = (
    "Thought: I call and mend the error.",  # codespell:ignore mend
    *("<code>\nfinal_answer(await f", "a; b"),
    *('"name": "arguments": str int float', "The result is:", "The results are:"),
    *("Thought: The tool failed.", '"The tool failed:'),
)
"""What the replies of dialogues with tools have in common, and the types of arguments."""

_BEFORE = (
    *("What is ", "what is ", "What's ", "How much is ", "Calculate ", "Compute ", "calculate "),
    *("Work out ", "Please calculate ", "Tell me ", "Can you calculate ", "Evaluate ", "", "", ""),
    *("Solve ", "What does this give: ", "I need to know ", "Could you tell me ", "Find "),
    *("What do I get for ", "Give me ", "What would be ", "What is the result of ", "Do "),
)
_POLITE = (
    "Hi, ",
    "Hello! ",
    "Please: ",
    "Hey, ",
    "Quick question: ",
    "OK, ",
    "And ",
    "Now ",
    "So ",
)


def of(random: Random, *choices: str) -> str:
    """Return one of some texts."""
    return random.choice(choices)


def asked(random: Random, what: str) -> str:
    """Return a question for a value."""
    before = random.choice(_BEFORE)
    end = random.choice(("?", "?", "?", ".", "", "", " ?", " = ?", " please", ", please?"))
    if "=" in end and not what[-1:].isdigit():
        end = "?"
    return dressed(random, before + what + end)


def dressed(random: Random, question: str) -> str:
    """Return a question with small words around it, or in small letters."""
    if random.random() < 0.08:
        question = random.choice(_POLITE) + question
    if random.random() < 0.1:
        question = question[0].lower() + question[1:]
    if random.random() < 0.04:
        question = question.rstrip("?.") + random.choice(("??", "!", "? Thanks!", " thanks"))
    return question


def number(random: Random, digits: int = 8, *, decimals: float = 0.15) -> str:
    """Return a number of up to so many digits, some with decimals."""
    length = min(digits, random.choice((1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8)))
    whole = str(random.randrange(10 ** (length - 1) if length > 1 else 0, 10**length))
    if random.random() < decimals:
        places = random.choice((1, 1, 2, 2, 3))
        whole += "." + "".join(random.choice("0123456789") for _ in range(places))
    return whole
