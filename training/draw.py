"""Draw the loss by step: `python -m training.draw LOSS.csv...`; several files follow each other."""

import argparse
import csv
import math
from pathlib import Path

__all__ = ["main"]

_TO = Path(__file__).parents[1] / "docs" / "_static" / "loss.svg"
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 280, 50, 30
_MOST, _LEAST = 10.0, 0.001
_POINTS = 240


def main() -> None:
    """Draw as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="+", type=Path)
    losses = [loss for log in parser.parse_args().logs for loss in _read(log)]
    size = max(1, len(losses) // _POINTS)
    means = [sum(part) / len(part) for part in _parts(losses, size)]
    _TO.write_text(_drawn(means, len(losses)), "utf-8")
    print(f"{_TO}: {len(losses)} steps, at last {means[-1]:.4f}")


def _read(log: Path) -> list[float]:
    with log.open(encoding="utf-8") as lines:
        return [float(row["loss"]) for row in csv.DictReader(lines)]


def _parts(values: list[float], size: int) -> list[list[float]]:
    return [values[at : at + size] for at in range(0, len(values), size)]


def _drawn(means: list[float], steps: int) -> str:
    across, down = _WIDTH - _LEFT - 10, _HEIGHT - _BOTTOM - 10

    def height(loss: float) -> float:
        part = math.log(min(max(loss, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
        return 10 + down * (1 - part)

    points = " ".join(
        f"{_LEFT + across * at / max(1, len(means) - 1):.1f},{height(mean):.1f}"
        for at, mean in enumerate(means)
    )
    lines = []
    for loss in (10, 1, 0.1, 0.01, 0.001):
        y = height(loss)
        lines.append(f'<path d="M{_LEFT} {y:.1f}h{across}" stroke="#8884" fill="none"/>')
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{loss:g}</text>')
    for part in range(5):
        x = _LEFT + across * part / 4
        text = f"{steps * part // 4:,}"
        lines.append(f'<text x="{x:.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{text}</text>')
    body = "\n".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="11" fill="#888">\n'
        f"<title>Loss by step</title>\n{body}\n"
        f'<polyline points="{points}" fill="none" stroke="#4c78a8" stroke-width="1.5"/>\n</svg>\n'
    )


if __name__ == "__main__":
    main()
