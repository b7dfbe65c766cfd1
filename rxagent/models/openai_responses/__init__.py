"""OpenAI's Responses protocol: requests, and replies as bytes."""
