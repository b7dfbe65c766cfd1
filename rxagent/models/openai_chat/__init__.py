"""OpenAI's chat protocol in its dialects: requests, replies, and the SDK that carries them."""
