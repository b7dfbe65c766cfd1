"""The shipped weights can be trained further."""

import pytest

pytest.importorskip("onnx")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
engine = pytest.importorskip("onnxruntime_genai")

from training.convert import SHIPPED  # noqa: E402
from training.restoring import restored  # noqa: E402

PROMPT = "<|code|>price(of: str) Return the price.\n<|user|>What is the price of tea?<|assistant|>"


def test_a_restored_model_is_the_shipped_one():
    """Its logits are those of the engine."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(SHIPPED)
    ids = tokenizer.encode(PROMPT, add_special_tokens=False)
    shipped = engine.Model(str(SHIPPED))
    generator = engine.Generator(shipped, engine.GeneratorParams(shipped))
    generator.append_tokens(ids)
    expected = torch.from_numpy(generator.get_output("logits")).flatten()[-tokenizer.vocab_size :]

    with torch.no_grad():
        got = restored(SHIPPED, tokenizer)(torch.tensor([ids])).logits[0, -1]

    torch.testing.assert_close(got[-len(expected) :], expected, rtol=1e-3, atol=1e-3)
