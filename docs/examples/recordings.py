"""Recordings that the diagrams play."""

from pathlib import Path

hello = Path(__file__).with_name("hello.jsonl")
"""The answer to "Say something.": two words in half a second, with a pause between them."""
