"""Benchmarks: rxagent beside the SDK's own loop, in one run."""
