"""The command `python -m benchmarks.rooms`: how many files and lines each package has."""

from pathlib import Path
from statistics import median

PACKAGE = Path(__file__).parents[1] / "rxagent"


def lines_of(package: Path) -> dict[str, list[tuple[int, Path]]]:
    """Return the lines and the path of each file, by the package or module in which it lies."""
    rooms: dict[str, list[tuple[int, Path]]] = {}
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package)
        name = room.parts[0] if len(room.parts) > 1 else "(top level)"
        count = len(path.read_text(encoding="utf-8").splitlines())
        rooms.setdefault(name, []).append((count, room))
    return rooms


def table(rooms: dict[str, list[tuple[int, Path]]]) -> str:
    """Return the table, with a row for each package and one for all."""
    everything = [room for package in rooms.values() for room in package]
    rows = [
        "| package | files | lines | median | longest |",
        "|---|---|---|---|---|",
        *(_row(name, package) for name, package in sorted(rooms.items())),
        _row("all", everything),
    ]
    return "\n".join(rows)


def _row(name: str, rooms: list[tuple[int, Path]]) -> str:
    counts = [lines for lines, _ in rooms]
    most, path = max(rooms)
    return (
        f"| {name} | {len(rooms)} | {sum(counts):,} | {median(counts):.0f} "
        f"| {most}, {path.as_posix()} |"
    )


if __name__ == "__main__":
    print(table(lines_of(PACKAGE)))
