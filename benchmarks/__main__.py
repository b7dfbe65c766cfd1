"""The command: `python -m benchmarks [--quick] [NAME ...]` measures, and prints one table."""

import argparse
import sys
from collections.abc import Callable, Iterable

from . import (
    answers,
    anthropic,
    bedrock,
    builtin,
    composed,
    crowds,
    first_request,
    gateways,
    hang_up,
    heartbeat,
    imports,
    limits,
    local,
    memory,
    responses,
    sandbox,
    viewers,
    waits,
)
from .far_end import serving
from .row import Row
from .table import table

FAMILIES: dict[str, Callable[[str, bool], Iterable[Row]]] = {
    "short": answers.short,
    "bedrock": bedrock.short,
    "anthropic": anthropic.short,
    "gateways": gateways.short,
    "responses": responses.short,
    "long": answers.long,
    "paced": crowds.paced,
    "unpaced": crowds.unpaced,
    "first": waits.first,
    "step": waits.step,
    "first_request": first_request.rows,
    "heartbeat": heartbeat.held,
    "hang_up": hang_up.rows,
    "hang_up_bedrock": bedrock.hang_up,
    "limits": limits.rate,
    "memory": memory.rows,
    "sandbox": sandbox.rows,
    "viewers": viewers.rows,
    "composed": composed.rows,
    "careful": composed.careful,
    "import": imports.rows,
    "builtin": builtin.rows,
    "onnx": local.onnx,
    "transformers": local.transformers,
    "mlx": local.mlx,  # the last, as it can abort the interpreter at its exit
}
"""The benchmarks by name: functions of the server's URL, and of whether to be quick."""


def main() -> None:
    """Run the benchmarks that the command line names; by default, all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*FAMILIES, []], help=", ".join(FAMILIES))
    parser.add_argument("--quick", action="store_true", help="fewer turns, so more noise")
    arguments = parser.parse_args()
    rows: list[Row] = []
    missing = []
    with serving() as url:
        for name in arguments.name or FAMILIES:
            print(f"{name} ...", file=sys.stderr, flush=True)
            before = len(rows)
            for row in FAMILIES[name](url, arguments.quick):
                print(f"    {row.name}: {row.value:.3g} {row.unit}", file=sys.stderr, flush=True)
                rows.append(row)
            missing += [name] if len(rows) == before else []
    print(table(rows), flush=True)
    if missing:
        names = ", ".join(missing)
        print(f"\nNot measured, as their packages are not installed: {names}.", flush=True)


if __name__ == "__main__":
    main()
