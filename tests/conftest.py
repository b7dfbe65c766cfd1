"""What every test of the project shares."""

import pytest
from hypothesis import settings

settings.register_profile("rxagent", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("rxagent")


@pytest.fixture(autouse=True)
def _no_leaks(no_leaks):
    """Check every test: what it opens is closed when it ends."""
