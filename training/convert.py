"""Convert a trained model to the shipped folder: `python -m training.convert FOLDER`.

It needs onnxruntime-genai, onnx, onnx-ir, torch and transformers.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["SHIPPED", "main"]

SHIPPED = Path(__file__).parents[1] / "rxagent" / "models" / "tiny"
"""Where the package has the model."""

_KEPT = (
    *("genai_config.json", "model.onnx", "model.onnx.data", "tokenizer.json"),
    *("tokenizer_config.json", "chat_template.jinja"),
)


def main() -> None:
    """Convert as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="What training.train wrote.")
    parser.add_argument("--to", type=Path, default=SHIPPED)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        made = Path(cache) / "made"
        what = [
            "-i",
            str(given.folder / "model"),
            "-o",
            str(made),
            "-c",
            str(Path(cache) / "cache"),
        ]
        builder = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
        subprocess.run(
            [*builder, *what, "-p", "fp32", "-e", "cpu"], check=True, stdout=subprocess.DEVNULL
        )
        given.to.mkdir(parents=True, exist_ok=True)
        template = Path(__file__).with_name("chat_template.jinja")
        (made / template.name).write_bytes(template.read_bytes())
        for name in _KEPT:
            (given.to / name).write_bytes((made / name).read_bytes())
    _shorten(given.to)
    size = sum(file.stat().st_size for file in given.to.iterdir())
    print(f"{given.to}: {size / 1e6:.2f} MB")


def _shorten(folder: Path) -> None:
    """Write the tokenizer without blanks, and the settings without the template, a file itself."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        content = json.loads((folder / name).read_text("utf-8"))
        content.pop("chat_template", None)
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (folder / name).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
