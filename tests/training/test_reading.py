"""A model says a result or an error as it read it, whatever signs it has."""

from random import Random

from training.kinds.reading import reading

SIGNS = "%°€$!?+-*/=&@#:;|~^()[]<>"


def test_what_is_said_is_what_was_read():
    """Each result stands in the last reply, and each sign in some result."""
    random = Random(1)
    some = [reading(random) for _ in range(400)]
    results = [(each.replies[-1].text, text) for each in some for text in each.replies[0].results]
    reasons = [(said, text.split("Error: ")[-1].split("\n")[0]) for said, text in results]

    assert all(reason in said for said, reason in reasons)
    assert set(SIGNS) <= {sign for _, reason in reasons for sign in reason}
