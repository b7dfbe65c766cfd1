"""The SDKs and engines of the providers, by their modules."""

from rxagent.models import prefixes
from rxagent.models.resolve import load_provider

BROUGHT = {
    *("aiohttp", "botocore", "httpx", "httpx2", "huggingface_hub", "mlx", "openai", "pydantic"),
}
"""What every user has, and what the SDKs bring."""

SDKS = sorted({module for name in prefixes() for module in load_provider(name).modules} | BROUGHT)
"""The modules that declarations name, and what comes with them."""
