"""Models: functions from a request to a stream of deltas."""

from typing import TYPE_CHECKING

from ..lazy import lazily
from .functions import as_model
from .model import Model
from .provider import Provider
from .resolve import prefixes, resolve

if TYPE_CHECKING:
    from .azure import AzureOpenAIModel
    from .errors import ErrorFactory
    from .mlx import MLXModel
    from .onnx import OnnxModel
    from .openai import OpenAIModel
    from .transformers import TransformersModel

_ROOM_OF = {
    "AzureOpenAIModel": "azure",
    "ErrorFactory": "errors",
    "MLXModel": "mlx",
    "OnnxModel": "onnx",
    "OpenAIModel": "openai",
    "TransformersModel": "transformers",
}

__all__ = [
    "AzureOpenAIModel",
    "ErrorFactory",
    "MLXModel",
    "Model",
    "OnnxModel",
    "OpenAIModel",
    "Provider",
    "TransformersModel",
    "as_model",
    "prefixes",
    "resolve",
]

__getattr__, __dir__ = lazily(__name__, _ROOM_OF, __all__)
