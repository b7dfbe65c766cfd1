"""How many examples laws are tried with: a quarter of all by `tox`, all of them by `tox -e soak`.

A law has 100 examples. One that needs another number has the settings `examples(number)`.
"""

from hypothesis import HealthCheck, settings

ALL = 100
SOME = 25
FEWEST = 10
"""A law that is tried with so few is tried with all of them, in each profile."""


def add_profiles():
    """Add the profiles `rxagent`, which is the usual one, and `thorough`."""
    # A busy machine is slow to make examples, which says nothing of what they are made for.
    settings.register_profile(
        "rxagent",
        max_examples=SOME,
        deadline=None,
        derandomize=True,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile("thorough", settings.get_profile("rxagent"), max_examples=ALL)
    settings.load_profile("rxagent")


def examples(number):
    """Return the settings of a law that has so many examples; a profile takes its share of them."""
    return settings(max_examples=max(min(number, FEWEST), number * settings().max_examples // ALL))
