"""Anthropic's Messages protocol: requests, and replies as bytes."""
