"""What pytest takes when a test runs it within pytest."""

APART = ("-p", "no:rerunfailures")
"""Without the plugin that runs failed tests again: it leaves a socket open."""
