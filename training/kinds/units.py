"""Units: lengths, weights, volumes, times, speeds, areas, data and temperatures."""

from random import Random

from ..example import Example, Reply, code
from .phrases import dressed, number, of

__all__ = ["UNITS", "conversion", "units"]

UNITS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "length": {
        "mm": ("0.001", ("mm", "millimetres", "millimeters")),
        "cm": ("0.01", ("cm", "centimetres", "centimeters")),
        "m": ("1", ("m", "metres", "meters")),
        "km": ("1000", ("km", "kilometres", "kilometers", "kilometers")),
        "in": ("0.0254", ("inches", "inch", "in")),
        "ft": ("0.3048", ("feet", "ft", "foot")),
        "yd": ("0.9144", ("yards", "yd")),
        "mi": ("1609.344", ("miles", "mi", "mile", "miles")),
    },
    "weight": {
        "mg": ("0.001", ("mg", "milligrams")),
        "g": ("1", ("g", "grams", "gram")),
        "kg": ("1000", ("kg", "kilograms", "kilos", "kilogram")),
        "t": ("1e6", ("tonnes", "tons", "t")),
        "oz": ("28.349523125", ("oz", "ounces")),
        "lb": ("453.59237", ("pounds", "lb", "lbs", "pound")),
        "st": ("6350.29318", ("stone",)),
    },
    "volume": {
        "ml": ("0.001", ("ml", "millilitres", "milliliters")),
        "cl": ("0.01", ("cl", "centilitres")),
        "l": ("1", ("l", "litres", "liters", "litre")),
        "gal": ("3.785411784", ("gallons", "gal", "gallon")),
        "pt": ("0.473176473", ("pints", "pt", "pint")),
        "cups": ("0.2365882365", ("cups", "cup")),
    },
    "time": {
        "s": ("1", ("seconds", "s", "sec", "seconds")),
        "min": ("60", ("minutes", "min", "minute", "minutes")),
        "h": ("3600", ("hours", "h", "hour", "hours")),
        "days": ("86400", ("days", "day")),
        "weeks": ("604800", ("weeks", "week")),
    },
    "speed": {
        "m/s": ("1", ("m/s", "metres per second", "meters per second")),
        "km/h": ("(1 / 3.6)", ("km/h", "kph", "kilometres per hour", "kilometers per hour")),
        "mph": ("0.44704", ("mph", "miles per hour")),
        "knots": ("(1.852 / 3.6)", ("knots", "kn")),
    },
    "area": {
        "m2": ("1", ("square metres", "square meters", "m2", "m²")),
        "km2": ("1e6", ("square kilometres", "square kilometers", "km2", "km²")),
        "ha": ("1e4", ("hectares", "ha")),
        "acres": ("4046.8564224", ("acres", "acre")),
        "ft2": ("0.09290304", ("square feet", "ft2", "sq ft")),
    },
    "data": {
        "bytes": ("1", ("bytes", "byte")),
        "KB": ("1000", ("KB", "kilobytes", "kB")),
        "MB": ("1e6", ("MB", "megabytes")),
        "GB": ("1e9", ("GB", "gigabytes")),
        "TB": ("1e12", ("TB", "terabytes")),
    },
}
"""The factor of each unit to the first one of its kind, and its names."""

_HEAT = {
    "°C": ("°C", "degrees Celsius", "Celsius", "C", "degrees C", "celsius"),
    "°F": ("°F", "degrees Fahrenheit", "Fahrenheit", "F", "degrees F", "fahrenheit"),
    "K": ("K", "kelvin", "Kelvin"),
}
_HEATS = {
    ("°C", "°F"): "{} * 9 / 5 + 32",
    ("°F", "°C"): "({} - 32) * 5 / 9",
    ("°C", "K"): "{} + 273.15",
    ("K", "°C"): "{} - 273.15",
    ("°F", "K"): "({} - 32) * 5 / 9 + 273.15",
    ("K", "°F"): "({} - 273.15) * 9 / 5 + 32",
}


def units(random: Random) -> Example:
    """Return a conversion."""
    question, python, unit = conversion(random)
    reply = code("I convert the unit.", f'final_answer(f"{{{python}:.10g}} {unit}")')
    return Example("units", question, [Reply(reply)], answer=(python, unit))


def conversion(random: Random) -> tuple[str, str, str]:
    """Return a question for a conversion, the sum that answers it, and the unit."""
    value = number(random, 5, decimals=0.25)
    if random.random() < 0.2:
        (one, other), form = random.choice(list(_HEATS.items()))
        if random.random() < 0.15:
            value = f"-{value}"
        said, into = random.choice(_HEAT[one]), random.choice(_HEAT[other])
        return _asked(random, value, said, into), form.format(value), other
    is_one = random.random() < 0.07
    kind = random.choice(("length", "length", "length", "weight", "weight", *UNITS))
    one, other = random.sample(list(UNITS[kind]), 2)
    (factor, names), (divisor, others) = UNITS[kind][one], UNITS[kind][other]
    if is_one:
        value = "1"
    python = value
    if factor != "1":
        python += f" * {factor}"
    if divisor != "1":
        python += f" / {divisor}"
    said, into = random.choice(names), random.choice(others)
    if is_one:
        return _of_one(random, said, into), python, other
    return _asked(random, value, said, into), python, other


def _of_one(random: Random, one: str, other: str) -> str:
    single = one.removesuffix("s") if one not in ("s", "m/s", "inches", "days") else one
    single = {"inches": "inch", "feet": "foot", "days": "day"}.get(one, single)
    a = "an" if single[0] in "aeiouh" and single not in ("hectare", "ha") else "a"
    question = of(
        random,
        *(f"How many {other} are in {a} {single}?", f"How many {other} are there in {a} {single}?"),
        *(
            f"How many {other} is {a} {single}?",
            f"How many {other} in {a} {single}",
            f"{a} {single} in {other}",
        ),
        *(f"How many {other} does {a} {single} have?", f"What is {a} {single} in {other}?"),
        *(f"How many {other} are in one {single}?", f"How many {other} make {a} {single}?"),
    )
    return dressed(random, question)


def _asked(random: Random, value: str, one: str, other: str) -> str:
    gap = "" if len(one) < 4 and random.random() < 0.4 else " "
    much = f"{value}{gap}{one}"
    question = of(
        random,
        *(f"Convert {much} to {other}.", f"Convert {much} into {other}", f"{much} in {other}"),
        *(f"{much} to {other}", f"What is {much} in {other}?", f"How much is {much} in {other}?"),
        *(f"How many {other} are {much}?", f"How many {other} are in {much}?"),
        *(
            f"How many {other} is {much}?",
            f"Express {much} in {other}.",
            f"Change {much} to {other}.",
        ),
        *(
            f"What are {much} in {other}?",
            f"How many {other} are there in {much}?",
            f"{much} = ? {other}",
        ),
        *(
            f"{much} as {other}",
            f"Please convert {much} to {other}",
            f"How long is {much} in {other}?",
        ),
    )
    return dressed(random, question)
