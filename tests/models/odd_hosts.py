"""Far ends of hosts that refuse what OpenAI's server takes."""

from itertools import pairwise

from rxagent.models import resolve
from rxagent.testing.far_ends.openai import OpenAIFarEnd


class HostFarEnd(OpenAIFarEnd):
    """The far end of a host."""

    def connect(self, name, /, **options):
        """Return a model of the host, connected to the server."""
        return resolve(f"{self.prefix}:{name}", api_base=self.server.url, api_key="any", **options)


def turns_of(sent):
    """Return the messages that were sent, from one of the user to the next."""
    starts = [at for at, message in enumerate(sent) if message["role"] == "user"]
    return [sent[start:end] for start, end in pairwise([0, *starts, len(sent)])]


class DeepSeekFarEnd(HostFarEnd):
    """The far end of DeepSeek, which wants back each thought of a turn with calls."""

    prefix = "deepseek"

    def check(self, body):
        """Check a request as OpenAI's, and what the server refuses in thinking mode."""
        super().check(body)
        for turn in turns_of(body["messages"]):
            said = [message for message in turn if message["role"] == "assistant"]
            has_calls = any(message.get("tool_calls") for message in said)
            if has_calls and not all(message.get("reasoning_content") for message in said):
                raise AssertionError("The `reasoning_content` must be passed back to the API.")


class MoonshotFarEnd(DeepSeekFarEnd):
    """The far end of Moonshot, which wants the same."""

    prefix = "moonshot"


class GeminiFarEnd(HostFarEnd):
    """The far end of Gemini, which refuses a call without the signature of its thought."""

    prefix = "gemini"

    def check(self, body):
        """Check a request as OpenAI's, and what Gemini 3 refuses in the latest turn."""
        super().check(body)
        for message in turns_of(body["messages"])[-1]:
            for call in (message.get("tool_calls") or ())[:1]:
                google = call.get("extra_content", {}).get("google", {})
                if not google.get("thought_signature"):
                    raise AssertionError("Function call is missing a thought_signature")


class GroqFarEnd(HostFarEnd):
    """The far end of Groq, which refuses thoughts under the name of others."""

    prefix = "groq"

    def check(self, body):
        """Check a request as OpenAI's, and what Groq's server refuses."""
        super().check(body)
        if any("reasoning_content" in message for message in body["messages"]):
            raise AssertionError("property 'reasoning_content' is unsupported")


HOSTS = {kind.prefix: kind for kind in (DeepSeekFarEnd, MoonshotFarEnd, GeminiFarEnd, GroqFarEnd)}
