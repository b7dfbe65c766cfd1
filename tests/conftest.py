"""What every test of the project shares."""

from hypothesis import settings

settings.register_profile("rxagent", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("rxagent")
