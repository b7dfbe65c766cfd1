"""Models: functions from a request to a stream of deltas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily
from .functions import as_model
from .model import Model
from .provider import Provider
from .resolve import prefixes, resolve

if TYPE_CHECKING:
    from .anthropic import AnthropicModel
    from .azure import AzureOpenAIModel
    from .bedrock import AmazonBedrockModel
    from .builtin import BuiltinModel
    from .errors import ErrorFactory
    from .hf import InferenceClientModel
    from .litellm import LiteLLMModel
    from .mlx import MLXModel
    from .onnx import OnnxModel
    from .openai import OpenAIModel
    from .transformers import TransformersModel
    from .vllm import VLLMModel

_MODULE_OF = {
    "AmazonBedrockModel": "bedrock",
    "AnthropicModel": "anthropic",
    "AzureOpenAIModel": "azure",
    "BuiltinModel": "builtin",
    "ErrorFactory": "errors",
    "InferenceClientModel": "hf",
    "LiteLLMModel": "litellm",
    "MLXModel": "mlx",
    "OnnxModel": "onnx",
    "OpenAIModel": "openai",
    "TransformersModel": "transformers",
    "VLLMModel": "vllm",
}

__all__ = [
    "AmazonBedrockModel",
    "AnthropicModel",
    "AzureOpenAIModel",
    "BuiltinModel",
    "ErrorFactory",
    "InferenceClientModel",
    "LiteLLMModel",
    "MLXModel",
    "Model",
    "OnnxModel",
    "OpenAIModel",
    "Provider",
    "TransformersModel",
    "VLLMModel",
    "as_model",
    "prefixes",
    "resolve",
]

__getattr__, __dir__ = lazily(__name__, _MODULE_OF, __all__, advice="rxagent.dropped")
