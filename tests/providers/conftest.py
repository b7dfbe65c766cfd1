"""What the tests of providers share, whose SDKs are not among the dependencies."""

import os

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # as LiteLLMModel does it
