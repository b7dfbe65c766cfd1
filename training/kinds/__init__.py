"""The kinds of dialogues, each a function from a source of chance to an example."""
