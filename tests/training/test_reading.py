"""A model tells a result or an error as it read it, whatever signs it has."""

from random import Random

from training.kinds.reading import reading

SIGNS = "%°€$!?+-*/=&@#:;|~^()[]<>"


def test_what_is_told_is_what_was_read():
    """Each result stands in the last reply, and each sign in some result."""
    random = Random(1)
    some = [reading(random) for _ in range(400)]
    results = [(each.replies[-1].text, text) for each in some for text in each.replies[0].results]
    reasons = [(told, text.split("Error: ")[-1].split("\n")[0]) for told, text in results]

    assert all(reason in told for told, reason in reasons)
    assert set(SIGNS) <= {sign for _, reason in reasons for sign in reason}
