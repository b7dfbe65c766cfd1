"""Bedrock's Converse protocol: its requests, its frames, and its replies read as deltas."""
